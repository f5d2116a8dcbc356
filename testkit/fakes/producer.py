"""A producer of batches on topics in memory."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from aiokafka import TopicPartition

from streams.records.record_format import Outgoing
from testkit.fakes.failing import Failing
from testkit.fakes.log import FakeLog, Headers, headers_in


@dataclass
class FakeBatch:
    """A batch that is full after some records; the first one always fits."""

    room: int
    records: list[tuple[bytes | None, bytes | None, Headers]] = field(
        default_factory=list
    )
    closed: bool = False

    def add(self, records: Sequence[Outgoing]) -> int:
        taken = records[: 0 if self.closed else self.room - len(self.records)]
        self.records += [(key, value, headers_in(block)) for key, value, block in taken]
        return len(taken)

    def record_count(self) -> int:
        return len(self.records)

    def close(self) -> None:
        self.closed = True


@dataclass(frozen=True)
class FakeAcknowledgement:
    offset: int


@dataclass
class Sending:
    """One batch on its way."""

    where: TopicPartition
    batch: FakeBatch
    answer: "asyncio.Future[FakeAcknowledgement]"


class FakeProducer(Failing):
    """A producer, and its batches, whose acknowledgements can be held back."""

    def __init__(self, log: FakeLog, room: int = 1000) -> None:
        super().__init__()
        self.log = log
        self.room = room
        self.full_bytes = 1_000_000
        self.held = False
        self.says_offsets = True
        self.quick_ones: list[FakeBatch] = []
        """Batches made for partitions that were idle."""
        self.sent: list[FakeBatch] = []
        self.waiting: list[Sending] = []

    def quick(self) -> FakeBatch:
        self.quick_ones.append(batch := FakeBatch(self.room))
        return batch

    def full(self) -> FakeBatch:
        return FakeBatch(self.room)

    async def send_batch(
        self,
        batch: Any,  # noqa: ANN401 - ours, or whatever the sink's protocol allows
        topic: str,
        *,
        partition: int,
    ) -> "asyncio.Future[Any]":
        self._may_fail("send_batch")
        assert batch.closed
        self.sent.append(batch)
        sending = Sending(
            TopicPartition(topic, partition),
            batch,
            asyncio.get_running_loop().create_future(),
        )
        if self.held:
            self.waiting.append(sending)
        else:
            self._write(sending)
        return sending.answer

    def acknowledge(self, count: int = 1) -> None:
        """Write the batches that wait longest."""
        for sending in self.waiting[:count]:
            self._write(sending)
        del self.waiting[:count]

    def refuse(self, problem: Exception) -> None:
        """Answer the batch that waits longest with an error."""
        self.waiting.pop(0).answer.set_exception(problem)

    def _write(self, sending: Sending) -> None:
        first = self.log.end(sending.where)
        for key, value, headers in sending.batch.records:
            self.log.write(sending.where, value, key, headers)
        if not sending.answer.cancelled():
            sending.answer.set_result(
                FakeAcknowledgement(first if self.says_offsets else -1)
            )
