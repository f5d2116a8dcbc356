"""Faults whose length can be chosen."""

from typing import Final

from faults.actions import brokers, long_load
from faults.catalog.bounds import SECOND, USUAL
from faults.judge.checks import ALWAYS, UNDISTURBED
from faults.measurements import repeats_at_most
from faults.run import Fault

_TO_GET_OVER_S: Final = 300
SOAK_S: Final = 7_200
MIXTURE_S: Final = 1_000


def soak(length_s: int) -> Fault:
    """Return the long time at little load; the burst comes on top of its length."""
    return Fault(
        24,
        "soak",
        "30 % load for hours, then ten times as much for a minute",
        long_load.soak,
        1,
        rate=150,
        seconds=long_load.rows_s(length_s),
        length_s=length_s,
        checks=UNDISTURBED,
        within=USUAL,
    )


def mixture(length_s: int) -> Fault:
    """Return the random mix of faults of workers and brokers."""
    return Fault(
        25,
        "mixture",
        "2, 7, 13, 14 and 15 at random, with quiet between",
        brokers.mixture,
        10,
        nodes=3,
        rate=300,
        seconds=length_s + _TO_GET_OVER_S,
        length_s=length_s,
        checks=ALWAYS,
        within=(repeats_at_most(SECOND), *USUAL),
    )


LASTING: Final = {"soak": soak, "mixture": mixture}
"""By name: faults whose length, in seconds, can be chosen."""
