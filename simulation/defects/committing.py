"""Defects of what is read, acknowledged and committed, and when."""

from collections.abc import Mapping

from aiokafka import TopicPartition

from simulation.defects.planting import Planting, put
from streams.kafka.commit_loop import CommitLoop
from streams.kafka.offsets import PendingSlice
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
