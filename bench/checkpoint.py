"""Results on disk: written after every engine, so that a run of hours can be resumed.

A run that is gone on with must still be one run: the same options, the same machine and
the same code of ours, or its figures would not belong into one table.
"""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Final

import msgspec

from bench.options import BenchError
from bench.results import Results, from_json

_DATE: Final = "date"
_SOURCES: Final = {".py", ".java"}
_DIGITS: Final = 12


def read(file: Path) -> Results:
    """Read what :func:`write` wrote.

    Raises
    ------
    BenchError
        There is no such file, or it is not one of these.
    """
    try:
        return from_json(json.loads(file.read_text("utf-8")))
    except OSError as problem:
        raise BenchError(f"{file} cannot be read: {problem.strerror}") from None
    except (ValueError, msgspec.ValidationError) as problem:
        raise BenchError(f"{file} holds no figures of the bench: {problem}") from None


def write(results: Results, file: Path) -> None:
    """Replace the file at once: a run that is killed meanwhile leaves the old one whole."""
    fresh = file.with_name(f"{file.name}.new")
    try:
        fresh.write_text(json.dumps(results.to_json(), indent=1), encoding="utf-8")
        fresh.replace(file)
    except OSError as problem:
        raise BenchError(f"{file} cannot be written: {problem.strerror}") from None


def gone_on_with(before: Results, machine: dict[str, str], file: Path) -> Results:
    """Return the figures that are there, without failures: what failed is tried again.

    Raises
    ------
    BenchError
        They are of another machine, or of other code; a line for each difference.
    """
    names = {*before.machine, *machine} - {_DATE}
    others = [
        f"{file}: {name} was {before.machine.get(name, 'not there')}, "
        f"here it is {machine.get(name, 'not there')}; begin anew"
        for name in sorted(names)
        if before.machine.get(name) != machine.get(name)
    ]
    if others:
        raise BenchError("\n".join(others))
    for found in before.varied.values():
        found.failures.clear()
    days = {*before.machine[_DATE].split(", "), machine[_DATE]}
    dated = {**machine, _DATE: ", ".join(sorted(days))}
    return replace(before, machine=dated, failures=[])


def digest(folders: Iterable[Path]) -> str:
    """Return what tells one state of the engines' sources from another."""
    found = hashlib.sha256()
    for folder in folders:
        for file in sorted(folder.rglob("*")):
            if file.suffix in _SOURCES:
                named = f"{folder.name}/{file.relative_to(folder)}\0"
                found.update(named.encode() + file.read_bytes())
    return found.hexdigest()[:_DIGITS]
