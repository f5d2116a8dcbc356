"""Throughput by end offsets: how fast outputs grew between 10 % and 90 % of a run.

The points are looks, not places on a line between two of them.

What an engine does first, while its code is compiled and its caches fill, is left out.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from bench.kafka import Ends
from bench.options import BenchError

_LOOK_EVERY_S: Final = 0.025
_FIRST_OUTPUT_S: Final = 180.0
_NO_PROGRESS_S: Final = 30.0
_SETTLE_S: Final = 0.5
"""After the last output one more look: more outputs than inputs would be repeats."""
_FROM, _UNTIL = 0.1, 0.9


@dataclass(frozen=True, slots=True)
class ThroughputSample:
    """One look."""

    at_s: float
    """Monotonic."""
    count: int
    cpu_s: float


@dataclass(frozen=True, slots=True)
class Throughput:
    """What a throughput run gave."""

    records_per_s: float
    cpu_s_per_million: float
    start_s: float
    """From the start of the process to its first output, facts loaded."""
    samples: int
    """Looks between the two points that saw more outputs than the one before."""


@dataclass(frozen=True, slots=True)
class Watched:
    """An engine that answers requests which are there already."""

    ends: Ends
    """Of its outputs."""
    cpu_s: Callable[[], float]
    alive: Callable[[], None]
    """Raises when its process is gone."""
    warm_up: int
    """Requests that do not count, before the others."""
    records: int
    """Requests that do."""


def watch(one: Watched) -> Throughput:
    """Watch outputs grow until every request has one; blocks.

    Raises
    ------
    BenchError
        Outputs do not come, stop coming, or are more than there should be.
    """
    began = moved = time.monotonic()
    expected = one.warm_up + one.records
    samples = [_look(one)]
    while samples[-1].count < expected:
        time.sleep(_LOOK_EVERY_S)
        one.alive()
        sample = _look(one)
        if sample.count != samples[-1].count:
            moved = sample.at_s
        elif sample.count and sample.at_s - moved > _NO_PROGRESS_S:
            raise BenchError(
                f"{expected - sample.count} of {expected} outputs are missing"
            )
        elif not sample.count and sample.at_s - began > _FIRST_OUTPUT_S:
            raise BenchError(f"no output within {_FIRST_OUTPUT_S:.0f} s")
        samples.append(sample)
    _complete(one.ends, expected)
    first = next(sample for sample in samples if sample.count)
    return _figures(samples, one, first.at_s - began)


def _complete(ends: Ends, expected: int) -> None:
    time.sleep(_SETTLE_S)
    until = time.monotonic() + _NO_PROGRESS_S
    while (total := ends.records()) < expected and time.monotonic() < until:
        time.sleep(_SETTLE_S)
    if total != expected:
        raise BenchError(f"{total} outputs for {expected} requests")


def _look(one: Watched) -> ThroughputSample:
    """Count between two looks at clock and CPU: the engine goes on meanwhile."""
    before_s, before_cpu = time.monotonic(), one.cpu_s()
    count = one.ends.total()
    at_s = (before_s + time.monotonic()) / 2
    return ThroughputSample(at_s, count, (before_cpu + one.cpu_s()) / 2)


def between(
    samples: Sequence[ThroughputSample], low: float, high: float
) -> tuple[ThroughputSample, ThroughputSample]:
    """Return the first look with ``low`` outputs and the first with ``high``.

    What lies between two looks is not guessed: outputs that are acknowledged in bursts
    stand still between them, and a share of a burst has no time of its own. From one
    burst to another, each counted whole, the slope is right however large they are.

    Raises
    ------
    BenchError
        It is the same look, or the first of all.
    """
    first, last = (
        next(number for number, one in enumerate(samples) if one.count >= count)
        for count in (low, high)
    )
    if first == 0:
        raise BenchError("outputs were there before the engine started")
    if first == last:
        raise BenchError("outputs came all at once: ask for more --records")
    return samples[first], samples[last]


def _figures(
    samples: Sequence[ThroughputSample], one: Watched, start_s: float
) -> Throughput:
    low, high = (one.warm_up + one.records * part for part in (_FROM, _UNTIL))
    first, last = between(samples, low, high)
    records = last.count - first.count
    counts = {
        sample.count for sample in samples if first.count < sample.count <= last.count
    }
    return Throughput(
        records / (last.at_s - first.at_s),
        (last.cpu_s - first.cpu_s) / records * 1e6,
        start_s,
        len(counts),
    )
