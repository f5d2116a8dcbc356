"""The gauges of a worker: lag, rows in memory, watermarks."""

from collections import Counter
from collections.abc import Callable
from typing import Any

from aiokafka import TopicPartition

from streams.kafka.source import Source
from streams.kafka.table_reader import TableReader
from streams.processing.family import FamilyProcess


class SourceGauges:
    """Computes the lag of a topic from its source; changes nothing."""

    def __init__(self, source: Source, now_ms: Callable[[], int]) -> None:
        self._source = source
        self._now_ms = now_ms

    def lag(self) -> dict[int, tuple[int, int]]:
        """Return the lag by partition: records after the committed offset, and an age in ms.

        The age is that of the oldest unacknowledged record, by its timestamp. For
        records that are not fetched yet the timestamp is unknown: then it is the time
        since the partition last moved.
        """
        return {
            where.partition: (
                uncommitted,
                self._age_ms(where) if unacknowledged else 0,
            )
            for where, (uncommitted, unacknowledged) in self._source.lag().items()
        }

    def _age_ms(self, where: TopicPartition) -> int:
        progress = self._source.offsets
        oldest_ms = progress.oldest_ms(where)
        if oldest_ms is None:
            return progress.stood_ms(where)
        return self._now_ms() - oldest_ms

    def partitions(self) -> dict[str, dict[str, int | None]]:
        """Return the progress of each partition, by its number."""
        committable, lag = self._source.offsets.committable(), self.lag()
        return {
            str(where.partition): {
                "read_to": offset,
                "acknowledged_to": committable.get(where),
                "lag": lag[where.partition][0] if where.partition in lag else None,
            }
            for where, offset in sorted(self._source.read_to.items())
        }


class FamilyGauges(SourceGauges):
    """Collects lag, rows in memory and watermarks of a deciding worker."""

    def __init__(
        self,
        source: Source,
        facts: TableReader,
        family: FamilyProcess[Any, Any],
        now_ms: Callable[[], int],
    ) -> None:
        super().__init__(source, now_ms)
        self._facts = facts
        self._family = family

    def table_rows(self) -> dict[str, int]:
        """Return the number of rows in memory by table."""
        found = Counter[str]()
        for state in self._facts.tables.values():
            found.update(state.rows())
        return {**found, **self._family.shared.rows()}

    def misrouted(self) -> dict[str, dict[str, int | None]]:
        """Return how many facts were in wrong partitions, by topic, with the newest as example."""
        return {
            topic: {
                "count": found.count,
                "partition": found.partition,
                "offset": found.offset,
                "expected_partition": found.expected,
            }
            for topic, found in self._facts.strays.by_topic.items()
        }

    def watermarks(self) -> dict[str, int | None]:
        """Return the oldest watermark by topic; None = a partition has none."""
        whole = self._facts.names.whole
        found = self._family.watermarks(list(self._facts.tables.values()))
        return {whole(name): ms for name, ms in found.items()}
