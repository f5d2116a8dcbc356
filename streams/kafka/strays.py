"""Count facts found in partitions that they do not belong to."""

from collections.abc import Callable, Iterator
from itertools import islice
from typing import Final

import msgspec
from aiokafka import TopicPartition

from streams.processing.applied import Misrouted
from streams.processing.partitioner import partition_of_key
from streams.processing.watermarks import WATERMARK_KEY
from streams.records.record import Record

_AUDITED_AT_ONCE: Final = 1000
"""Loaded rows checked between two polls: up to 2 ms if none of them has a buyer."""


class Stray(msgspec.Struct):
    """The misplaced records of one topic."""

    count: int
    """How often such records were read; they count again at each load."""
    partition: int
    """Partition of the newest one."""
    offset: int | None
    """Offset of the newest one; None = found among loaded rows."""
    expected: int
    """The partition where it belongs."""


class Strays:
    """Counts records in wrong partitions, and finds them among loaded rows.

    Parameters
    ----------
    audited
        Name of the topic whose rows are checked after a load; None = no topic.
    partitions_of
        Returns how many partitions a shared fact topic has.
    """

    def __init__(
        self, audited: str | None, partitions_of: Callable[[str], int]
    ) -> None:
        self._audited = audited
        self._partitions_of = partitions_of
        self.by_topic: dict[str, Stray] = {}
        self._audits: dict[int, Iterator[Misrouted | None]] = {}
        """Partition -> loaded rows that are not checked yet."""

    def note(self, tp: TopicPartition, offset: int | None, expected: int) -> None:
        """Note a misplaced record."""
        known = self.by_topic.get(tp.topic)
        count = 1 if known is None else known.count + 1
        self.by_topic[tp.topic] = Stray(count, tp.partition, offset, expected)

    def check_key(self, tp: TopicPartition, record: Record) -> None:
        """Note a shop or article in a partition that is not its key's.

        It still counts, because every worker reads all of these partitions. But two
        records of one key in two partitions have no order: after a load the older one
        may count.
        """
        key = record.key
        if not key or key.startswith(WATERMARK_KEY):
            return
        expected = partition_of_key(key, self._partitions_of(tp.topic))
        if expected != tp.partition:
            self.note(tp, record.offset, expected)

    def audit_later(self, number: int, audit: Iterator[Misrouted | None]) -> None:
        """Keep the check of a loaded partition's rows for later."""
        self._audits[number] = audit

    def drop(self, number: int) -> None:
        """Drop the check of a partition that is gone."""
        self._audits.pop(number, None)

    def audit(self) -> None:
        """Check some of the loaded rows; call it while nothing is being loaded."""
        for number, audit in self._audits.items():
            some = list(islice(audit, _AUDITED_AT_ONCE))
            for found in some:
                if found is not None and self._audited is not None:
                    where = TopicPartition(self._audited, number)
                    self.note(where, None, found.expected)
            if len(some) < _AUDITED_AT_ONCE:
                del self._audits[number]
            return
