"""What a poll becomes: slices, each of one partition, and what a role does to them."""

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
    """The assignment it was read under."""
    polled_ms: int
    """Monotonic ms."""

    @property
    def end_offset(self) -> int:
        """The offset to commit once every record is done."""
        return int(self.records[-1].offset) + 1


Poll = list[Slice]
"""What one poll brought: a slice of each partition that had something."""


class Part(msgspec.Struct, frozen=True):
    """What is ready to be written of a slice."""

    piece: Slice
    """The records that are done with this part."""
    outputs: Mapping[TopicPartition, Sequence[Outgoing]]
    last: bool
    """Whether nothing of the slice is left."""
    on_done: Callable[[], None] | None = None
    """Called once all outputs are acknowledged."""


class Step(Protocol):
    """What a role does to slices, one at a time."""

    def begin(self, poll: Poll) -> None:
        """Take note of the poll whose slices come next."""
        ...

    async def read(self, piece: Slice) -> None:
        """Do everything that must be awaited before the slice can be worked on."""
        ...

    def take(self, piece: Slice) -> Part:
        """Work on the slice for a while; return what came of it."""
        ...

    def abandon(self, piece: Slice) -> None:
        """Forget a slice that was taken away before it was done: it is read again."""
        ...


_WITHOUT_A_TURN: Final = 250
"""Records of one poll after which outputs get a turn of the loop to leave: with a
backlog in many partitions a poll holds thousands, in slices of a few."""


async def paced(poll: Poll) -> AsyncIterator[Slice]:
    """Yield the slices of a poll, with a turn of the loop after some hundred records."""
    handled = 0
    for piece in poll:
        if handled >= _WITHOUT_A_TURN:
            handled = 0
            await asyncio.sleep(0)
        yield piece
        handled += len(piece.records)
