"""Names of topics: which are allowed, and which collide."""

import re
from collections.abc import Iterable
from typing import Final

_MOST: Final = 249
_CHARACTERS: Final = re.compile(r"[a-zA-Z0-9._-]+")


def name_problem(name: str) -> str | None:
    """Return why a topic may not have this name, in Kafka's words."""
    why: str | None = None
    if not name:
        why = "the empty string is not allowed"
    elif name in (".", ".."):
        why = f"'{name}' is not allowed"
    elif len(name) > _MOST:
        why = f"the length of '{name}' is longer than the max allowed length {_MOST}"
    elif not _CHARACTERS.fullmatch(name):
        why = (
            f"'{name}' contains one or more characters other than ASCII alphanumerics,"
            " '.', '_' and '-'"
        )
    return why and f"Topic name is invalid: {why}"


def colliding(name: str, others: Iterable[str]) -> str | None:
    """Return a name that differs only in periods and underscores: metrics mix them up."""
    plain = name.replace(".", "_")
    found = (one for one in others if one != name and one.replace(".", "_") == plain)
    return next(found, None)
