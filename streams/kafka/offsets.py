"""Track which offsets may be committed: those before the first unacknowledged record.

Slices of a partition finish in any order, because their outputs are in different
batches, but offsets advance in reading order.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Mapping

from aiokafka import TopicPartition


class PendingSlice:
    """A slice in progress; counts the output batches that it still waits for."""

    __slots__ = ("_advance", "end_offset", "on_done", "waiting")

    def __init__(self, end_offset: int, advance: Callable[[], None]) -> None:
        self.end_offset = end_offset
        self.waiting = 1  # the holder itself, until its last batch is added
        self.on_done: Callable[[], None] | None = None
        self._advance = advance

    def hold(self) -> None:
        """Wait for one more batch."""
        self.waiting += 1

    def release(self) -> None:
        """Note that a batch was acknowledged, or that the holder has added its last batch."""
        self.waiting -= 1
        if self.waiting == 0:
            if self.on_done is not None:
                self.on_done()
            self._advance()


class PartitionOffsets:
    """The offsets of one owned partition."""

    __slots__ = (
        "committable",
        "committed",
        "delivered",
        "moved_at_ms",
        "outputs",
        "pending",
    )

    def __init__(self, offset: int, now_ms: int) -> None:
        self.pending: deque[PendingSlice] = deque()
        self.outputs = 0
        self.committable = offset
        self.committed = offset
        self.moved_at_ms = now_ms
        self.delivered: deque[tuple[int, int]] = deque()
        """(end offset, timestamp of the first record) of unacknowledged slices, in
        order."""

    def move_to(self, offset: int) -> None:
        """Make everything before an offset committable."""
        self.committable = offset
        delivered = self.delivered
        while delivered and delivered[0][0] <= offset:
            delivered.popleft()


class Offsets:
    """The committable offsets of the partitions owned now.

    Parameters
    ----------
    clock_ms
        Monotonic ms, to measure how long a partition has not moved.
    """

    def __init__(self, clock_ms: Callable[[], int]) -> None:
        self._clock_ms = clock_ms
        self._partitions: dict[TopicPartition, PartitionOffsets] = {}
        self.committed_at_ms = clock_ms()
        self._moved = asyncio.Event()

    def start(
        self, partition: TopicPartition, offset: int, committed: int | None = None
    ) -> None:
        """Start a partition at the offset that will be read next.

        ``committed`` is what the group holds if it is less, because it has refused our
        last commits: the next one tells it. None = as much.
        """
        owned = PartitionOffsets(offset, self._clock_ms())
        if committed is not None:
            owned.committed = min(offset, committed)
        self._partitions[partition] = owned

    def forget(self, partition: TopicPartition) -> None:
        """Drop a partition that is no longer owned; late acknowledgements have no effect."""
        self._partitions.pop(partition, None)

    def delivered(
        self, partition: TopicPartition, end_offset: int, timestamp_ms: int
    ) -> None:
        """Note a delivered slice, by the timestamp of its first record."""
        self._partitions[partition].delivered.append((end_offset, timestamp_ms))

    def track_slice(self, partition: TopicPartition, end_offset: int) -> PendingSlice:
        """Track a slice; ``end_offset`` is the offset after its last record."""
        owned = self._partitions[partition]

        def advance() -> None:
            waiting = owned.pending
            while waiting and waiting[0].waiting == 0:
                owned.move_to(waiting.popleft().end_offset)
                owned.moved_at_ms = self._clock_ms()
            self._moved.set()

        tracked = PendingSlice(end_offset, advance)
        if not owned.pending:  # a quiet partition was not stalled until now
            owned.moved_at_ms = self._clock_ms()
        owned.pending.append(tracked)
        return tracked

    def track_output(self, partition: TopicPartition) -> PendingSlice:
        """Track outputs that no offset waits for, such as notices: a rebalance waits for them.

        Otherwise the next owner would not find them among the outputs, and write them
        again.
        """
        owned = self._partitions[partition]

        def done() -> None:
            owned.outputs -= 1
            self._moved.set()

        owned.outputs += 1
        return PendingSlice(0, done)

    def skip(self, partition: TopicPartition, offset: int, next_offset: int) -> bool:
        """Pass over offsets without a record, but only once all records before are acknowledged.

        Returns
        -------
        bool
            False when something before ``offset`` is unfinished or not tracked yet.
        """
        owned = self._partitions.get(partition)
        if owned is None or owned.pending or owned.committable != offset:
            return False
        owned.move_to(next_offset)
        return True

    def to_commit(self) -> dict[TopicPartition, int]:
        """Return the offsets that have moved since the last commit."""
        return {
            partition: owned.committable
            for partition, owned in self._partitions.items()
            if owned.committable > owned.committed
        }

    def committed(self, offsets: Mapping[TopicPartition, int]) -> None:
        """Note the offsets that the broker has accepted."""
        self.committed_at_ms = self._clock_ms()
        for partition, offset in offsets.items():
            owned = self._partitions.get(partition)
            if owned is not None and offset > owned.committed:
                owned.committed = offset

    def commit_age_ms(self) -> int:
        """Return how long ago everything acknowledged at that time was committed, ms."""
        return self._clock_ms() - self.committed_at_ms

    def committable(self) -> dict[TopicPartition, int]:
        """Return, per owned partition, the offset up to which everything is acknowledged."""
        return {
            partition: owned.committable
            for partition, owned in self._partitions.items()
        }

    def oldest_ms(self, partition: TopicPartition) -> int | None:
        """Return the timestamp of the oldest unacknowledged record, UTC ms.

        None = no slice was delivered, or its record has no timestamp.
        """
        owned = self._partitions.get(partition)
        if owned is None or not owned.delivered:
            return None
        timestamp_ms = owned.delivered[0][1]
        return timestamp_ms if timestamp_ms >= 0 else None

    def behind(self, partition: TopicPartition, end: int) -> tuple[int, int]:
        """Return how many records before an end are uncommitted, and how many unacknowledged."""
        owned = self._partitions.get(partition)
        if owned is None:
            return 0, 0
        return max(0, end - owned.committed), max(0, end - owned.committable)

    def unfinished(self, partitions: frozenset[TopicPartition]) -> int:
        """Return the number of unfinished slices and outputs of these partitions."""
        return sum(
            len(owned.pending) + owned.outputs
            for tp, owned in self._partitions.items()
            if tp in partitions
        )

    async def finished(self, partitions: frozenset[TopicPartition]) -> None:
        """Wait until these partitions have no unfinished slice or output."""
        while self.unfinished(partitions):
            self._moved.clear()
            await self._moved.wait()

    def idle_ms(self) -> dict[TopicPartition, int]:
        """Return how long each partition with unfinished slices has not moved, ms."""
        now = self._clock_ms()
        return {
            tp: now - owned.moved_at_ms
            for tp, owned in self._partitions.items()
            if owned.pending
        }

    def stood_ms(self, partition: TopicPartition) -> int:
        """Return how long ago a partition last moved or began to wait, ms; 0 = not owned."""
        owned = self._partitions.get(partition)
        return self._clock_ms() - owned.moved_at_ms if owned is not None else 0
