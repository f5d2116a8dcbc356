"""Format policy values: fen as yuan, durations as minutes or days, moments as dates."""

import json
from collections.abc import Iterator
from typing import Final

import msgspec

from streams.processing.policies import AnyPolicy
from streams.tools.show import moment

_UNITS: Final = (
    (86_400_000, "d"),
    (3_600_000, "h"),
    (60_000, "min"),
    (1_000, "s"),
)
_MOMENT: Final = "effective_from_ms"
_DIGITS_MAX: Final = 18
_SHOWN_MAX: Final = 200
"""Most printed characters of a value; a longer one is cut to :data:`_CUT`."""
_CUT: Final = 60


def worded(key: str, value: object) -> str:
    """Return a value for people: ``30,000 fen = 300.00 yuan``."""
    if value is None:
        return "off"
    if type(value) is int and len(str(value)) <= _DIGITS_MAX:
        if key.endswith("_fen"):
            return f"{value:,} fen = {value // 100:,}.{value % 100:02d} yuan"
        if key == _MOMENT:
            return dated(value)
        if key.endswith("_ms"):
            return f"{value} = {span(value)}"
    text = json.dumps(value, ensure_ascii=False)
    return (
        text
        if len(text) <= _SHOWN_MAX
        else f"{text[:_CUT]}... ({len(text)} characters)"
    )


def dated(at_ms: int) -> str:
    """Return a moment as a date and as UTC ms."""
    return f"{moment(at_ms)} = {at_ms}"


def span(value_ms: int) -> str:
    """Return a duration in the largest unit in which it is an integer."""
    for unit_ms, name in _UNITS:
        if value_ms and value_ms % unit_ms == 0:
            return f"{value_ms // unit_ms} {name}"
    return f"{value_ms} ms"


def differences(before: AnyPolicy, after: AnyPolicy) -> Iterator[tuple[str, str, str]]:
    """Yield key, value before and value after for every key that differs, except names."""
    old, new = msgspec.structs.asdict(before), msgspec.structs.asdict(after)
    for key, value in new.items():
        if key != "version" and old[key] != value:
            yield key, worded(key, old[key]), worded(key, value)
