"""The parts of a consumed record that we read; aiokafka's ``ConsumerRecord`` has them all."""

from collections.abc import Sequence
from typing import Protocol

from streams.records.record_format import Header


class Record(Protocol):
    """One consumed record; its topic and partition are those of the poll."""

    @property
    def offset(self) -> int:
        """Return the offset in the partition."""
        ...

    @property
    def timestamp(self) -> int:
        """Return UTC ms, set by the producer or the broker."""
        ...

    @property
    def key(self) -> bytes | None:
        """Return the key as sent."""
        ...

    @property
    def value(self) -> bytes | None:
        """Return the value as sent; None = tombstone."""
        ...

    @property
    def headers(self) -> Sequence[Header]:
        """Return the headers in order; names may repeat, and values may be missing."""
        ...


class Placed(Record, Protocol):
    """A record that knows its topic and partition."""

    @property
    def topic(self) -> str:
        """Return the topic's name."""
        ...

    @property
    def partition(self) -> int:
        """Return the partition number."""
        ...
