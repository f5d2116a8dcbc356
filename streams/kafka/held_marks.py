"""Watermarks that were read but do not count yet (:mod:`.fact_logs`)."""

from collections.abc import Collection

import msgspec
from aiokafka import TopicPartition

from streams.processing.watermarks import WATERMARK_KEY, Watermarks
from streams.records.record import Record


class HeldMarks(msgspec.Struct):
    """Watermarks, and moments at which the dated topic was read to its end."""

    marks: list[tuple[TopicPartition, Record]] = msgspec.field(default_factory=list)
    """Watermark records, in the order they were read."""
    ends_ms: dict[int, int] = msgspec.field(default_factory=dict)
    """Partition number -> moment of the last read to the end, UTC ms."""

    def sift(
        self, where: TopicPartition, records: list[Record], known: Watermarks
    ) -> list[Record]:
        """Hold the watermarks among records; return the other records.

        A watermark that can only make facts less fresh counts at once.
        """
        marks = [
            record
            for record in records
            if (key := record.key) is not None
            and key.startswith(WATERMARK_KEY)
            and not known.only_lowered_by(key, record.value)
        ]
        if not marks:
            return records
        self.marks += [(where, mark) for mark in marks]
        held = {mark.offset for mark in marks}
        return [record for record in records if record.offset not in held]

    def take(self) -> "HeldMarks":
        """Take out everything that is held."""
        taken = HeldMarks(self.marks, self.ends_ms)
        self.marks, self.ends_ms = [], {}
        return taken

    def put_back(self, taken: "HeldMarks") -> None:
        """Hold what was taken again, before what came since."""
        self.marks[:0] = taken.marks
        self.ends_ms = taken.ends_ms | self.ends_ms

    def forget(self, owned: Collection[TopicPartition]) -> None:
        """Drop what belongs to these partitions."""
        self.marks = [one for one in self.marks if one[0] not in owned]
        for where in owned:
            self.ends_ms.pop(where.partition, None)
