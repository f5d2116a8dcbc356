"""Arguments in, verdicts out; an exit code as other programs have it."""

import argparse
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import msgspec
from rich.console import Console

from faults.campaign import Campaign, runs_of
from faults.catalog import FAULTS, LASTING
from faults.report import PAGE, catalogue, line, measurements_table, write_page
from faults.run import Fault
from faults.verdict import RunVerdict
from streams.errors import RefundError
from testkit.jars import default_cache
from testkit.prepare import prepare

_EXIT_FAILED: Final = 1
_EXIT_USAGE: Final = 2


def parser() -> argparse.ArgumentParser:
    """Return the command line."""
    found = argparse.ArgumentParser(
        prog="python -m faults",
        description="Breaks things under load and lets a judge look at what is left.",
    )
    add = found.add_argument
    add("fault", nargs="*", help="numbers or names of faults (default: all)")
    add("--list", action="store_true", help="list the faults and end")
    add("--runs", type=int, metavar="N", help="runs of each (default: the campaign's)")
    add("--seed", type=int, metavar="N", help="of the first run (default: 1)")
    add("--minutes", type=int, metavar="N", help=f"length of {', '.join(LASTING)}")
    add("--json", action="store_true", help="verdicts as JSON lines on standard output")
    add("--record", type=Path, metavar="FILE", help="append verdicts to FILE")
    add("--folder", type=Path, help="where failed runs are kept (default: a new one)")
    add(
        "--write-docs", type=Path, metavar="FILE", help=f"write {PAGE} from such a file"
    )
    return found


def chosen(names: Sequence[str]) -> tuple[Fault, ...]:
    """Return the faults that are asked for, in the order of their numbers.

    Raises
    ------
    ValueError
        Names that are none, all of them in one line.
    """
    if not names:
        return FAULTS
    unknown = [name for name in names if not any(_is(name, fault) for fault in FAULTS)]
    if unknown:
        raise ValueError(f"no such fault: {', '.join(unknown)}; see --list")
    return tuple(fault for fault in FAULTS if any(_is(name, fault) for name in names))


def _is(name: str, fault: Fault) -> bool:
    return name in (str(fault.number), fault.name)


def main(arguments: Sequence[str]) -> int:
    """Do what the command line says; 0 all passed, 1 some failed, 2 wrong usage."""
    given = parser().parse_args(arguments)
    console = Console(stderr=given.json)
    try:
        faults = [
            LASTING[fault.name](given.minutes * 60)
            if given.minutes and fault.name in LASTING
            else fault
            for fault in chosen(given.fault)
        ]
        if given.list:
            console.print(catalogue(faults))
            return 0
        if given.write_docs:
            write_page(_read(given.write_docs), FAULTS, PAGE)
            return 0
        return _play(given, faults, console)
    except (ValueError, OSError) as problem:
        print(f"faults: {problem}", file=sys.stderr)
        return _EXIT_USAGE
    except RefundError as problem:
        print(f"faults: {problem}", file=sys.stderr)
        return _EXIT_FAILED


def _play(given: argparse.Namespace, faults: Sequence[Fault], console: Console) -> int:
    folder = given.folder or Path(tempfile.mkdtemp(prefix="faults-"))
    cache = default_cache(None, Path.home())
    console.print(f"failed runs are kept in {folder}")

    def report(verdict: RunVerdict) -> None:
        console.print(line(verdict), markup=False, highlight=False, soft_wrap=True)
        if given.json:
            print(msgspec.json.encode(verdict).decode(), flush=True)
        if given.record:
            with given.record.open("ab") as sink:
                sink.write(msgspec.json.encode(verdict) + b"\n")

    campaign = Campaign(prepare(cache), folder)
    verdicts = campaign.run(runs_of(faults, given.runs, given.seed), report)
    console.print(measurements_table(verdicts, faults))
    for verdict in verdicts:
        if verdict.not_run is not None:
            missing = f"{verdict.name} WAS NOT RUN: {verdict.not_run}"
            console.print(missing, style="bold red", markup=False, highlight=False)
    return _EXIT_FAILED if any(verdict.problems for verdict in verdicts) else 0


def _read(path: Path) -> list[RunVerdict]:
    """Read recorded verdicts; of a run that was repeated the last one counts."""
    found: dict[tuple[str, int], RunVerdict] = {}
    for number, text in enumerate(path.read_bytes().splitlines(), 1):
        try:
            verdict = msgspec.json.decode(text, type=RunVerdict)
        except msgspec.DecodeError as problem:
            raise ValueError(f"{path}, line {number}: {problem}") from None
        found[verdict.name, verdict.seed] = verdict
    return list(found.values())
