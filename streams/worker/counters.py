"""Metrics and log lines of a service that reads slices.

Events that may come in floods (dead letters, misrouted records) are counted in the
metrics, and logged once a minute.
"""

import asyncio
from collections.abc import Callable, Mapping
from typing import Final

from streams.kafka.source import Source
from streams.metrics import Metrics, table
from streams.rate_limit import Kind, RateLimitedLog

DEAD_LETTERS: Final = Kind(
    "dead_letters", "records that cannot be read became dead letters"
)


class SourceCounters:
    """Counts for one input topic.

    Parameters
    ----------
    now_ms
        Wall clock, UTC ms.
    limited
        Log for lines that may come in floods.
    """

    def __init__(
        self,
        metrics: Metrics,
        topic: str,
        now_ms: Callable[[], int],
        limited: RateLimitedLog,
    ) -> None:
        self.metrics = metrics
        self.topic = topic
        self.now_ms = now_ms
        self.limited = limited
        self._seen = (0, 0)
        """Rebalances and deleted records counted so far."""

    def acknowledged(self, topic: str, latencies_ms: list[int]) -> None:
        """Count the records of a part of a slice whose outputs are all acknowledged."""
        self.metrics.add(table.SLICES, 1, topic)
        self.metrics.add(table.RECORDS, len(latencies_ms), topic)

    def buried(self, topic: str, counts: Mapping[str, int]) -> None:
        """Count records of a topic that became dead letters, by error."""
        self.metrics.add_each(table.DEAD_LETTERS, counts, topic)

    def deleted(self, count: int) -> None:
        """Count records that the broker deleted before they were read."""
        self.metrics.add(table.DELETED, count, self.topic)

    def look_at_source(
        self, source: Source, lag: Mapping[int, tuple[int, int]]
    ) -> None:
        """Read the gauges of the topic; called once a second.

        Parameters
        ----------
        lag
            Partition -> lag as (records, ms).
        """
        self.limited.tick()
        metrics, topic, seen = self.metrics, self.topic, self._seen
        metrics.add(table.REBALANCES, source.rebalances - seen[0], topic)
        metrics.put(table.PARTITIONS, len(source.read_to), topic)
        self.deleted(source.deleted - seen[1])
        self._seen = source.rebalances, source.deleted
        committed_ms = self.now_ms() - source.offsets.commit_age_ms()
        metrics.date(table.COMMIT_AGE, committed_ms, topic)
        self._lag(lag)
        metrics.put(table.TASKS, len(asyncio.all_tasks()))

    def _lag(self, lag: Mapping[int, tuple[int, int]]) -> None:
        records: dict[tuple[str, ...], float] = {}
        seconds: dict[tuple[str, ...], float] = {}
        for number, (count, ms) in lag.items():
            where = self.topic, str(number)
            records[where], seconds[where] = count, max(0, ms) / 1000
        self.metrics.replace(table.LAG_RECORDS, records, self.topic)
        self.metrics.replace(table.LAG_SECONDS, seconds, self.topic)

    def agents(self, up: Mapping[str, bool]) -> None:
        """Set the gauges of the running roles of a service."""
        for name, one in up.items():
            self.metrics.put(table.AGENTS_UP, int(one), name)
