"""Draws of the kinds that plans need."""

from collections.abc import Mapping, Sequence
from random import Random
from typing import TypeVar

T = TypeVar("T")


class Dice:
    """Seeded draws; the same calls give the same values."""

    def __init__(self, rng: Random) -> None:
        self._rng = rng

    def chance(self, share: float) -> bool:
        """Return True in that share of draws."""
        return self._rng.random() < share

    def among(self, values: Sequence[T]) -> T:
        """Return one of the values."""
        return values[int(self._rng.random() * len(values))]

    def weighted(self, weights: Mapping[T, int]) -> T:
        """Return one of the values, each as often as its weight says."""
        at = self._rng.random() * sum(weights.values())
        values = list(weights)
        for value in values[:-1]:
            at -= weights[value]
            if at < 0:
                return value
        return values[-1]

    def within(self, low: int, high: int) -> int:
        """Return a whole number, both ends included."""
        return low + int(self._rng.random() * (high + 1 - low))

    def small(self, low: int, high: int) -> int:
        """Return a whole number, most of them near the low end."""
        return low + int(self._rng.random() ** 2.5 * (high + 1 - low))

    def any_size(self, low: int, high: int) -> int:
        """Return a whole number of any order of magnitude; ``low`` is at least 1."""
        if high <= low:
            return low
        return min(high, int(low * ((high + 1) / low) ** self._rng.random()))

    def length(self, low: int, high: int) -> int:
        """Return a length: of any order of magnitude, or anything, one as often as the other.

        The first finds what hangs on a moment, the second what hangs on a time-out.
        """
        return self.any_size(low, high) if self.chance(0.5) else self.within(low, high)
