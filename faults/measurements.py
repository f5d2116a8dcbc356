"""What is measured in a run, and the bounds that a run must keep."""

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
"""Says which bound a run broke; None = none."""

_NOISE_MS: Final = 250
"""A percentile below this says more about the machine than about us."""


def measurements_of(
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

    def check(measured: Measurements) -> str | None:
        gap_ms = measured.longest_gap_ms
        if gap_ms is not None and gap_ms <= limit_ms:
            return None
        return (
            f"a partition went {gap_ms} ms without a decision, {limit_ms} are allowed"
        )

    return check


def repeats_at_most(limit: int) -> Bound:
    """Bound the raw repeats."""

    def check(measured: Measurements) -> str | None:
        if measured.raw_repeats <= limit:
            return None
        return f"{measured.raw_repeats} raw repeats, {limit} are allowed"

    return check


def late_at_most(limit: int) -> Bound:
    """Bound the answers that a crash moved behind later ones."""

    def check(measured: Measurements) -> str | None:
        if measured.late_answers <= limit:
            return None
        return f"{measured.late_answers} answers out of order, {limit} are allowed"

    return check


def p99_at_most(limit_ms: int) -> Bound:
    """Bound the latency while the fault lasts."""

    def check(measured: Measurements) -> str | None:
        during_ms = measured.p99_during_ms
        if during_ms is not None and during_ms <= limit_ms:
            return None
        return f"p99 was {during_ms} ms during the fault, {limit_ms} are allowed"

    return check


def back_within(limit_ms: int) -> Bound:
    """Bound the time from the end of the fault until no request was waiting any more."""

    def check(measured: Measurements) -> str | None:
        if measured.back_ms is not None and measured.back_ms <= limit_ms:
            return None
        return f"back after {measured.back_ms} ms, {limit_ms} are allowed"

    return check


def p99_is_back(measured: Measurements) -> str | None:
    """Latency after recovery is within twice that of before, or below the noise."""
    before, after = measured.p99_before_ms, measured.p99_after_ms
    if before is None or after is None:
        return None  # a fault that begins before the first decision
    if after <= max(2 * before, _NOISE_MS):
        return None
    return f"p99 is {after} ms after recovery, {before} ms before the fault"
