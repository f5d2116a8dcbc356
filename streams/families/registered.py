"""Which families there are: the shipped ones by name, others by import path."""

import importlib
from collections.abc import Iterable
from typing import Final, cast

from streams.errors import UsageError
from streams.processing.family import Family

SHIPPED: Final = ("fast_refund",)
"""Folders of ``streams/families``; a new family is a folder and a name here."""


def registered(names: Iterable[str]) -> tuple[Family, ...]:
    """Return the families of these names, in their order.

    Parameters
    ----------
    names
        Of :data:`SHIPPED`, or import paths of modules that hold a ``FAMILY``.

    Raises
    ------
    UsageError
        One line a name that stands for no family, or that is named twice.
    """
    found: list[Family] = []
    problems: list[str] = []
    for name in names:
        path = f"streams.families.{name}.family" if name in SHIPPED else name
        try:
            family = cast("Family", importlib.import_module(path).FAMILY)
        except (ImportError, AttributeError, ValueError) as problem:
            shipped = ", ".join(SHIPPED)
            problems.append(
                f"worker.families: {name} is no family ({problem}): name one of {shipped}, "
                "or a module on the path that holds a FAMILY"
            )
            continue
        if family.code in {one.code for one in found}:
            problems.append(f"worker.families: {family.code} is named twice")
        found.append(family)
    if problems:
        raise UsageError(problems)
    return tuple(found)
