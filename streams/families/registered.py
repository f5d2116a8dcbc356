"""The registered families: shipped ones by name, others by import path."""

import importlib
import re
from collections.abc import Iterable, Iterator
from typing import Final, cast

from streams.errors import UsageError
from streams.processing.family import Family
from streams.processing.topics import FamilyTopics, registry

SHIPPED: Final = ("fast_refund",)
"""Folders of ``streams/families``; a new family adds a folder and its name here."""

_CODE: Final = re.compile(r"[A-Z][A-Z0-9]{0,15}")
"""A code is part of decision ids, policy keys, settings and group names."""

_MEMBERS: Final = tuple(name for name in vars(Family) if not name.startswith("_"))
"""The members that a family must have."""


def registered(names: Iterable[str]) -> tuple[Family, ...]:
    """Return the families of these names, in their order; imports them.

    Parameters
    ----------
    names
        Names in :data:`SHIPPED`, or import paths of modules with a ``FAMILY``.

    Raises
    ------
    UsageError
        One line for each name that is no family or occurs twice; one for topics that
        two families declare differently.
    """
    found: list[Family] = []
    problems: list[str] = []
    for name in names:
        family, why = _imported(name)
        if family is None:
            shipped = ", ".join(SHIPPED)
            problems.append(
                f"worker.families: {name} is not a family ({why}): name one of {shipped}, "
                "or a module on the path that holds a FAMILY"
            )
        elif family.code in {one.code for one in found}:
            problems.append(f"worker.families: {family.code} is named twice")
        else:
            found.append(family)
    try:
        registry(family.topics for family in found)
    except ValueError as problem:
        problems.append(f"worker.families: {problem}")
    if problems:
        raise UsageError(problems)
    return tuple(found)


def _imported(name: str) -> tuple[Family | None, str]:
    """Return a family, or None and the reason: foreign code may raise anything."""
    path = f"streams.families.{name}.family" if name in SHIPPED else name
    try:
        family = importlib.import_module(path).FAMILY
    except Exception as problem:  # noqa: BLE001 - a module may raise anything
        return None, " ".join(f"{type(problem).__name__}: {problem}".split())
    why = "; ".join(_faults(family))
    return (None, why) if why else (cast("Family", family), "")


def _faults(family: object) -> Iterator[str]:
    code, topics = getattr(family, "code", None), getattr(family, "topics", None)
    if not isinstance(code, str) or not _CODE.fullmatch(code):
        yield f"its code is {code!r}, not capital letters and digits"
    elif not isinstance(topics, FamilyTopics):
        yield "its topics are no FamilyTopics"
    elif topics.input.family != code:
        yield f"its input {topics.input.name} belongs to {topics.input.family}"
    missing = [name for name in _MEMBERS if not hasattr(family, name)]
    if missing:
        yield f"it lacks {', '.join(missing)}"
