"""The only way out: batches per partition, acknowledged by all in-sync replicas.

While one batch of a partition is on its way, what comes next gathers in the
following batch (group commit): no lingering when idle, large batches under load,
order kept. The producer is idempotent, so a retried request is written once.

What finds its partition idle leaves at once in a batch that is not compressed: a codec
costs more to set up than a few records take to copy. What gathers is compressed as
the producer is set: decisions are much alike, and shrink to a twentieth.
"""

import asyncio
from collections.abc import Callable, Sequence
from typing import Final, Protocol

from aiokafka import TopicPartition
from aiokafka.producer.message_accumulator import BatchBuilder

from streams.errors import OutputLostError

Header = tuple[str, bytes]


class Builder(Protocol):
    """The part of aiokafka's batch builder that the sink uses."""

    def append(
        self,
        *,
        timestamp: int | None,
        key: bytes | None,
        value: bytes | None,
        headers: Sequence[Header],
    ) -> object:
        """Add a record; None = the batch is full and did not take it."""
        ...

    def record_count(self) -> int:
        """Return how many records it holds."""
        ...

    def close(self) -> None:
        """Take no more records."""
        ...


class Producer(Protocol):
    """The part of ``AIOKafkaProducer`` that the sink uses."""

    def create_batch(self) -> Builder:
        """Return an empty batch."""
        ...

    async def send_batch(
        self, batch: Builder, topic: str, *, partition: int
    ) -> "asyncio.Future[Acknowledged]":
        """Queue a batch; the future ends when the broker has it."""
        ...


class Acknowledged(Protocol):
    """What the broker answers to a batch."""

    @property
    def offset(self) -> int:
        """Return the offset of the first record; -1 = not said."""
        ...


class Waits(Protocol):
    """Something that waits for batches (see :class:`streams.kafka.progress.Claim`)."""

    def hold(self) -> None:
        """Wait for one more batch."""

    def release(self) -> None:
        """One batch is safe."""


_QUICK_BYTES: Final = 16_384
"""About a dozen decisions: below that a codec saves nothing."""
_UNCOMPRESSED: Final = 0
"""The codec's number in the attributes of a batch (record format 2)."""
_FULL_BATCHES_MAX: Final = 8
"""Closed batches a partition may queue before writers wait: bounded memory."""


def quick_batch() -> Builder:
    """Return an empty batch for a partition that is idle: small, not compressed."""
    batch: Builder = BatchBuilder(_QUICK_BYTES, _UNCOMPRESSED)
    return batch


class _Lane:
    """One output partition: the batch being filled, those queued, the one on its way."""

    __slots__ = ("builder", "claims", "queue", "running")

    def __init__(self) -> None:
        self.builder: Builder | None = None
        self.claims: list[Waits] = []
        self.queue: list[tuple[Builder, list[Waits]]] = []
        self.running = False


class Sink:
    """Writes records in batches and tells each claim when its batches are safe.

    Parameters
    ----------
    producer
        Started, idempotent, acks=all; owned by the caller.
    on_written
        Called with (partition, first offset, record count) of every acknowledged
        batch; an offset of -1 means the broker did not say.
    quick
        Makes the batches of idle partitions.
    """

    def __init__(
        self,
        producer: Producer,
        on_written: Callable[[TopicPartition, int, int], None],
        quick: Callable[[], Builder],
    ) -> None:
        self._producer = producer
        self._on_written = on_written
        self._quick = quick
        self._lanes: dict[TopicPartition, _Lane] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._failure: OutputLostError | None = None
        self._room = asyncio.Event()
        self._room.set()
        self._failed = asyncio.Event()

    def append(
        self,
        where: TopicPartition,
        key: bytes | None,
        value: bytes | None,
        headers: Sequence[Header],
        claim: Waits,
    ) -> None:
        """Add one record; ``claim`` is held until it is acknowledged. Does not block."""
        lane = self._lanes.get(where)
        if lane is None:
            lane = self._lanes[where] = _Lane()
        builder = lane.builder
        if builder is None:
            make = self._producer.create_batch if lane.running else self._quick
            builder = lane.builder = make()
        if (
            builder.append(timestamp=None, key=key, value=value, headers=headers)
            is None
        ):
            self._close(lane)
            builder = lane.builder = self._producer.create_batch()
            builder.append(timestamp=None, key=key, value=value, headers=headers)
        claims = lane.claims
        if not claims or claims[-1] is not claim:
            claim.hold()
            claims.append(claim)
        if not lane.running:
            self._start(where, lane)

    async def room(self) -> None:
        """Wait until the queues are short again; back-pressure for writers.

        Raises
        ------
        OutputLostError
            A batch was refused or not acknowledged in time; nothing can be written
            any more, because a later batch would overtake the lost one.
        """
        if self._failure is not None:
            raise self._failure
        if not self._room.is_set():
            await self._room.wait()
            if self._failure is not None:
                raise self._failure

    async def failed(self) -> OutputLostError:
        """Wait for the first failure; for a supervisor that ends the process."""
        await self._failed.wait()
        if (
            self._failure is None
        ):  # pragma: no cover - the event is set with the failure
            return OutputLostError("the sink failed")
        return self._failure

    async def flush(self) -> None:
        """Wait until everything appended so far is acknowledged or lost."""
        while self._tasks and self._failure is None:
            await asyncio.wait(set(self._tasks))
        if self._failure is not None:
            raise self._failure

    async def abort(self) -> None:
        """Stop sending; what is not acknowledged stays unacknowledged."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    @property
    def healthy(self) -> bool:
        """Whether outputs can still be written."""
        return self._failure is None

    def _close(self, lane: _Lane) -> None:
        if lane.builder is None:
            return
        lane.queue.append((lane.builder, lane.claims))
        lane.builder = None
        lane.claims = []
        if len(lane.queue) >= _FULL_BATCHES_MAX:
            self._room.clear()

    def _start(self, where: TopicPartition, lane: _Lane) -> None:
        lane.running = True
        task = asyncio.get_running_loop().create_task(self._send(where, lane))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _send(self, where: TopicPartition, lane: _Lane) -> None:
        try:
            while self._failure is None:
                if not lane.queue:
                    self._close(lane)
                if not lane.queue:
                    break
                builder, claims = lane.queue.pop(0)
                if len(lane.queue) < _FULL_BATCHES_MAX:
                    self._reopen()
                count = builder.record_count()
                builder.close()
                acknowledged = await (
                    await self._producer.send_batch(
                        builder, where.topic, partition=where.partition
                    )
                )
                self._on_written(where, acknowledged.offset, count)
                for claim in claims:
                    claim.release()
        except Exception as problem:  # noqa: BLE001 - whatever it was, the output is lost
            self._lose(where, problem)
        finally:
            lane.running = False

    def _reopen(self) -> None:
        if not self._room.is_set() and all(
            len(lane.queue) < _FULL_BATCHES_MAX for lane in self._lanes.values()
        ):
            self._room.set()

    def _lose(self, where: TopicPartition, problem: BaseException) -> None:
        if self._failure is None:
            self._failure = OutputLostError(
                f"{where.topic}/{where.partition} was not acknowledged: "
                f"{type(problem).__name__}: {problem}"
            )
        self._failed.set()
        self._room.set()
