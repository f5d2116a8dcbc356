"""Slices of a poll, each of one partition, and the step that a role runs on them."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from typing import Final, Protocol

import msgspec
from aiokafka import TopicPartition

from streams.records.record import Record
from streams.records.record_format import Outgoing


class Slice(msgspec.Struct, frozen=True, gc=False):
    """Consecutive records of one partition, from one poll."""

    partition: TopicPartition
    records: list[Record]
    epoch: int
    """Epoch of the assignment it was read under."""
    polled_ms: int
    """Monotonic ms."""

    @property
    def end_offset(self) -> int:
        """Return the offset to commit once every record is done."""
        return int(self.records[-1].offset) + 1


Poll = list[Slice]
"""The result of one poll: a slice of each partition that had records."""


class Part(msgspec.Struct, frozen=True):
    """The part of a slice that is ready to be written."""

    piece: Slice
    """The records of this part."""
    outputs: Mapping[TopicPartition, Sequence[Outgoing]]
    last: bool
    """Whether this is the last part of its slice."""
    on_done: Callable[[], None] | None = None
    """Called once all outputs are acknowledged."""


class Step(Protocol):
    """The work of a role on slices, one slice at a time."""

    def begin(self, poll: Poll) -> None:
        """Start a poll: its slices come next."""
        ...

    async def read(self, piece: Slice) -> None:
        """Do everything that must be awaited before the slice can be processed."""
        ...

    def take(self, piece: Slice) -> Part:
        """Process some records of the slice; return the outputs."""
        ...

    def abandon(self, piece: Slice) -> None:
        """Drop a slice whose partition was revoked before it was done: it is read again."""
        ...


_WITHOUT_A_TURN: Final = 250
"""Records of one poll after which the event loop gets a turn to send outputs: with a
backlog in many partitions a poll holds thousands of records in small slices."""


async def paced(poll: Poll) -> AsyncIterator[Slice]:
    """Yield the slices of a poll, with a turn of the event loop after some hundred records."""
    handled = 0
    for piece in poll:
        if handled >= _WITHOUT_A_TURN:
            handled = 0
            await asyncio.sleep(0)
        yield piece
        handled += len(piece.records)
