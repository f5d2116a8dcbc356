"""Match answers to requests, and summarise their times."""

from array import array
from typing import Final

import msgspec
from hdrh.histogram import HdrHistogram

from streams.tools.drive.pacing import NS_PER_S

QUANTILES: Final = (50.0, 90.0, 95.0, 99.0, 99.9, 99.99)
LATENESS_QUANTILE: Final = 99.9
INTERVALS_MAX: Final = 600
_LONGEST_US: Final = 3_600_000_000
_NS_PER_US: Final = 1_000
_US_PER_MS: Final = 1_000.0
_OFFSET_BITS: Final = 48
_ONE_INTERVAL_DIGITS: Final = 2
_BELOW: Final = 4_096
_EARLY_MAX: Final = 500_000
"""More answers to unknown requests than this belong to another sender."""


class Figures(msgspec.Struct, frozen=True):
    """Times in ms; None = not measured."""

    count: int
    mean_ms: float | None
    max_ms: float | None
    quantiles_ms: dict[str, float | None]
    """``p50`` to ``p99.99``."""


class Moment(msgspec.Struct, frozen=True):
    """One interval of a run, by intended moments."""

    at_s: float
    """Beginning of the interval, seconds from the start."""
    requests: int
    p50_ms: float | None
    p99_ms: float | None
    max_ms: float | None


class Times:
    """A histogram of times, from 1 µs to an hour; a longer time counts as an hour."""

    def __init__(self, digits: int = 3) -> None:
        self.histogram = HdrHistogram(1, _LONGEST_US, digits)

    def add(self, ns: int) -> None:
        """Add one time, ns."""
        self.histogram.record_value(min(max(ns // _NS_PER_US, 1), _LONGEST_US))

    @property
    def count(self) -> int:
        """Return the number of times."""
        return int(self.histogram.get_total_count())

    def at(self, percentile: float) -> float | None:
        """Return a percentile, ms."""
        if not self.count:
            return None
        return float(self.histogram.get_value_at_percentile(percentile)) / _US_PER_MS

    def figures(self) -> Figures:
        """Return all figures."""
        some = self.count > 0
        return Figures(
            self.count,
            self.histogram.get_mean_value() / _US_PER_MS if some else None,
            self.histogram.get_max_value() / _US_PER_MS if some else None,
            {f"p{one:g}": self.at(one) for one in QUANTILES},
        )


class _Places:
    """A set of (partition, offset) that needs one byte each, because runs are long."""

    def __init__(self) -> None:
        self._bases: dict[int, int] = {}
        self._marks: dict[int, bytearray] = {}
        self.count = 0

    def add(self, partition: int, offset: int) -> None:
        """Add a record; the first one of a partition is near its lowest offset."""
        if partition not in self._bases:
            self._bases[partition] = max(0, offset - _BELOW)
            self._marks[partition] = bytearray()
        at = offset - self._bases[partition]
        marks = self._marks[partition]
        if at >= len(marks):
            marks.extend(bytes(at - len(marks) + _BELOW))
        self.count += not marks[at]
        marks[at] = 1

    def has(self, partition: int, offset: int) -> bool:
        """Whether a record was added."""
        at = offset - self._bases.get(partition, offset + 1)
        marks = self._marks.get(partition, b"")
        return 0 <= at < len(marks) and bool(marks[at])


class Measured:
    """Everything measured in one run.

    Parameters
    ----------
    length_s
        Approximate length, seconds; intervals are at least 1 s long, and there are at
        most 600.
    warm_up_s
        Requests due earlier, seconds from the start, are matched but not measured.
    """

    def __init__(self, start_ns: int, length_s: float, warm_up_s: float = 0.0) -> None:
        self._start_ns = start_ns
        self._interval_ns = int(max(1.0, length_s / INTERVALS_MAX) * NS_PER_S)
        self._warm_up_ns = int(warm_up_s * NS_PER_S)
        self._waiting: dict[int, int] = {}
        """Acknowledged request -> when it was due, ns."""
        self._early: dict[int, tuple[int, int]] = {}
        """Request that is not known yet -> when its answer came, and its topic."""
        self._answered = _Places()
        self._foreign = 0
        self._intervals: dict[int, Times] = {}
        self.latency = Times()
        self.lateness = Times()
        self.sent = self.repeats = 0
        self.by_topic: dict[int, int] = {}
        self.last_answer_ns = start_ns

    @property
    def outstanding(self) -> int:
        """Return the number of requests without an answer so far."""
        return len(self._waiting)

    @property
    def answered(self) -> int:
        """Return the number of requests with an answer."""
        return self._answered.count

    @property
    def foreign(self) -> int:
        """Return the number of answers to requests that we did not send."""
        return self._foreign + len(self._early)

    def acked(self, numbers: "array[int]") -> None:
        """Add a message of the sender: partition, offset, due time, lateness of each request."""
        every = iter(numbers)
        for partition, offset, due_ns, late_ns in zip(
            every, every, every, every, strict=True
        ):
            place = partition << _OFFSET_BITS | offset
            self.sent += 1
            if due_ns >= self._warm_up_ns:
                self.lateness.add(late_ns)
            found = self._early.pop(place, None)
            if found is None:
                self._waiting[place] = due_ns
            else:
                self._match(partition, offset, due_ns, found)

    def came(self, numbers: "array[int]") -> None:
        """Add a message of the receiver: partition, offset, moment, topic of each answer."""
        every = iter(numbers)
        for partition, offset, at_ns, topic in zip(
            every, every, every, every, strict=True
        ):
            place = partition << _OFFSET_BITS | offset
            due_ns = self._waiting.pop(place, None)
            if due_ns is not None:
                self._match(partition, offset, due_ns, (at_ns, topic))
            elif self._answered.has(partition, offset) or place in self._early:
                self.repeats += 1
            else:
                self._keep_early(place, at_ns, topic)

    def _keep_early(self, place: int, at_ns: int, topic: int) -> None:
        if len(self._early) >= _EARLY_MAX:
            self._foreign += len(self._early)
            self._early.clear()
        self._early[place] = (at_ns, topic)

    def _match(
        self, partition: int, offset: int, due_ns: int, answer: tuple[int, int]
    ) -> None:
        at_ns, topic = answer
        self._answered.add(partition, offset)
        self.by_topic[topic] = self.by_topic.get(topic, 0) + 1
        self.last_answer_ns = max(self.last_answer_ns, at_ns)
        if due_ns < self._warm_up_ns:
            return
        took_ns = at_ns - self._start_ns - due_ns
        self.latency.add(took_ns)
        number = due_ns // self._interval_ns
        times = self._intervals.get(number)
        if times is None:
            times = self._intervals[number] = Times(_ONE_INTERVAL_DIGITS)
        times.add(took_ns)

    def moments(self) -> list[Moment]:
        """Return the intervals that had answers, in order."""
        return [
            Moment(
                number * self._interval_ns / NS_PER_S,
                times.count,
                times.at(50.0),
                times.at(99.0),
                times.at(100.0),
            )
            for number, times in sorted(self._intervals.items())
        ]

    def curve(self) -> list[tuple[float, float]]:
        """Return the percentile plot: (1 / (1 - quantile), ms) up to the longest time."""
        count = self.latency.count
        found: list[tuple[float, float]] = []
        step = 1.0
        while count and step <= count:
            at_ms = self.latency.at(100.0 * (1.0 - 1.0 / step))
            found.append((step, at_ms or 0.0))
            step *= 1.25
        return found
