"""What the process counts, kept as plain numbers until a scrape asks for it."""

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
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

Labels = tuple[str, ...]
"""Values of the labels of a metric, in the order of its row."""

_INFINITE: Final = float("inf")
_LONGEST_MS: Final = 1_000 * 366 * 86_400_000
"""A thousand years."""


class Metrics(Collector):
    """All metrics of one process, by the rows of the table; no method blocks.

    Parameters
    ----------
    registry
        The metrics are added to it; a registry takes them once.
    now_ms
        Wall clock, for ages at the moment of a scrape.
    """

    def __init__(self, registry: CollectorRegistry, now_ms: Callable[[], int]) -> None:
        self.registry = registry
        self._now_ms = now_ms
        self._lock = threading.Lock()
        self._values: dict[str, dict[Labels, float]] = {
            spec.name: {} if spec.labels else {(): 0}
            for spec in table.TABLE
            if spec.kind != "histogram"
        }
        self._histograms: dict[str, dict[Labels, Histogram]] = {
            spec.name: {} for spec in table.TABLE if spec.kind == "histogram"
        }
        self._moments_ms: dict[Spec, dict[str, dict[Labels, int | None]]] = {}
        """By gauge, then by who dated them."""
        self._asked: dict[Spec, Callable[[], float]] = {}
        registry.register(self)

    def declare(self, series: Mapping[Spec, Iterable[Labels]]) -> None:
        """Bring series into being at 0, by the values of their labels.

        Prometheus sees an increase only between two samples: a series that is born at 1
        raises no alert for the first event.
        """
        for spec, rows in series.items():
            for labels in rows:
                self.add(spec, 0, *labels)

    # -- counting --------------------------------------------------------------

    def add(self, spec: Spec, count: int, *labels: str) -> None:
        """Count something; once a slice, not once a record."""
        with self._lock:
            values = self._values[spec.name]
            values[labels] = values.get(labels, 0) + count

    def add_each(self, spec: Spec, counts: Mapping[str, int], *first: str) -> None:
        """Count by the last label; ``first`` are those before it."""
        for label, count in counts.items():
            self.add(spec, count, *first, label)

    def observe(self, spec: Spec, values_ms: Sequence[int], *labels: str) -> None:
        """Add many values to a histogram, ms."""
        by_labels = self._histograms[spec.name]
        found = by_labels.get(labels)
        if found is None:
            with self._lock:
                found = by_labels[labels] = Histogram()
        found.observe_many(values_ms)

    # -- the state of something ------------------------------------------------

    def put(self, spec: Spec, value: float, *labels: str) -> None:
        """Set a gauge."""
        with self._lock:
            self._values[spec.name][labels] = value

    def replace(self, spec: Spec, rows: Mapping[Labels, float], *first: str) -> None:
        """Set a whole gauge: what is not among the rows is gone.

        With ``first`` only the rows that begin with these labels.
        """
        with self._lock:
            others = {
                labels: value
                for labels, value in self._values[spec.name].items()
                if first and labels[: len(first)] != first
            }
            self._values[spec.name] = {**others, **rows}

    def date(self, spec: Spec, at_ms: int, *labels: str) -> None:
        """Note the moment, UTC ms, whose age a gauge shows in seconds at a scrape."""
        self._moments_ms.setdefault(spec, {}).setdefault("", {})[labels] = at_ms

    def date_all(
        self, spec: Spec, rows: Mapping[Labels, int | None], by: str = ""
    ) -> None:
        """Replace the moments of a gauge that ``by`` has dated; None = never: no end of age."""
        self._moments_ms.setdefault(spec, {})[by] = dict(rows)

    def ask(self, spec: Spec, read: Callable[[], float]) -> None:
        """Let a gauge without labels be asked for at a scrape."""
        self._asked[spec] = read

    # -- reading ---------------------------------------------------------------

    def value(self, spec: Spec, *labels: str) -> float:
        """Return one value of a counter or gauge; 0 when nothing was counted."""
        self._refresh()
        return self._values[spec.name].get(labels, 0)

    @override
    def collect(self) -> Iterator[Metric]:
        """Yield every metric of the table; called by the registry at a scrape."""
        self._refresh()
        for spec in table.TABLE:
            if spec.name in self._histograms:
                yield self._histogram(spec)
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

    def _histogram(self, spec: Spec) -> HistogramMetricFamily:
        found = HistogramMetricFamily(spec.name, spec.meaning, labels=spec.labels)
        with self._lock:
            rows = list(self._histograms[spec.name].items())
        for labels, histogram in rows:
            buckets, total = histogram.read()
            found.add_metric(labels, buckets, total)
        return found

    def describe(self) -> Iterable[Metric]:
        """Yield the metrics without values, so that registering reads none."""
        return (Metric(spec.name, spec.meaning, spec.kind) for spec in table.TABLE)

    def _refresh(self) -> None:
        """Turn moments into ages, as of now, and ask what is asked for."""
        now_ms = self._now_ms()
        for spec, dated in self._moments_ms.items():
            ages = {
                labels: _age_s(now_ms, at_ms)
                for moments in list(dated.values())
                for labels, at_ms in list(moments.items())
            }
            self.replace(spec, ages)
        for spec, read in self._asked.items():
            self.put(spec, read())


def _age_s(now_ms: int, at_ms: int | None) -> float:
    """Return an age in seconds; infinite without a moment, or since one of any size."""
    if at_ms is None or now_ms - at_ms > _LONGEST_MS:
        return _INFINITE
    return max(0, now_ms - at_ms) / 1000
