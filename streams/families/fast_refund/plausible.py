"""Plausibility: values that can be read and contradict nothing, and yet are a slip.

Seconds where milliseconds belong, yuan where fen belong, a digit too many, a category
name misspelt. Each doubt names the key; who means the value says so by that name. What
is compared depends on the record and those before it alone, never on a clock or on the
tables of one worker, so that all workers accept the same versions.
"""

from collections.abc import Container, Iterator
from typing import Final

import msgspec

from streams.families.fast_refund.policy import FIELDS, Policy

EARLIEST_MS: Final = 1_420_070_400_000
"""2015-01-01: the platform had no fast refund before."""
AHEAD_MS: Final = 366 * 86_400_000
"""A year and a day: no policy is decided on longer ahead."""
_LIMIT_FACTOR: Final = 2
_SPAN_FACTOR: Final = 10
"""Seconds and milliseconds differ by 1,000, fen and yuan by 100."""


class Doubt(msgspec.Struct, frozen=True):
    """One implausible value."""

    key: str
    why: str

    @property
    def line(self) -> str:
        """The doubt, and how to say that the value is meant."""
        return f"{self.key}: {self.why}; correct it, or say that it is meant: --allow {self.key}"


def unmeant(doubts: Iterator[Doubt], allowed: Container[str]) -> tuple[str, ...]:
    """Return the lines of the doubts whose keys are not allowed by name."""
    return tuple(doubt.line for doubt in doubts if doubt.key not in allowed)


def moment_doubts(key: str, value_ms: int | None, at_ms: int) -> Iterator[Doubt]:
    """Doubt a moment, UTC ms, before 2015 or more than a year after ``at_ms``.

    A record whose timestamp lies before 2015 has none that tells what is far ahead.
    """
    if value_ms is None:
        return
    if value_ms < EARLIEST_MS:
        yield Doubt(key, f"{_short(value_ms)} lies before 2015; is it in seconds?")
    elif EARLIEST_MS <= at_ms < value_ms - AHEAD_MS:
        yield Doubt(key, f"{_short(value_ms)} lies more than a year ahead")


def own_doubts(policy: Policy, at_ms: int) -> Iterator[Doubt]:
    """Doubt what is implausible whatever was in force before.

    Parameters
    ----------
    at_ms
        When the policy was published, UTC ms.
    """
    yield from moment_doubts("effective_from_ms", policy.effective_from_ms, at_ms)
    limit_fen, ceiling_fen = policy.paid_limit_fen, policy.paid_limit_max_fen
    if limit_fen > ceiling_fen:
        yield Doubt(
            "paid_limit_fen",
            f"{_yuan(limit_fen)} is above paid_limit_max_fen, {_yuan(ceiling_fen)}",
        )
    windows = ("buyer_count_window_ms", "buyer_amount_window_ms")
    for key, neighbour in (windows, windows[::-1]):
        own, other = getattr(policy, key), getattr(policy, neighbour)
        if own is not None and other is not None and own < other:
            yield Doubt(key, f"{_short(own)} is shorter than {neighbour}, {other}")


def change_doubts(policy: Policy, before: Policy) -> Iterator[Doubt]:
    """Doubt what is too far from the version in force before."""
    for key in ("paid_limit_fen", "paid_limit_max_fen"):
        new, old = getattr(policy, key), getattr(before, key)
        if new > old * _LIMIT_FACTOR:
            yield Doubt(
                key, f"{_yuan(new)} is more than twice {_yuan(old)} of {before.name}"
            )
        elif new * _LIMIT_FACTOR < old:
            yield Doubt(
                key,
                f"{_yuan(new)} is less than half of {_yuan(old)} of {before.name}; is it in yuan?",
            )
    for key in _SPANS:
        new, old = getattr(policy, key), getattr(before, key)
        if new and old and not _near(new, old):
            yield Doubt(
                key, f"{_short(new)} is far from {_short(old)} of {before.name}"
            )
    gone = [root for root in before.excluded_roots if root not in policy.excluded_roots]
    if gone:
        yield Doubt(
            "excluded_roots",
            f"{', '.join(gone)} of {before.name} would be approved from then on",
        )


def root_doubts(policy: Policy, roots: Container[str]) -> Iterator[Doubt]:
    """Doubt categories that no order has; ``roots`` are those that orders have."""
    unknown = [root for root in policy.excluded_roots if root not in roots]
    if unknown:
        yield Doubt("excluded_roots", f"no order has a category {', '.join(unknown)}")


_SPANS: Final = tuple(
    key
    for key in FIELDS
    if key.endswith(("_ms", "_fen"))
    and key not in ("effective_from_ms", "paid_limit_fen", "paid_limit_max_fen")
)


def _near(new: int, old: int) -> bool:
    return new <= old * _SPAN_FACTOR and old <= new * _SPAN_FACTOR


def _short(number: int) -> str:
    text = str(number)
    return text if len(text) <= _DIGITS_SHOWN else f"a number of {len(text)} digits"


def _yuan(fen: int) -> str:
    if len(str(fen)) > _DIGITS_SHOWN:
        return _short(fen)
    return f"{fen:,} fen ({fen // 100:,}.{fen % 100:02d} yuan)"


_DIGITS_SHOWN: Final = 20
