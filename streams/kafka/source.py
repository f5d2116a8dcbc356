"""The source: reads the input as a group member, and turns polls into slices.

aiokafka calls the rebalance listener while no heartbeat is sent, and swallows what it
raises, so the listener only pauses; loading facts and reading back outputs happen in a
task of our own, and only then is a partition read. Every rebalance revokes all
partitions first (eager): a slice read before it is recognised by its epoch and dropped,
and the new owner reads it again.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

import msgspec
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.abc import ConsumerRebalanceListener
from aiokafka.errors import IllegalStateError, KafkaError, OffsetOutOfRangeError
from typing_extensions import override

from streams.errors import SourceError
from streams.kafka.aiokafka_internals.fetched import newest_answer
from streams.kafka.commit_loop import CommitLoop
from streams.kafka.commit_marks import CommitMarks
from streams.kafka.errors import FOREIGN, translated, translating
from streams.kafka.input_log import InputLog, Start, tell_deleted
from streams.kafka.offsets import Offsets
from streams.kafka.ownership import Ownership
from streams.kafka.slices import Poll, Slice
from streams.records.record import Record

log = logging.getLogger(__name__)

Starts = Mapping[TopicPartition, Start]
Prepare = Callable[[Starts], Awaitable[None]]
"""Takes partitions with their starts; returns when they may be read."""

_ASK_AGAIN_S: Final = 0.05
"""Time between two checks with the group that a slice is still ours, seconds."""


class SourceLimits(msgspec.Struct, frozen=True, kw_only=True):
    """Limits of the source."""

    commit_interval_ms: int
    drain_timeout_ms: int
    """How long a rebalance may wait for acknowledgements."""
    slice_max: int
    """Records in one poll at most, and so in one slice."""
    ownership_ms: int
    """For a slice older than this, the group is asked for ownership before judging."""


class Source(ConsumerRebalanceListener):  # type: ignore[misc]  # aiokafka is untyped here
    """One member of a consumer group: delivers slices, commits offsets.

    Parameters
    ----------
    input_log
        Gives the start offsets, and refuses offsets of another log.
    deliver
        Receives a poll.
    prepare
        Prepares partitions before they are read.
    clock_ms
        Monotonic ms.
    """

    def __init__(
        self,
        consumer: AIOKafkaConsumer,
        input_log: InputLog,
        limits: SourceLimits,
        deliver: Callable[[Poll], Awaitable[None]],
        prepare: Prepare,
        clock_ms: Callable[[], int],
    ) -> None:
        self._consumer = consumer
        self._input_log = input_log
        self._limits = limits
        self._deliver = deliver
        self._prepare = prepare
        self._clock_ms = clock_ms
        self.offsets = Offsets(clock_ms)
        self.marks = CommitMarks(input_log.topic_id)
        self.ownership = Ownership(clock_ms, limits.ownership_ms)
        self.commits = CommitLoop(
            consumer,
            self.offsets,
            self.marks,
            self.ownership,
            limits.commit_interval_ms,
        )
        self.epoch = 0
        self.rebalances = 0
        self.deleted = 0
        """Records that the broker deleted before they were read, by their offsets."""
        self.first_assignment = asyncio.Event()
        self.read_to: dict[TopicPartition, int] = {}
        """Partition being read -> next offset to deliver."""
        self._done_to: dict[TopicPartition, int] = {}
        """Partition -> offset at its revocation: everything before is acknowledged."""
        self.unsettled: set[TopicPartition] = set()
        """Partitions that were given up with slices or outputs unfinished."""
        self._gaps_ms = 0
        """When gaps were last checked, monotonic ms."""
        self._preparing: asyncio.Task[None] | None = None
        self._closed = False
        self._failure: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    # -- rebalance -------------------------------------------------------------

    @override
    async def on_partitions_revoked(self, revoked: set[TopicPartition]) -> None:
        """Finish the slices in progress, commit, give the partitions up."""
        self.epoch += 1
        await self._stop_preparing()
        taken = frozenset(self.read_to)
        self.read_to.clear()
        try:
            async with asyncio.timeout(self._limits.drain_timeout_ms / 1000):
                await self.offsets.finished(taken)
        except TimeoutError:
            log.warning("a rebalance did not wait for all acknowledgements")
            self.unsettled |= {
                partition
                for partition in taken
                if self.offsets.unfinished(frozenset({partition}))
            }
        await self.commits.commit()
        self._done_to.update(self.offsets.committable())
        for partition in taken:
            self.offsets.forget(partition)

    @override
    async def on_partitions_assigned(self, assigned: set[TopicPartition]) -> None:
        """Pause the new partitions and prepare them in a task of our own."""
        self.rebalances += 1
        self._consumer.pause(*assigned)
        for partition in assigned:
            # A provisional position, so that aiokafka looks for none; it is set before
            # we read.
            self._consumer.seek(partition, 0)
        await self._stop_preparing()
        if self._closed:
            return  # the group assigns until it is left, but nothing is read any more
        epoch = self.epoch
        self._preparing = asyncio.create_task(
            self._take_over(frozenset(assigned), epoch)
        )
        self._preparing.add_done_callback(self._prepared)
        self.ownership.granted()  # the group has just assigned these

    async def _stop_preparing(self) -> None:
        task, self._preparing = self._preparing, None
        if task is not None and not task.done():
            task.cancel()
            await asyncio.wait({task})

    def _prepared(self, task: "asyncio.Task[None]") -> None:
        if (
            not task.cancelled()
            and task.exception() is not None
            and not self._failure.done()
        ):
            self._failure.set_exception(
                task.exception() or SourceError("preparing failed")
            )

    async def _take_over(self, assigned: frozenset[TopicPartition], epoch: int) -> None:
        with translating("finding the start of the input failed", SourceError):
            starts = await self._input_log.starts(assigned, self._done_to)
        for partition, start in starts.items():
            if start.due < start.first:
                self.deleted += tell_deleted(partition, start.due, start.first)
        await self._prepare(starts)
        if epoch != self.epoch:
            return
        for partition, start in starts.items():
            self.offsets.start(partition, start.offset, start.behind)
            self.marks.begin(partition, start.last, start.distrusts)
            self._consumer.seek(partition, start.offset)
            self.read_to[partition] = start.offset
        self._consumer.resume(*assigned)
        self.first_assignment.set()

    # -- reading ---------------------------------------------------------------

    async def run(self) -> None:
        """Poll until cancelled; raises the error that made reading or preparing impossible."""
        reader = asyncio.create_task(self._read())
        try:
            await asyncio.wait(
                {reader, self._failure}, return_when=asyncio.FIRST_COMPLETED
            )
            if self._failure.done():
                await self._failure
            await reader
        finally:
            reader.cancel()
            await asyncio.wait({reader})

    async def _read(self) -> None:
        while True:
            try:
                polled: dict[Any, list[Record]] = await self._consumer.getmany(
                    timeout_ms=1000, max_records=self._limits.slice_max
                )
            except OffsetOutOfRangeError as problem:
                await self._input_log.is_the_same()
                raise translated(
                    problem,
                    "the next offset is not in the topic (any more)",
                    SourceError,
                ) from problem
            except FOREIGN as problem:
                raise translated(
                    problem, "reading the input failed", SourceError
                ) from problem
            await self._hand_out(polled)
            if self._clock_ms() - self._gaps_ms >= self._limits.commit_interval_ms:
                self._gaps_ms = self._clock_ms()
                await self._pass_gaps()

    async def _pass_gaps(self) -> None:
        """Pass over aborted records and transaction markers, so that no lag remains.

        Only between polls: then everything before a position was delivered or is no
        record for us.
        """
        epoch = self.epoch
        reached = await self.positions()
        if epoch != self.epoch:
            return  # the assignment of these positions is over
        for partition, position in reached.items():
            offset = self.read_to.get(partition)
            if offset is None or position <= offset:
                continue
            if self.offsets.skip(partition, offset, position):
                self.read_to[partition] = position

    async def _hand_out(self, polled: Mapping[TopicPartition, list[Record]]) -> None:
        """Deliver a poll as slices; after a rebalance in between they are read again.

        All at once: the role then judges them without a turn of the event loop in
        between, and their outputs share one request.
        """
        pieces: Poll = []
        polled_ms = self._clock_ms()
        for partition, found in polled.items():
            start = self.read_to.get(partition)
            if start is None or not found:
                continue
            records = found if found[0].offset >= start else _from(found, start)
            if records:
                self.read_to[partition] = records[-1].offset + 1
                self.marks.delivered(partition, records[-1])
                self.offsets.delivered(
                    partition, records[-1].offset + 1, records[0].timestamp
                )
                pieces.append(Slice(partition, records, self.epoch, polled_ms))
        if pieces:
            await self._deliver(pieces)

    async def still_ours(self, piece: Slice) -> bool:
        """Whether a slice may be judged: its partition was not revoked since."""
        return (
            piece.epoch == self.epoch
            and await self.owns(piece.partition, piece.polled_ms)
            and piece.epoch == self.epoch
        )

    async def owns(self, partition: TopicPartition, since_ms: int) -> bool:
        """Whether a partition is being read and is certainly ours.

        A process that was suspended longer than the session timeout may have lost its
        partitions without knowing. A commit under our generation resolves that. While
        the group refuses it, ownership is unknown, and a slice that is neither judged
        nor read again would be lost: so this asks until a commit is accepted or the
        partitions are revoked. A partition that was revoked and assigned again
        meanwhile is ours.

        Parameters
        ----------
        since_ms
            When it was last known to be ours, monotonic ms.
        """
        while partition in self.read_to:
            if self.ownership.trusted(since_ms):
                return True
            epoch = self.epoch
            if await self.commits.confirm():
                if epoch == self.epoch:
                    return True
            else:
                await asyncio.sleep(_ASK_AGAIN_S)
        return False

    # -- the end ---------------------------------------------------------------

    def close(self) -> None:
        """Let no more slices be judged, and take nothing over any more.

        Slices in progress are finished and committed.
        """
        self._closed = True
        self.epoch += 1
        self.read_to.clear()

    async def stop(self) -> None:
        """Commit a last time; the caller has flushed the sink before."""
        await self._stop_preparing()
        await self.commits.commit()

    def complete_until_ms(self, partition: TopicPartition) -> int | None:
        """Return the moment up to which everything written to a partition is processed.

        UTC ms by our wall clock: the last poll that found no more records, with every
        delivered slice acknowledged. None while something is left.
        """
        offset = self.read_to.get(partition)
        # A slice that waits for its role is not tracked yet, so acknowledgements alone
        # are not enough.
        if offset is None or self.offsets.committable().get(partition) != offset:
            return None
        try:
            end: int | None = self._consumer.last_stable_offset(partition)
            heard: int | None = self._consumer.last_poll_timestamp(partition)
        except (IllegalStateError, AssertionError):
            return None
        if end is None or heard is None or end > offset:
            return None
        return heard

    # -- gauges ----------------------------------------------------------------

    def heard(self) -> int | None:
        """Return when a fetch was last answered; -1 = never, None = nothing is fetched.

        By aiokafka's clock: use it only to see that it changes.
        """
        return newest_answer(self._consumer, self.read_to)

    async def positions(self) -> dict[TopicPartition, int]:
        """Return the position of each partition, transaction markers included."""
        found: dict[TopicPartition, int] = {}
        for partition in list(self.read_to):
            try:
                found[partition] = await self._consumer.position(partition)
            except (IllegalStateError, KafkaError):
                continue  # revoked meanwhile
        return found

    def lag(self) -> dict[TopicPartition, tuple[int, int]]:
        """Return the lag of each partition being read, by the last known end.

        Two numbers: records not committed, and records not acknowledged.
        """
        found: dict[TopicPartition, tuple[int, int]] = {}
        for partition in self.read_to:
            try:
                end: int | None = self._consumer.highwater(partition)
            except (IllegalStateError, AssertionError):
                continue  # revoked meanwhile
            found[partition] = self.offsets.behind(partition, end or 0)
        return found


def _from(records: list[Record], offset: int) -> list[Record]:
    return [record for record in records if record.offset >= offset]
