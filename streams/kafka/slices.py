"""What a poll becomes: slices, each of one partition."""

import asyncio
from collections.abc import AsyncIterator
from typing import Final

import msgspec
from aiokafka import TopicPartition

from streams.records.record import Record


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
