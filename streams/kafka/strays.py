"""Facts that were found in another partition than they belong to: how many, and where."""

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
"""Loaded rows looked at between two polls: up to 2 ms, when none of them has a buyer."""


class Stray(msgspec.Struct):
    """What is known of one topic."""

    count: int
    """As often as such records were read: again at each load."""
    partition: int
    """Where the newest of them lies."""
    offset: int | None
    """None when it was found among the loaded ones."""
    expected: int
    """The partition where it belongs."""


class Strays:
    """Counts records in wrong partitions, and looks for them among loaded rows.

    Parameters
    ----------
    audited
        Name of the topic whose rows are looked at after a load; None = none.
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
        """By partition: the rows of its load that have not been looked at yet."""

    def note(self, tp: TopicPartition, offset: int | None, expected: int) -> None:
        """Take note of one."""
        known = self.by_topic.get(tp.topic)
        count = 1 if known is None else known.count + 1
        self.by_topic[tp.topic] = Stray(count, tp.partition, offset, expected)

    def check_key(self, tp: TopicPartition, record: Record) -> None:
        """Note a shop or an article in another partition than its key's.

        It counts all the same, because everybody reads all of these partitions. But two
        records of one key in two partitions have no order: after a load the older may count.
        """
        key = record.key
        if not key or key.startswith(WATERMARK_KEY):
            return
        expected = partition_of_key(key, self._partitions_of(tp.topic))
        if expected != tp.partition:
            self.note(tp, record.offset, expected)

    def audit_later(self, number: int, audit: Iterator[Misrouted | None]) -> None:
        """Take what looks at the rows of a partition that was loaded."""
        self._audits[number] = audit

    def drop(self, number: int) -> None:
        """Look no more at the rows of a partition that is gone."""
        self._audits.pop(number, None)

    def audit(self) -> None:
        """Look at some of the loaded rows; to be called while nothing is loaded."""
        for number, audit in self._audits.items():
            some = list(islice(audit, _AUDITED_AT_ONCE))
            for found in some:
                if found is not None and self._audited is not None:
                    where = TopicPartition(self._audited, number)
                    self.note(where, None, found.expected)
            if len(some) < _AUDITED_AT_ONCE:
                del self._audits[number]
            return
