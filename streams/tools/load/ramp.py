"""Search for the highest sustainable rate: double until one fails, then bisect."""

from collections.abc import Callable, Sequence
from typing import Final

import msgspec

from streams.errors import UsageError
from streams.tools.report.run import Step

_GROWTH: Final = 2.0
_CLOSE: Final = 1.1
"""The search ends when the lowest failing rate is less than this factor above the
highest good one."""


class Range(msgspec.Struct, frozen=True):
    """Rates to try, requests per second."""

    low: float
    high: float


def read_range(text: str) -> Range:
    """Read ``FROM..TO``.

    Raises
    ------
    UsageError
        It is none.
    """
    low, _, high = text.partition("..")
    try:
        found = Range(float(low), float(high))
    except ValueError:
        found = Range(0, 0)
    if not 0 < found.low <= found.high < float("inf"):
        raise UsageError([f"--ramp {text}: write FROM..TO, such as 500..20000"])
    return found


def search(rates: Range, holds: Callable[[float], bool]) -> float | None:
    """Return the highest rate that holds; None when the lowest one does not.

    Rates double until one fails, then the gap is halved (by ratio) until its ends are
    within a tenth of each other.
    """
    good, bad = None, None
    rate = rates.low
    while bad is None:
        if not holds(rate):
            bad = rate
        elif rate >= rates.high:
            return rate
        else:
            good, rate = rate, min(rate * _GROWTH, rates.high)
    if good is None:
        return None
    while bad / good > _CLOSE:
        rate = (good * bad) ** 0.5
        if holds(rate):
            good = rate
        else:
            bad = rate
    return good


def next_above(steps: Sequence[Step], rate: float) -> Step | None:
    """Return the last run at the lowest rate above a rate; None = no such run."""
    above = [step for step in steps if step.rate > rate]
    return min(reversed(above), key=lambda step: step.rate, default=None)
