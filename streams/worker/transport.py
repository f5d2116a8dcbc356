"""The transport of one family in one process, and its clocks."""

from collections.abc import Callable

import msgspec
from aiokafka import TopicPartition

from streams.kafka.output_scan import AnsweredOffsets
from streams.kafka.sink import Sink
from streams.kafka.source import Source
from streams.kafka.table_reader import TableReader
from streams.kafka.topic_names import FamilyNames


class Transport(msgspec.Struct, frozen=True, kw_only=True):
    """Input, facts and outputs of one family."""

    names: FamilyNames
    source: Source
    facts: TableReader
    sink: Sink
    answered: dict[int, AnsweredOffsets]
    """Partition -> answered offsets; filled before the partition is read."""

    def input(self, partition: int) -> TopicPartition:
        """Return a partition of the input."""
        return TopicPartition(self.names.input, partition)


class Clocks(msgspec.Struct, frozen=True, kw_only=True):
    """The two clocks of a process."""

    now_ms: Callable[[], int]
    """Wall clock, UTC ms."""
    monotonic_ms: Callable[[], int]
    """Monotonic clock, ms; its zero has no meaning."""
