"""The only way out: batches per partition, acknowledged by all in-sync replicas.

While one batch of a partition is on its way, what comes next gathers in the
following batch (group commit): no lingering when idle, large batches under load,
order kept. The producer is idempotent, so a retried request is written once.
"""

import asyncio
from collections.abc import Callable, Sequence
from typing import Final, Protocol

from aiokafka import TopicPartition

from streams.errors import OutputLostError
from streams.kafka.errors import translated
from streams.records.record_format import Outgoing


class Batch(Protocol):
    """What the sink does with a batch.

    See :class:`streams.kafka.aiokafka_internals.record_batch.RecordBatch`.
    """

    def add(self, records: Sequence[Outgoing]) -> int:
        """Add records and return how many were taken; if not all, it is full."""
        ...

    def record_count(self) -> int:
        """Return how many records it holds."""
        ...

    def close(self) -> None:
        """Take no more records."""
        ...


class Batches(Protocol):
    """Makes batches (:class:`streams.kafka.batches.RecordBatches`)."""

    @property
    def full_bytes(self) -> int:
        """Return how much a batch takes in which records gather, at most; uncompressed."""
        ...

    def quick(self) -> Batch:
        """Return an empty batch for a partition that is idle: it leaves at once."""
        ...

    def full(self) -> Batch:
        """Return an empty batch in which records gather while another is on its way."""
        ...


class Producer(Protocol):
    """The part of ``AIOKafkaProducer`` that the sink uses."""

    async def send_batch(
        self, batch: Batch, topic: str, *, partition: int
    ) -> "asyncio.Future[Acknowledged]":
        """Queue a batch; the future ends when the broker has it."""
        ...


class Acknowledged(Protocol):
    """What the broker answers to a batch."""

    @property
    def offset(self) -> int:
        """Return the offset of the first record; -1 = not said."""
        ...


class Acknowledgeable(Protocol):
    """Something that waits for batches (see :class:`streams.kafka.offsets.PendingSlice`)."""

    def hold(self) -> None:
        """Wait for one more batch."""

    def release(self) -> None:
        """One batch is safe."""


_QUEUE_BYTES: Final = 8_000_000
"""What a partition may queue in closed batches before writers wait: bounded memory. A
request takes one batch of a partition, so where batches are small the queue is longer:
the backlog of a partition must not keep the others from being in the same request."""
_ALL_QUEUES_BYTES: Final = 64_000_000
"""The same of all partitions together, where there are many of them."""


class _Lane:
    """One output partition: the batch being filled, those queued, the one on its way."""

    __slots__ = ("batch", "claims", "queue", "running")

    def __init__(self) -> None:
        self.batch: Batch | None = None
        self.claims: list[Acknowledgeable] = []
        self.queue: list[tuple[Batch, list[Acknowledgeable]]] = []
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
    batches
        Makes what the producer sends.
    """

    def __init__(
        self,
        producer: Producer,
        on_written: Callable[[TopicPartition, int, int], None],
        batches: Batches,
    ) -> None:
        self._producer = producer
        self._on_written = on_written
        self._batches = batches
        self._queue_max = _QUEUE_BYTES // batches.full_bytes
        self._all_queues_max = _ALL_QUEUES_BYTES // batches.full_bytes
        self._lanes: dict[TopicPartition, _Lane] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._failure: OutputLostError | None = None
        self._queued = 0
        """Closed batches that wait, of all partitions."""
        self._room = asyncio.Event()
        self._room.set()
        self._failed = asyncio.Event()

    def append(
        self, where: TopicPartition, records: Sequence[Outgoing], claim: Acknowledgeable
    ) -> None:
        """Add records; ``claim`` is held until they are acknowledged. Does not block."""
        if not records:
            return
        lane = self._lanes.get(where)
        if lane is None:
            lane = self._lanes[where] = _Lane()
        batch = lane.batch
        if batch is None:
            make = self._batches.full if lane.running else self._batches.quick
            batch = lane.batch = make()
        while left := self._fill(batch, lane, records, claim):
            self._close(lane)
            records, batch = left, self._batches.full()
            lane.batch = batch
        if not lane.running:
            self._start(where, lane)

    @staticmethod
    def _fill(
        batch: Batch, lane: _Lane, records: Sequence[Outgoing], claim: Acknowledgeable
    ) -> Sequence[Outgoing]:
        """Put records into the batch of a lane, and return those that found no room."""
        taken = batch.add(records)
        claims = lane.claims
        if taken and (not claims or claims[-1] is not claim):
            claim.hold()
            claims.append(claim)
        return records[taken:]

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
        if lane.batch is None:
            return
        lane.queue.append((lane.batch, lane.claims))
        self._queued += 1
        lane.batch = None
        lane.claims = []
        if len(lane.queue) >= self._queue_max or self._queued >= self._all_queues_max:
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
                batch, claims = lane.queue.pop(0)
                self._queued -= 1
                if len(lane.queue) < self._queue_max:
                    self._reopen()
                count = batch.record_count()
                batch.close()
                acknowledged = await (
                    await self._producer.send_batch(
                        batch, where.topic, partition=where.partition
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
        if (
            not self._room.is_set()
            and self._queued < self._all_queues_max
            and all(len(lane.queue) < self._queue_max for lane in self._lanes.values())
        ):
            self._room.set()

    def _lose(self, where: TopicPartition, problem: BaseException) -> None:
        if self._failure is None:
            what = f"{where.topic}/{where.partition} was not acknowledged"
            self._failure = translated(problem, what, OutputLostError)
        self._failed.set()
        self._room.set()
