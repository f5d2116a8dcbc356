"""Single JSON values: decode without loss, and the checks that all fields share.

Nothing is converted: a value either is what it should be or is refused.
"""

import json
import math
from enum import StrEnum
from typing import Final, NoReturn, TypeGuard

import msgspec

MAX_ID: Final = 2**63 - 1
_MAX_ID_DIGITS: Final = len(str(MAX_ID))
_DIGITS: Final = frozenset("0123456789")
_TIME_MIN: Final = 10**12
_TIME_MAX: Final = 10**13 - 1
_MAX_NUMBER_DIGITS: Final = 4_000

_DECODER: Final = msgspec.json.Decoder()


class Fault(StrEnum):
    """Why a text is not a usable JSON value."""

    NOT_JSON = "not_json"
    LONE_SURROGATE = "lone_surrogate"
    TOO_DEEP = "too_deep"


def parse(text: str) -> object | Fault:
    """Decode exactly one JSON value (RFC 8259; no NaN, no byte order mark).

    Numbers are kept whatever their size: an integer stays an ``int``, anything with a
    fraction or exponent is a ``float`` (infinite when too large to hold). Of a repeated
    key the last value counts. A lone surrogate escape is refused everywhere, even under
    a key that is repeated later.

    Parameters
    ----------
    text
        Without lone surrogates itself, as strict UTF-8 decoding gives it.
    """
    try:
        value: object = _DECODER.decode(text)
    except msgspec.ValidationError:
        return _parse_with_huge_numbers(text)
    except msgspec.DecodeError:
        return _why_refused(text)
    except RecursionError:
        return Fault.TOO_DEEP
    return value


def _why_refused(text: str) -> Fault:
    # The standard parser accepts lone surrogates and is otherwise as strict as the fast
    # one, so a text that only it accepts contains one.
    try:
        _slow(text)
    except RecursionError:
        return Fault.TOO_DEEP
    except ValueError:
        return Fault.NOT_JSON
    return Fault.LONE_SURROGATE


def _parse_with_huge_numbers(text: str) -> object | Fault:
    try:
        value = _slow(text)
        pairs = json.loads(
            text, object_pairs_hook=list, parse_int=_whole, parse_constant=_no_constant
        )
        json.dumps(pairs, ensure_ascii=False).encode()
    except RecursionError:
        return Fault.TOO_DEEP
    except UnicodeEncodeError:
        return Fault.LONE_SURROGATE
    except ValueError:
        return Fault.NOT_JSON
    return value


def _slow(text: str) -> object:
    value: object = json.loads(text, parse_int=_whole, parse_constant=_no_constant)
    return value


def _whole(digits: str) -> int | float:
    # Python refuses to decode longer integers; as a float it is no id, money or time.
    return int(digits) if len(digits) <= _MAX_NUMBER_DIGITS else math.inf


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON")


def is_whole(value: object) -> TypeGuard[int]:
    """Whether a value is a JSON integer; a boolean is not."""
    return type(value) is int


def read_id(value: object) -> int | None:
    """Read an id: a JSON integer or a string of ASCII digits, in 1 … 2^63-1."""
    if isinstance(value, str):
        if not value or not _DIGITS.issuperset(value):
            return None
        digits = value.lstrip("0")
        if len(digits) > _MAX_ID_DIGITS:
            return None
        value = int(digits or "0")
    return value if is_whole(value) and 1 <= value <= MAX_ID else None


def is_money(value: object) -> TypeGuard[int]:
    """Whether a value is an amount in fen: a JSON integer of at least 0."""
    return is_whole(value) and value >= 0


def is_time(value: object) -> TypeGuard[int]:
    """Whether a value is a UTC time in ms: an integer of exactly 13 digits."""
    return is_whole(value) and _TIME_MIN <= value <= _TIME_MAX


def is_text(value: object) -> TypeGuard[str]:
    """Whether a value is a non-empty string."""
    return isinstance(value, str) and bool(value)


def as_object(value: object) -> dict[str, object]:
    """Return a JSON object as it is; anything else as an object without fields."""
    return value if isinstance(value, dict) else {}
