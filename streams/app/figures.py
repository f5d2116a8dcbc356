"""What a worker shows of itself: lag, rows in memory, watermarks."""

from aiokafka import TopicPartition

from streams.app.service import monotonic_ms
from streams.kafka.facts import FactsReader
from streams.kafka.source import Source
from streams.kafka.tables import SharedTables


class SourceFigures:
    """Reads the lag of a topic off its source; changes nothing."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._lag: dict[TopicPartition, int] = {}

    async def refresh(self) -> None:
        """Find the lag: asked for by others it is as old as this."""
        self._lag = await self._source.lag()

    def lag(self) -> dict[int, tuple[int, int]]:
        """Return (records, ms) not dealt with yet, by partition."""
        now = monotonic_ms()
        return {
            where.partition: (
                count,
                now - self._source.progress.moved_at_ms(where) if count else 0,
            )
            for where, count in self._lag.items()
        }

    def partitions(self) -> dict[str, dict[str, int | None]]:
        """Return how far each partition is, by its number."""
        committable = self._source.progress.committable()
        return {
            str(where.partition): {
                "read_to": offset,
                "acknowledged_to": committable.get(where),
                "lag": self._lag.get(where),
            }
            for where, offset in sorted(self._source.read_to.items())
        }


class Figures(SourceFigures):
    """Reads lag, rows in memory and watermarks off the parts of a deciding worker."""

    def __init__(
        self, source: Source, facts: FactsReader, shared: SharedTables
    ) -> None:
        super().__init__(source)
        self._facts = facts
        self._shared = shared

    def table_rows(self) -> dict[str, int]:
        """Return rows in memory by table."""
        tables = self._facts.tables.values()
        return {
            "orders": sum(len(one.orders) for one in tables),
            "buyers": sum(len(one.buyers) for one in tables),
            "refunds": sum(len(one.ledger) for one in tables),
            "notices": sum(len(one.ledger.notices) for one in tables),
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
