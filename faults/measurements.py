"""What is measured in a run, and what the figures must keep to."""

from collections.abc import Callable
from typing import Final, TypeAlias

import msgspec

from faults.judge.order import late_answers
from faults.judge.recovery import raw_repeats, recovery
from faults.judge.view import View


class Measurements(msgspec.Struct, frozen=True, kw_only=True):
    """What was measured in a run."""

    requests: int = 0
    unsure: int = 0
    """Requests that the broker did not acknowledge to the load."""
    raw_repeats: int = 0
    late_answers: int = 0
    back_ms: int | None = None
    """From the end of the fault until no request was waiting any more."""
    longest_gap_ms: int | None = None
    """Longest time without a decision in a partition that had requests waiting."""
    p99_before_ms: int | None = None
    p99_during_ms: int | None = None
    """Of requests that were meant for the time of the fault."""
    p99_after_ms: int | None = None
    seconds: float = 0.0


Bound: TypeAlias = Callable[[Measurements], str | None]
"""Says what is wrong with the figures; None = nothing."""

_NOISE_MS: Final = 250
"""A percentile below this says more about the machine than about us."""


def figures_of(
    view: View, fault_ms: tuple[int, int], unsure: int, seconds: float
) -> Measurements:
    """Measure a run whose fault lasted from ``fault_ms[0]`` to ``fault_ms[1]``, UTC ms."""
    found = recovery(view, *fault_ms)
    return Measurements(
        requests=len(view.inputs),
        unsure=unsure,
        raw_repeats=raw_repeats(view),
        late_answers=late_answers(view),
        back_ms=found.back_ms,
        longest_gap_ms=found.longest_gap_ms,
        p99_before_ms=found.p99_before_ms,
        p99_during_ms=found.p99_during_ms,
        p99_after_ms=found.p99_after_ms,
        seconds=round(seconds, 1),
    )


def gap_at_most(limit_ms: int) -> Bound:
    """Bound the longest time without a decision in a partition that had requests waiting."""

    def told(figures: Measurements) -> str | None:
        gap_ms = figures.longest_gap_ms
        if gap_ms is not None and gap_ms <= limit_ms:
            return None
        return (
            f"a partition went {gap_ms} ms without a decision, {limit_ms} are allowed"
        )

    return told


def repeats_at_most(limit: int) -> Bound:
    """Bound the raw repeats."""

    def told(figures: Measurements) -> str | None:
        if figures.raw_repeats <= limit:
            return None
        return f"{figures.raw_repeats} raw repeats, {limit} are allowed"

    return told


def late_at_most(limit: int) -> Bound:
    """Bound the answers that a crash moved behind later ones."""

    def told(figures: Measurements) -> str | None:
        if figures.late_answers <= limit:
            return None
        return f"{figures.late_answers} answers out of order, {limit} are allowed"

    return told


def p99_at_most(limit_ms: int) -> Bound:
    """Bound the latency while the fault lasts."""

    def told(figures: Measurements) -> str | None:
        during_ms = figures.p99_during_ms
        if during_ms is not None and during_ms <= limit_ms:
            return None
        return f"p99 was {during_ms} ms during the fault, {limit_ms} are allowed"

    return told


def back_within(limit_ms: int) -> Bound:
    """Bound the time from the end of the fault until no request was waiting any more."""

    def told(figures: Measurements) -> str | None:
        if figures.back_ms is not None and figures.back_ms <= limit_ms:
            return None
        return f"back after {figures.back_ms} ms, {limit_ms} are allowed"

    return told


def p99_is_back(figures: Measurements) -> str | None:
    """Latency after recovery is within twice that of before, or below the noise."""
    before, after = figures.p99_before_ms, figures.p99_after_ms
    if before is None or after is None:
        return None  # a fault that begins before the first decision
    if after <= max(2 * before, _NOISE_MS):
        return None
    return f"p99 is {after} ms after recovery, {before} ms before the fault"
