"""Check plausibility: find values that are valid, yet probably a slip.

Examples: seconds for milliseconds, yuan for fen, a digit too many, a misspelt category.
Each doubt names the key, and an author who means the value allows that key by name. The
check depends only on the record and those before it, never on a clock or one worker's
tables, so that all workers accept the same versions.
"""

from collections.abc import Container, Iterable, Iterator
from typing import Final

import msgspec

from streams.processing.policies.policy import AnyPolicy

EARLIEST_MS: Final = 1_420_070_400_000
"""2015-01-01, UTC ms: the platform had no fast refund before."""
AHEAD_MS: Final = 366 * 86_400_000
"""A year and a day, ms: no policy is planned further ahead."""
_SPAN_FACTOR: Final = 10
"""Seconds and milliseconds differ by 1,000, fen and yuan by 100."""


class Doubt(msgspec.Struct, frozen=True):
    """One implausible value."""

    key: str
    why: str

    @property
    def line(self) -> str:
        """Return the doubt, and how to allow the value."""
        return f"{self.key}: {self.why}; correct it, or confirm it: --allow {self.key}"


def unmeant(doubts: Iterator[Doubt], allowed: Container[str]) -> tuple[str, ...]:
    """Return a line for each doubt whose key is not allowed."""
    return tuple(doubt.line for doubt in doubts if doubt.key not in allowed)


def moment_doubts(key: str, value_ms: int | None, at_ms: int) -> Iterator[Doubt]:
    """Doubt a moment, UTC ms, before 2015 or more than a year after ``at_ms``.

    A record with a timestamp before 2015 gives no reference for "far ahead".
    """
    if value_ms is None:
        return
    if value_ms < EARLIEST_MS:
        yield Doubt(key, f"{short(value_ms)} lies before 2015; is it in seconds?")
    elif EARLIEST_MS <= at_ms < value_ms - AHEAD_MS:
        yield Doubt(key, f"{short(value_ms)} lies more than a year ahead")


def far_doubts(
    policy: AnyPolicy, before: AnyPolicy, keys: Iterable[str]
) -> Iterator[Doubt]:
    """Doubt a value above ten times or below a tenth of the previous one.

    None and 0 are not compared: they cannot be the wrong unit.
    """
    for key in keys:
        new, old = getattr(policy, key), getattr(before, key)
        if new and old and not _near(new, old):
            yield Doubt(key, f"{short(new)} is far from {short(old)} of {before.name}")


def _near(new: int, old: int) -> bool:
    return new <= old * _SPAN_FACTOR and old <= new * _SPAN_FACTOR


def short(number: int) -> str:
    """Return an integer as text, or its number of digits when it is too long for a line."""
    text = str(number)
    return text if len(text) <= _DIGITS_SHOWN else f"a number of {len(text)} digits"


def yuan(fen: int) -> str:
    """Return an amount in fen and in yuan."""
    if len(str(fen)) > _DIGITS_SHOWN:
        return short(fen)
    return f"{fen:,} fen ({fen // 100:,}.{fen % 100:02d} yuan)"


_DIGITS_SHOWN: Final = 20
