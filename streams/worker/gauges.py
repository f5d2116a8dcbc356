"""What a worker shows of itself: lag, rows in memory, watermarks."""

from collections.abc import Callable

from aiokafka import TopicPartition

from streams.kafka.source import Source
from streams.kafka.table_reader import TableReader


class SourceGauges:
    """Reads the lag of a topic off its source; changes nothing."""

    def __init__(self, source: Source, now_ms: Callable[[], int]) -> None:
        self._source = source
        self._now_ms = now_ms

    def lag(self) -> dict[int, tuple[int, int]]:
        """Return what is behind by partition: records not committed, and an age in ms.

        The age is that of the oldest record that is not acknowledged, by its timestamp.
        Of records that were not fetched yet nobody knows it: then it is the time since
        the partition last moved.
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
        """Return how far each partition is, by its number."""
        committable, lag = self._source.offsets.committable(), self.lag()
        return {
            str(where.partition): {
                "read_to": offset,
                "acknowledged_to": committable.get(where),
                "lag": lag[where.partition][0] if where.partition in lag else None,
            }
            for where, offset in sorted(self._source.read_to.items())
        }


class Figures(SourceGauges):
    """Reads lag, rows in memory and watermarks off the parts of a deciding worker."""

    def __init__(
        self, source: Source, facts: TableReader, now_ms: Callable[[], int]
    ) -> None:
        super().__init__(source, now_ms)
        self._facts = facts
        self._shared = facts.shared

    def table_rows(self) -> dict[str, int]:
        """Return rows in memory by table."""
        tables = self._facts.tables.values()
        return {
            "orders": sum(len(one.orders) for one in tables),
            "buyers": sum(len(one.buyers) for one in tables),
            "refunds": sum(one.ledger.rows()["refunds"] for one in tables),
            "notices": sum(one.ledger.rows()["notices"] for one in tables),
            "shops": len(self._shared.shops),
            "catalog": len(self._shared.listed),
            "policies": len(self._shared.policies),
        }

    def misrouted(self) -> dict[str, dict[str, int | None]]:
        """Return facts found in wrong partitions, by topic, with the newest as example."""
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
        """Return the oldest watermark by topic; None = a partition has none.

        A spare has no partitions, so no feed of theirs can be late for it.
        """
        names = self._facts.topics
        found: dict[str, int | None] = {names.shops: self._shared.lists_ms}
        tables = list(self._facts.tables.values())
        if not tables:
            return found
        for name, marks in (
            (names.orders, [one.order_marks.ms for one in tables]),
            (names.buyers, [one.buyer_marks.ms for one in tables]),
        ):
            known = [ms for ms in marks if ms is not None]
            found[name] = min(known) if known and len(known) == len(marks) else None
        return found
