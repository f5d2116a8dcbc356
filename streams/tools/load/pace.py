"""Decide when buyers ask: evenly or at random, with an optional peak in the middle."""

from collections.abc import Iterator
from random import Random
from typing import Final

import msgspec

from streams.tools.drive.pacing import NS_PER_S

_RISE: Final = 0.35
_TOP: Final = (0.45, 0.55)
_FALL: Final = 0.65
"""Fractions of a run: the rate rises from the first, is at its peak between the next
two, and is back to normal at the last."""


class Festival(msgspec.Struct, frozen=True):
    """The rate over a run."""

    rate: float
    """Normal rate, requests per second."""
    peak: float
    """Peak rate as a multiple of the normal one; 1 = no peak."""
    seconds: float

    def at(self, at_s: float) -> float:
        """Return the rate at a moment."""
        part = at_s / self.seconds
        if _RISE < part < _TOP[0]:
            height = (part - _RISE) / (_TOP[0] - _RISE)
        elif _TOP[0] <= part <= _TOP[1]:
            height = 1.0
        elif _TOP[1] < part < _FALL:
            height = (_FALL - part) / (_FALL - _TOP[1])
        else:
            height = 0.0
        return self.rate * (1 + (self.peak - 1) * height)

    @property
    def mean(self) -> float:
        """Return the mean rate."""
        width = (_TOP[1] - _TOP[0]) + (_TOP[0] - _RISE) / 2 + (_FALL - _TOP[1]) / 2
        return self.rate * (1 + (self.peak - 1) * width)


def moments(festival: Festival, draw: Random, gaps: str) -> Iterator[int]:
    """Yield moments of a run, ns from its start.

    Parameters
    ----------
    gaps
        ``random`` = independent buyers (Poisson), ``even`` = constant gaps.
    """
    at_s = 0.0
    while at_s < festival.seconds:
        yield int(at_s * NS_PER_S)
        mean_s = 1 / festival.at(at_s)
        at_s += draw.expovariate(1.0) * mean_s if gaps == "random" else mean_s
