"""Keys of records on the topic of policies: which family a record is named after."""

import re
from collections.abc import Mapping
from typing import Final, Literal, TypeAlias

CODE: Final = "[A-Z][A-Z0-9]*"
"""What the code of a family looks like."""

_NAMED: Final = re.compile(f"({CODE})(?:@[0-9]+|:pause)")
"""A key that names the family it is for."""

Place: TypeAlias = Literal["pause", "dated", "undated", "theirs", "nobody's"]
"""What a key is to a family: ``FR:pause``, ``FR@7``, ``FR``, another family's, any other."""


def pause_key(code: str) -> str:
    """``FR:pause``: key of the record that pauses a family or ends its pause."""
    return f"{code}:pause"


def place_of(name: str | None, code: str) -> Place:
    """Say what the key of a record is to a family."""
    name = name or ""
    if name == pause_key(code):
        return "pause"
    named = _NAMED.fullmatch(name)
    if named is not None and named[1] != code:
        return "theirs"
    if name.startswith(f"{code}@"):
        return "dated"
    return "undated" if name == code else "nobody's"


def called_by(found: Mapping[str, object], code: str) -> str:
    """Name a version that may not be readable by what its content says."""
    version = found.get("version")
    return f"{code}@{version}" if type(version) is int else code


def text_of(key: bytes | None) -> str | None:
    """Return a key as text; None when there is none."""
    try:
        return key.decode() if key else None
    except UnicodeDecodeError:
        return None
