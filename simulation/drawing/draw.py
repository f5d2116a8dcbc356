"""The state of drawing actions: the moment that is drawn for, and who may still leave."""

from collections.abc import Sequence
from typing import Final, TypeAlias

from simulation.drawing.dice import Dice
from simulation.plan import ClusterPlan

Shape: TypeAlias = tuple[ClusterPlan, int]
"""The cluster, and the number of workers."""

_LAST_SHARE: Final = 0.9
"""Of the duration, within which every action begins."""
_TOGETHER_US: Final = 1_000_000
"""What belongs together happens within this time."""


def drawn_moment(dice: Dice, moments: Sequence[int], last_us: int) -> int:
    """Return a moment: any, or one soon after one of those, as often as the other.

    What hangs on two things at once is not found by two draws that know nothing of each
    other.
    """
    if not moments or dice.chance(0.5):
        return dice.within(0, last_us)
    return min(last_us, dice.among(moments) + dice.any_size(1, _TOGETHER_US))


class Draw:
    """Draws actions for one plan; it knows who may still leave for good.

    Parameters
    ----------
    moments
        When something else happens, µs.
    """

    def __init__(
        self, dice: Dice, duration_ms: int, shape: Shape, moments: Sequence[int]
    ) -> None:
        self.dice = dice
        self._duration_us = duration_ms * 1_000
        self.cluster, self._workers = shape
        self._staying = self._workers
        self._moments = [*moments]
        self.at_us = 0
        """Of the action that is drawn now."""

    def turn(self) -> None:
        """Begin with the next action."""
        last_us = int(self._duration_us * _LAST_SHARE)
        self.at_us = drawn_moment(self.dice, self._moments, last_us)
        self._moments.append(self.at_us)

    def late(self) -> None:
        """Begin with an action that needs something to have been written before."""
        self.at_us = self.dice.within(
            self._duration_us // 2, int(self._duration_us * _LAST_SHARE)
        )

    def at(self, at_us: int) -> int:
        """Return the moment, or the nearest one at which an action may begin."""
        return min(max(0, at_us), int(self._duration_us * _LAST_SHARE))

    def length_ms(self) -> int:
        """Return a length of any size that ends before the plan does."""
        left_ms = (self._duration_us - self.at_us) // 1_000
        return self.dice.length(1, max(1, left_ms - 1))

    def worker(self) -> int:
        """Return one of the workers, added ones included."""
        return self.dice.within(1, self._workers)

    def node(self) -> int:
        """Return one of the brokers."""
        return self.dice.within(1, self.cluster.brokers)

    def partition(self) -> int:
        """Return one of the partitions."""
        return self.dice.within(0, self.cluster.partitions - 1)

    def back_ms(self) -> int | None:
        """Return when a worker comes back; None if it may stay away, as others stay."""
        if self._staying > 1 and self.dice.chance(0.3):
            self._staying -= 1
            return None
        return self.length_ms()

    def added(self) -> int:
        """Return the number of a worker that is new."""
        self._workers += 1
        self._staying += 1
        return self._workers
