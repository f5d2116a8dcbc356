"""The highest rate at which p99 stays under a bound, by halving a ladder of rates."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from bench.latency import Latency

_LADDER: Final = (
    100, 200, 500, 1_000, 1_500, 2_000, 3_000, 4_000, 5_000, 6_000, 8_000, 10_000,
    12_500, 15_000, 20_000, 25_000, 30_000, 40_000, 50_000, 60_000, 80_000, 100_000,
    125_000, 150_000, 200_000,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Highest:
    """What a search found."""

    rate: int
    """Requests per second that the engine answered under the bound; 0 = none."""
    bounded_by_generator: bool
    """Whether the next higher rate failed for want of a generator that keeps it."""


def highest(
    probe: Callable[[int], Latency], p99_max_ms: float, ceiling_per_s: float
) -> Highest:
    """Search; what a rate passes, each lower one is taken to pass.

    Parameters
    ----------
    probe
        Measures at a rate; an engine that fell behind has caught up when it returns.
    ceiling_per_s
        More than the engine can do in any case: no higher rate is tried.
    """
    ladder = [0, *(rate for rate in _LADDER if rate <= ceiling_per_s)]
    good, bad = 0, len(ladder)
    generator = False
    while bad - good > 1:
        middle = (good + bad) // 2
        found = probe(ladder[middle])
        if found.refused:
            found = probe(
                ladder[middle]
            )  # once more: a neighbour may have been to blame
        if found.p99_ms is not None and found.p99_ms < p99_max_ms:
            good = middle
        else:
            bad, generator = middle, found.refused
    return Highest(ladder[good], generator)
