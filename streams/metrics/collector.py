"""What the process counts, kept as plain numbers until a scrape asks for it."""

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Final

from prometheus_client import CollectorRegistry
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector
from typing_extensions import override

from streams.metrics import table
from streams.metrics.histogram import Histogram
from streams.metrics.table import Spec

Counted = tuple[str, str | None, tuple[str, ...]]
"""Disposition, outcome, reason codes: what decisions are counted by."""

_LEADING_NONE: Final = "none"
_INFINITE: Final = float("inf")
_LONGEST_MS: Final = 1_000 * 366 * 86_400_000
"""A thousand years."""


class Metrics(Collector):
    """All metrics of one process; every method is cheap and none blocks.

    Parameters
    ----------
    registry
        The metrics are added to it; a registry takes them once.
    now_ms
        Wall clock, for ages at the moment of a scrape.
    """

    def __init__(self, registry: CollectorRegistry, now_ms: Callable[[], int]) -> None:
        self.registry = registry
        self.request_age = Histogram()
        """``requested_at_ms`` to ``decided_at_ms``."""
        self.latency = Histogram()
        """Record timestamp to acknowledged output."""
        self.ready: Callable[[], bool] = lambda: False
        """Asked at a scrape: whether the worker is ready."""
        self._now_ms = now_ms
        self._lock = threading.Lock()
        self._values: dict[str, dict[tuple[str, ...], float]] = {
            spec.name: {} if spec.labels else {(): 0}
            for spec in table.TABLE
            if spec.kind != "histogram"
        }
        self._decided = 0
        self._approved = 0
        self._committed_at_ms: dict[str, int] = {}
        self._watermarks_ms: dict[str, int | None] = {}
        registry.register(self)

    def declare(self, series: Mapping[Spec, Iterable[tuple[str, ...]]]) -> None:
        """Bring series into being at 0, by the values of their labels.

        Prometheus sees an increase only between two samples: a series that is born at 1
        raises no alert for the first event.
        """
        for spec, rows in series.items():
            for labels in rows:
                self._add(spec, labels, 0)

    # Decisions

    def decided(self, counts: Mapping[Counted, int]) -> None:
        """Count a slice's new decisions, grouped by what they came to.

        A ``Counter`` over ``(disposition, outcome, reason_codes)`` does it.
        """
        for (disposition, outcome, codes), count in counts.items():
            self._add(table.DISPOSITIONS, (disposition,), count)
            for code in codes:
                self._add(table.REASONS, (code,), count)
            if outcome is None:
                continue
            leading = codes[0] if codes else _LEADING_NONE
            self._add(table.DECISIONS, (outcome, leading), count)
            self._decided += count
            if outcome == "auto_approve":
                self._approved += count
            else:
                self._add(table.MANUAL_REVIEW_COUNT, (), count)
        if self._decided:
            self._put(table.AUTO_SHARE, (), self._approved / self._decided)

    def repeated(self, count: int) -> None:
        """Count requests answered with their first decision."""
        self._add(table.REPEATED, (), count)

    def doubted(self, count: int) -> None:
        """Count plain decisions that the rules did not make."""
        self._add(table.DOUBTED, (), count)

    def noticed(self, counts: Mapping[str, int]) -> None:
        """Count notices by kind."""
        self._add_each(table.NOTICES, counts)

    # Input

    def slice_done(self, topic: str, records: int) -> None:
        """Count a slice whose outputs are all acknowledged, and its records."""
        self._add(table.SLICES, (topic,), 1)
        self._add(table.RECORDS, (topic,), records)

    def dead_lettered(self, topic: str, counts: Mapping[str, int]) -> None:
        """Count dead letters of an input topic by error."""
        for error, count in counts.items():
            self._add(table.DEAD_LETTERS, (topic, error), count)

    def events(self, topic: str, counts: Mapping[str, int]) -> None:
        """Count platform events by class."""
        for kind, count in counts.items():
            self._add(table.EVENTS, (topic, kind), count)

    def skipped(self, topic: str, count: int) -> None:
        """Count offsets that had been decided before a restart."""
        self._add(table.SKIPPED, (topic,), count)

    def unfit(self, topic: str, count: int) -> None:
        """Count outputs that answer other records than those at their offsets."""
        self._add(table.UNFIT, (topic,), count)

    def unanswered(self, topic: str, count: int) -> None:
        """Count requests before the group's offset that no output answers."""
        self._add(table.UNANSWERED, (topic,), count)

    def misrouted(self, topic: str, count: int) -> None:
        """Count records in the wrong partition."""
        self._add(table.MISROUTED, (topic,), count)

    def lag(self, topic: str, rows: Mapping[int, tuple[int, int]]) -> None:
        """Replace the lag of a topic: partition -> (records, ms)."""
        for spec, values in (
            (table.LAG_RECORDS, {number: row[0] for number, row in rows.items()}),
            (
                table.LAG_SECONDS,
                {number: max(0, row[1]) / 1000 for number, row in rows.items()},
            ),
        ):
            mine: dict[tuple[str, ...], float] = {
                (topic, str(number)): value for number, value in values.items()
            }
            self._replace_some(spec, topic, mine)

    def assigned(self, topic: str, rebalances: int, partitions: int) -> None:
        """Count rebalances, and say how many partitions of a topic are read now."""
        self._add(table.REBALANCES, (topic,), rebalances)
        self._put(table.PARTITIONS, (topic,), partitions)

    def deleted(self, topic: str, count: int) -> None:
        """Count records that were deleted before they were read."""
        self._add(table.DELETED, (topic,), count)

    def committed(self, topic: str, at_ms: int) -> None:
        """Note when offsets of a topic were committed, by the wall clock."""
        self._committed_at_ms[topic] = at_ms

    # Facts

    def facts_loaded(self, counts: Mapping[str, int]) -> None:
        """Count applied fact records by topic."""
        self._add_each(table.FACTS_LOADED, counts)

    def table_rows(self, sizes: Mapping[str, int]) -> None:
        """Replace the sizes of all tables."""
        self._replace(table.TABLE_ROWS, {(name,): size for name, size in sizes.items()})

    def watermarks(self, oldest_ms: Mapping[str, int | None]) -> None:
        """Replace the oldest watermark by topic; None = a partition has none."""
        self._watermarks_ms = dict(oldest_ms)

    # State

    def breakers_open(self, counts: Mapping[str, int]) -> None:
        """Replace the open breakers by scope: ``global``, ``shop``."""
        self._replace(table.BREAKERS_OPEN, {(scope,): n for scope, n in counts.items()})

    def agents(self, up: Mapping[str, bool]) -> None:
        """Say which agents run; of the others it stays as it was."""
        for name, one in up.items():
            self._put(table.AGENTS_UP, (name,), int(one))

    def tasks(self, count: int) -> None:
        """Say how many asyncio tasks are alive."""
        self._put(table.TASKS, (), count)

    def build(self, version: str, python: str) -> None:
        """Say what runs."""
        self._replace(table.BUILD, {(version, python): 1})

    def policies(self, states: Iterable[tuple[str, str]]) -> None:
        """Replace what each policy is: (name, state)."""
        self._replace(table.POLICY, dict.fromkeys(states, 1))

    def policy_paused(self, paused: int) -> None:
        """Say whether the operators' pause holds: 1 or 0."""
        self._put(table.POLICY_PAUSED, (), paused)

    def policy_disagreed(self, counts: Mapping[str, int]) -> None:
        """Count signs of other policies by kind."""
        self._add_each(table.POLICY_DISAGREEMENTS, counts)

    # Reading

    def value(self, spec: Spec, *labels: str) -> float:
        """Return one value of a counter or gauge; 0 when nothing was counted."""
        self._refresh()
        return self._values[spec.name].get(labels, 0)

    @override
    def collect(self) -> Iterator[Metric]:
        """Yield every metric of the table; called by the registry at a scrape."""
        self._refresh()
        for spec in table.TABLE:
            if spec is table.REQUEST_AGE or spec is table.LATENCY:
                histogram = (
                    self.request_age if spec is table.REQUEST_AGE else self.latency
                )
                buckets, total = histogram.read()
                yield HistogramMetricFamily(spec.name, spec.meaning, buckets, total)
                continue
            family: CounterMetricFamily | GaugeMetricFamily = (
                CounterMetricFamily(spec.name, spec.meaning, labels=spec.labels)
                if spec.kind == "counter"
                else GaugeMetricFamily(spec.name, spec.meaning, labels=spec.labels)
            )
            with self._lock:
                rows = list(self._values[spec.name].items())
            for labels, value in rows:
                family.add_metric(labels, value)
            yield family

    def describe(self) -> Iterable[Metric]:
        """Yield the metrics without values, so that registering reads none."""
        return (Metric(spec.name, spec.meaning, spec.kind) for spec in table.TABLE)

    def _refresh(self) -> None:
        """Turn moments into ages, as of now."""
        now_ms = self._now_ms()
        for topic, at_ms in self._committed_at_ms.items():
            self._put(table.COMMIT_AGE, (topic,), max(0, now_ms - at_ms) / 1000)
        self._put(table.READY, (), int(self.ready()))
        self._replace(
            table.WATERMARK_AGE,
            {
                (topic,): _age_s(now_ms, at_ms)
                for topic, at_ms in self._watermarks_ms.items()
            },
        )

    def _add(self, spec: Spec, labels: tuple[str, ...], count: int) -> None:
        with self._lock:
            values = self._values[spec.name]
            values[labels] = values.get(labels, 0) + count

    def _add_each(self, spec: Spec, counts: Mapping[str, int]) -> None:
        for label, count in counts.items():
            self._add(spec, (label,), count)

    def _put(self, spec: Spec, labels: tuple[str, ...], value: float) -> None:
        with self._lock:
            self._values[spec.name][labels] = value

    def _replace_some(
        self, spec: Spec, first: str, values: Mapping[tuple[str, ...], float]
    ) -> None:
        """Replace the rows whose first label is ``first``."""
        with self._lock:
            others = {
                labels: value
                for labels, value in self._values[spec.name].items()
                if labels[0] != first
            }
            self._values[spec.name] = {**others, **values}

    def _replace(self, spec: Spec, values: dict[tuple[str, ...], float]) -> None:
        with self._lock:
            self._values[spec.name] = values


def _age_s(now_ms: int, at_ms: int | None) -> float:
    """Return an age in seconds; infinite without a moment, or since one of any size."""
    if at_ms is None or now_ms - at_ms > _LONGEST_MS:
        return _INFINITE
    return max(0, now_ms - at_ms) / 1000
