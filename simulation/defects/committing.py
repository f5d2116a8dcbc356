"""Defects of what is read, acknowledged and committed, and when."""

from collections.abc import Mapping
from typing import Any

from aiokafka import TopicPartition

from simulation.actions import MoveCoordinator, NodeDown
from simulation.defects.planting import Planting, put
from simulation.plan import Plan
from streams.kafka.aiokafka_internals import committed
from streams.kafka.commit_loop import CommitLoop
from streams.kafka.offsets import Offsets, PendingSlice
from streams.kafka.ownership import Ownership
from streams.kafka.slices import Slice
from streams.kafka.source import Source


def ownership_unchecked() -> Planting:
    """A slice is judged without asking, after each await, whether its partition is ours."""

    async def still_ours(self: Source, piece: Slice) -> bool:
        return True

    return put(Source, "still_ours", still_ours)


def commit_before_acknowledgement() -> Planting:
    """An offset does not wait for the batches of its outputs: sent is taken for written."""

    def hold(self: PendingSlice) -> None:
        """Count no batch."""

    return put(PendingSlice, "hold", hold)


def offset_one_too_far() -> Planting:
    """The committed offset is one too high, as if the next request had its answer."""
    right = vars(CommitLoop)["_send"]

    async def send(self: CommitLoop, offsets: Mapping[TopicPartition, int]) -> bool:
        further = {where: offset + 1 for where, offset in offsets.items()}
        accepted: bool = await right(self, further)
        return accepted

    return put(CommitLoop, "_send", send)


def drain_does_not_wait() -> Planting:
    """Partitions are given up while outputs are on their way to the brokers."""

    async def finished(self: Offsets, partitions: frozenset[TopicPartition]) -> None:
        """Wait for nothing."""

    return put(Offsets, "finished", finished)


def refuses_committed(plan: Plan) -> bool:
    """Whether a coordinator may refuse to tell committed offsets."""
    fetched = any(one.api == "OffsetFetch" for one in plan.faults)
    return fetched or any(
        isinstance(one, MoveCoordinator | NodeDown) for one in plan.actions
    )


def offset_fetch_error_is_none() -> Planting:
    """An error in place of committed offsets is taken for "nothing is committed"."""

    def offsets(response: Any) -> dict[TopicPartition, tuple[int, str]]:  # noqa: ANN401 - a struct
        return {
            TopicPartition(topic, number): (offset, text)
            for topic, rows in response.topics
            for number, offset, text, _ in rows
            if offset >= 0
        }

    return put(committed, "_offsets", offsets)


def suspension_unnoticed() -> Planting:
    """A worker that slept longer than its session goes on as if it still had its partitions."""

    def trusted(self: Ownership, since_ms: int) -> bool:
        return True

    return put(Ownership, "trusted", trusted)
