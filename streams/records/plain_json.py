"""Decode any JSON exactly: lone surrogates, integers of thousands of digits.

The fast decoders refuse some valid JSON, and skip members that they are not asked for.
This module makes both harmless: an exact decoder of the whole value, and a check of the
skipped members.
"""

import json
import re
import sys
from typing import Final, TypeGuard

import msgspec

DIGITS_MAX: Final = 4_300
"""E-35: most digits of an integer that can be decoded and encoded again."""
CUT: Final = "unreadable"
"""Key of the object that replaces a text with a lone surrogate."""

_DECODER: Final = msgspec.json.Decoder()
_AS_ZEROS: Final = bytes.maketrans(b"123456789", b"000000000")
_RUN: Final = b"0" * (DIGITS_MAX + 1)
_HALF: Final = re.compile("[\ud800-\udfff]")
"""A lone surrogate: the rest of an emoji that was cut."""
_LARGEST: Final = sys.float_info.max


class NoJsonError(ValueError):
    """A value cannot be decoded; the text says why, without the value."""


def parse(value: bytes) -> object:
    """Decode one JSON value: every text as it was sent, every integer exactly.

    A lone surrogate stays in its text (E-34), so a text may be impossible to encode
    again. Of a repeated member the last one counts (E-35).

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
    """Return what is wrong with the parts of a value that no decoder reads (E-34, E-35).

    A typed decoder skips unknown members without checking their characters and numbers.
    In a short ASCII value nothing can be wrong with them; where a call is too
    expensive, test that first.
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
        parse(value)  # the digits may be inside a text
    except NoJsonError as problem:
        return str(problem)
    return None


def is_id(value: object) -> TypeGuard[str]:
    """Whether a value is a readable id: a non-empty text without a lone surrogate (E-34)."""
    return type(value) is str and bool(value) and _HALF.search(value) is None


def whole_text(text: str) -> str:
    """Return a text that can be encoded: a lone surrogate becomes U+FFFD."""
    return _HALF.sub("\ufffd", text)


def mark_cut(value: object) -> object:
    """E-34: replace each text with a lone surrogate by ``{"unreadable": text}``, at any depth.

    No rule accepts that as an id, a name or a number, and it can be encoded with the
    decision and decoded unchanged.

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
    """Decode JSON that the fast decoder refuses, or say why it is no JSON."""
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
    """Decode a float: no rule accepts one, but it must stay one, also when encoded again."""
    return min(max(float(text), -_LARGEST), _LARGEST)


def _refuse_constant(name: str) -> object:
    raise ValueError(f"{name} is no JSON")
