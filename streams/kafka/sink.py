"""The sink: writes all outputs in batches per partition, acknowledged by all in-sync replicas.

While one batch of a partition is in flight, the next records gather in the following
batch (group commit): no delay when idle, large batches under load, order kept. The
producer is idempotent, so a retried request is written once.
"""

import asyncio
from collections.abc import Callable, Collection, Sequence
from typing import Final, Protocol

from aiokafka import TopicPartition

from streams.errors import OutputLostError
from streams.kafka.errors import translated
from streams.records.record_format import Outgoing


class Batch(Protocol):
    """A batch, as the sink uses it.

    See :class:`streams.kafka.aiokafka_internals.record_batch.RecordBatch`.
    """

    def add(self, records: Sequence[Outgoing]) -> int:
        """Add records and return how many were accepted; if not all, the batch is full."""
        ...

    def record_count(self) -> int:
        """Return how many records it holds."""
        ...

    def close(self) -> None:
        """Accept no more records."""
        ...


class Batches(Protocol):
    """Makes batches (:class:`streams.kafka.batches.RecordBatches`)."""

    @property
    def full_bytes(self) -> int:
        """Return the size limit of a batch in which records gather; bytes, uncompressed."""
        ...

    def quick(self) -> Batch:
        """Return an empty batch for an idle partition: it is sent at once."""
        ...

    def full(self) -> Batch:
        """Return an empty batch in which records gather while another is in flight."""
        ...


class Producer(Protocol):
    """The part of ``AIOKafkaProducer`` that the sink uses."""

    async def send_batch(
        self, batch: Batch, topic: str, *, partition: int
    ) -> "asyncio.Future[Acknowledged]":
        """Queue a batch; the future completes when the broker has acknowledged it."""
        ...


class Acknowledged(Protocol):
    """The broker's answer to a batch."""

    @property
    def offset(self) -> int:
        """Return the offset of the first record; -1 = unknown."""
        ...


class Acknowledgeable(Protocol):
    """Something that waits for batches (see :class:`streams.kafka.offsets.PendingSlice`)."""

    def hold(self) -> None:
        """Wait for one more batch."""

    def release(self) -> None:
        """Note that one batch is acknowledged."""


_QUEUE_BYTES: Final = 8_000_000
"""Bytes of closed batches that a partition may queue before writers wait; bounds
memory. A request takes one batch per partition, so with small batches the queue is
longer: one partition's backlog must not keep others out of the same request."""
_ALL_QUEUES_BYTES: Final = 64_000_000
"""The same for all partitions together."""


class _OutputPartition:
    """One output partition: the batch being filled, queued batches, the one in flight."""

    __slots__ = ("batch", "queue", "running", "sending", "waiting")

    sending: "asyncio.Task[None]"
    """Sends its batches while ``running``."""

    def __init__(self) -> None:
        self.batch: Batch | None = None
        self.waiting: list[Acknowledgeable] = []
        self.queue: list[tuple[Batch, list[Acknowledgeable]]] = []
        self.running = False


class Sink:
    """Writes records in batches, and releases each pending slice when they are acknowledged.

    Parameters
    ----------
    producer
        Started, idempotent, acks=all; owned by the caller.
    on_written
        Called with (partition, first offset, record count) of every acknowledged batch;
        an offset of -1 means unknown.
    batches
        Creates the batches that the producer sends.
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
        self._partitions: dict[TopicPartition, _OutputPartition] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._failure: OutputLostError | None = None
        self._queued = 0
        """Closed batches that wait, over all partitions."""
        self._room = asyncio.Event()
        self._room.set()
        self._failed = asyncio.Event()

    def append(
        self,
        where: TopicPartition,
        records: Sequence[Outgoing],
        pending: Acknowledgeable,
    ) -> None:
        """Add records; ``pending`` is held until they are acknowledged. Does not block."""
        if not records:
            return
        output = self._partitions.get(where)
        if output is None:
            output = self._partitions[where] = _OutputPartition()
        batch = output.batch
        if batch is None:
            make = self._batches.full if output.running else self._batches.quick
            batch = output.batch = make()
        while left := self._fill(batch, output, records, pending):
            self._close(output)
            records, batch = left, self._batches.full()
            output.batch = batch
        if not output.running:
            self._start(where, output)

    @staticmethod
    def _fill(
        batch: Batch,
        output: _OutputPartition,
        records: Sequence[Outgoing],
        pending: Acknowledgeable,
    ) -> Sequence[Outgoing]:
        """Put records into the batch of a partition; return those that do not fit."""
        taken = batch.add(records)
        waiting = output.waiting
        if taken and (not waiting or waiting[-1] is not pending):
            pending.hold()
            waiting.append(pending)
        return records[taken:]

    async def room(self) -> None:
        """Wait until the queues are short again: back-pressure for writers.

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
        """Wait for the first failure; used by a supervisor that ends the process."""
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

    async def settled(self, partitions: Collection[int]) -> None:
        """Wait until nothing for these partition numbers is under way any more.

        Whoever takes a partition over that it had before reads the outputs back only
        then: what it sent itself must be among them.

        Raises
        ------
        OutputLostError
            A batch was refused or not acknowledged in time.
        """
        while sending := [
            output.sending
            for where, output in self._partitions.items()
            if output.running and where.partition in partitions
        ]:
            await asyncio.wait(sending)
        if self._failure is not None:
            raise self._failure

    async def abort(self) -> None:
        """Stop sending; unacknowledged outputs stay so."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    @property
    def idle(self) -> bool:
        """Whether nothing is under way."""
        return not self._tasks

    @property
    def healthy(self) -> bool:
        """Whether outputs can still be written."""
        return self._failure is None

    def _close(self, output: _OutputPartition) -> None:
        if output.batch is None:
            return
        output.queue.append((output.batch, output.waiting))
        self._queued += 1
        output.batch = None
        output.waiting = []
        if len(output.queue) >= self._queue_max or self._queued >= self._all_queues_max:
            self._room.clear()

    def _start(self, where: TopicPartition, output: _OutputPartition) -> None:
        output.running = True
        task = asyncio.get_running_loop().create_task(self._send(where, output))
        output.sending = task
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _send(self, where: TopicPartition, output: _OutputPartition) -> None:
        try:
            while self._failure is None:
                if not output.queue:
                    self._close(output)
                if not output.queue:
                    break
                batch, waiting = output.queue.pop(0)
                self._queued -= 1
                if len(output.queue) < self._queue_max:
                    self._reopen()
                count = batch.record_count()
                batch.close()
                acknowledged = await (
                    await self._producer.send_batch(
                        batch, where.topic, partition=where.partition
                    )
                )
                self._on_written(where, acknowledged.offset, count)
                for pending in waiting:
                    pending.release()
        except Exception as problem:  # noqa: BLE001 - whatever the error, the output is lost
            self._lose(where, problem)
        finally:
            output.running = False

    def _reopen(self) -> None:
        if (
            not self._room.is_set()
            and self._queued < self._all_queues_max
            and all(
                len(output.queue) < self._queue_max
                for output in self._partitions.values()
            )
        ):
            self._room.set()

    def _lose(self, where: TopicPartition, problem: BaseException) -> None:
        if self._failure is None:
            what = f"{where.topic}/{where.partition} was not acknowledged"
            self._failure = translated(problem, what, OutputLostError)
        self._failed.set()
        self._room.set()
