"""Read the keys of policy records: which family a key names."""

import re
from collections.abc import Mapping
from typing import Final, Literal, TypeAlias

CODE: Final = "[A-Z][A-Z0-9]*"
"""Pattern of a family code."""

_NAMED: Final = re.compile(f"({CODE})(?:@[0-9]+|:pause|:breaker)")
"""Pattern of a key that names its family."""

Place: TypeAlias = Literal["pause", "breaker", "dated", "undated", "theirs", "nobody's"]
"""How a key relates to a family: ``FR:pause``, ``FR:breaker``, ``FR@7``, ``FR``, another
family's, any other."""


def pause_key(code: str) -> str:
    """``FR:pause``: key of the record that pauses a family or ends its pause."""
    return f"{code}:pause"


def breaker_key(code: str) -> str:
    """``FR:breaker``: key of the record that resets breakers of a family."""
    return f"{code}:breaker"


def place_of(name: str | None, code: str) -> Place:
    """Return how the key of a record relates to a family."""
    name = name or ""
    if name == pause_key(code):
        return "pause"
    if name == breaker_key(code):
        return "breaker"
    named = _NAMED.fullmatch(name)
    if named is not None and named[1] != code:
        return "theirs"
    if name.startswith(f"{code}@"):
        return "dated"
    return "undated" if name == code else "nobody's"


def called_by(found: Mapping[str, object], code: str) -> str:
    """Return the name of a version from its content, which may be unreadable in part."""
    version = found.get("version")
    return f"{code}@{version}" if type(version) is int else code


def text_of(key: bytes | None) -> str | None:
    """Return a key as text; None = no key."""
    try:
        return key.decode() if key else None
    except UnicodeDecodeError:
        return None
