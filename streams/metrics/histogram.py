"""A histogram that takes a slice's values at once."""

import threading
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from typing import Final

from streams.metrics.table import BUCKETS_MS

_LONGEST_MS: Final = 1_000 * 366 * 86_400_000
"""A thousand years."""
_SORT_FROM: Final = 64
"""From so many values on, sorting them and cutting at each bound is quicker."""


class Histogram:
    """Counts per bucket and their sum, for many values at a time."""

    __slots__ = ("_counts", "_lock", "_sum_ms")

    def __init__(self) -> None:
        self._counts = [0] * (len(BUCKETS_MS) + 1)
        self._sum_ms = 0
        self._lock = threading.Lock()

    def observe_many(self, values_ms: Sequence[int]) -> None:
        """Add a value per record of a slice, each within 0 (clock skew) and 1,000 years.

        A request may be dated by an integer of any length (E-27); a sum of those is
        no number that a metric can show.
        """
        if not values_ms:
            return
        if min(values_ms) < 0 or max(values_ms) > _LONGEST_MS:
            values_ms = [min(max(0, value), _LONGEST_MS) for value in values_ms]
        with self._lock:
            self._sum_ms += sum(values_ms)
            counts = self._counts
            if len(values_ms) < _SORT_FROM:
                for value in values_ms:
                    counts[bisect_left(BUCKETS_MS, value)] += 1
                return
            ordered = sorted(values_ms)
            below = 0
            for index, bound in enumerate(BUCKETS_MS):
                upto = bisect_right(ordered, bound, below)
                counts[index] += upto - below
                below = upto
            counts[-1] += len(ordered) - below

    def read(self) -> tuple[list[tuple[str, float]], float]:
        """Return cumulative buckets (bound in seconds, count) and sum in seconds."""
        with self._lock:
            counts, sum_ms = list(self._counts), self._sum_ms
        total = 0
        buckets: list[tuple[str, float]] = []
        for bound, count in zip((*BUCKETS_MS, None), counts, strict=True):
            total += count
            name = "+Inf" if bound is None else str(bound / 1000)
            buckets.append((name, total))
        return buckets, sum_ms / 1000
