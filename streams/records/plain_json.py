"""Any JSON, read exactly: texts that were cut, integers of thousands of digits.

The fast decoders refuse some of what is JSON, and pass over what they are not asked
for. Here is what makes both of no consequence: a careful reading of the whole value,
and a look at what nobody reads.
"""

import json
import re
import sys
from typing import Final, TypeGuard

import msgspec

DIGITS_MAX: Final = 4_300
"""E-35: digits of the longest integer that can be read, and written again."""
CUT: Final = "unreadable"
"""Names a text in which half a character was replaced."""

_DECODER: Final = msgspec.json.Decoder()
_AS_ZEROS: Final = bytes.maketrans(b"123456789", b"000000000")
_RUN: Final = b"0" * (DIGITS_MAX + 1)
_HALF: Final = re.compile("[\ud800-\udfff]")
"""Half a surrogate pair: what is left of an emoji that was cut."""
_LARGEST: Final = sys.float_info.max


class NoJsonError(ValueError):
    """A value cannot be read; the text says why, without the value."""


def parse(value: bytes) -> object:
    """Read one JSON value: every text as it was sent, every integer to its end.

    Half a character is part of its text (E-34), so a text may be one that cannot be
    written again. Of a member that is named twice the last counts (E-35).

    Raises
    ------
    NoJsonError
        It is no JSON or no UTF-8, or has an integer of more than 4,300 digits.
    """
    try:
        found: object = _DECODER.decode(value)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return _parse_carefully(value)
    return found


def flaw(value: bytes) -> str | None:
    """Say what is wrong with those parts of a value that nobody reads (E-34, E-35).

    A typed decoder passes over members it does not know, without a look at their
    characters and numbers. In a short value of ASCII nothing can be wrong with them;
    where a call costs too much, ask that first.
    """
    if value.isascii() and len(value) <= DIGITS_MAX:
        return None
    try:
        value.decode()
    except UnicodeDecodeError as problem:
        return _no_text(problem)
    if len(value) <= DIGITS_MAX or _RUN not in value.translate(_AS_ZEROS):
        return None
    try:
        parse(value)  # the digits may stand in a text
    except NoJsonError as problem:
        return str(problem)
    return None


def is_id(value: object) -> TypeGuard[str]:
    """Whether a value is a readable id: a text that is not empty, and not cut (E-34)."""
    return type(value) is str and bool(value) and _HALF.search(value) is None


def whole_text(text: str) -> str:
    """Return a text that can be written: half a character becomes U+FFFD."""
    return _HALF.sub("\ufffd", text)


def mark_cut(value: object) -> object:
    """E-34: replace each cut text by ``{"unreadable": text}``, at any depth.

    No rule takes that for an id, a name or a number, and it can be written with the
    decision and read again as the same.

    Raises
    ------
    RecursionError
        The value is nested too deeply.
    """
    if isinstance(value, str):
        return value if _HALF.search(value) is None else {CUT: whole_text(value)}
    if isinstance(value, list):
        return [mark_cut(item) for item in value]
    if isinstance(value, dict):
        return {whole_text(key): mark_cut(item) for key, item in value.items()}
    return value


def _parse_carefully(value: bytes) -> object:
    """Read what the fast decoder refuses although it is JSON, or say why it is none."""
    try:
        found: object = json.loads(
            value.decode(),
            parse_int=_integer,
            parse_float=_float,
            parse_constant=_refuse_constant,
        )
    except UnicodeDecodeError as problem:
        raise NoJsonError(_no_text(problem)) from None
    except (ValueError, RecursionError) as problem:
        raise NoJsonError(str(problem)) from None
    return found


def _no_text(problem: UnicodeDecodeError) -> str:
    return f"not UTF-8 at byte {problem.start}"


def _integer(digits: str) -> int:
    if len(digits.lstrip("-")) > DIGITS_MAX:
        raise ValueError(f"an integer of more than {DIGITS_MAX} digits")
    return int(digits)


def _float(text: str) -> float:
    """No rule takes a float; it only must stay one, also when written as JSON again."""
    return min(max(float(text), -_LARGEST), _LARGEST)


def _refuse_constant(name: str) -> object:
    raise ValueError(f"{name} is no JSON")
