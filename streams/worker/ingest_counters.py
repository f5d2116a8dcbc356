"""Metrics and log lines of ingestion."""

from collections import Counter

from streams.kafka.slices import Slice
from streams.metrics import table
from streams.platforms.kuaishou import names
from streams.platforms.kuaishou.ingest import Handled
from streams.worker.counters import DEAD_LETTERS, SourceCounters


class IngestCounters(SourceCounters):
    """Counts platform events by result."""

    def ingested(self, piece: Slice, handled: list[Handled]) -> None:
        """Count events by class, and dead letters among them by reason."""
        topic, partition = piece.partition
        kinds = Counter(one.verdict.kind.value for one in handled)
        self.metrics.add_each(table.EVENTS, kinds, topic)
        dead = Counter[str]()
        for record, one in zip(piece.records, handled, strict=True):
            if one.verdict.kind is names.Kind.DEAD_LETTER:
                error = str(one.verdict.reason)
                dead[error] += 1
                place = topic, partition, record.offset
                self.limited.note(DEAD_LETTERS, error, place)
        if dead:
            self.buried(topic, dead)
