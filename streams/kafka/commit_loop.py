"""Offsets back to the group, behind acknowledged outputs; its answers tell whether it knows us."""

import asyncio
import logging
from collections.abc import Mapping
from typing import Final

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import (
    CommitFailedError,
    IllegalGenerationError,
    IllegalStateError,
    KafkaError,
    RebalanceInProgressError,
    UnknownMemberIdError,
)

from streams.kafka.commit_marks import CommitMarks
from streams.kafka.offsets import Offsets
from streams.kafka.ownership import Ownership

log = logging.getLogger(__name__)

_PULSE_MS: Final = 200
"""How often a running process takes note that it is running."""

_NOT_OURS: Final = (
    CommitFailedError,
    IllegalGenerationError,
    IllegalStateError,
    RebalanceInProgressError,
    UnknownMemberIdError,
)


class CommitLoop:
    """Commits of one group member.

    Parameters
    ----------
    offsets
        What is acknowledged, and so may be committed.
    marks
        Say which log an offset belongs to; committed beside it.
    ownership
        Is told when the group takes a commit that was to settle a doubt.
    interval_ms
        Between two commits in the background.
    """

    def __init__(
        self,
        consumer: AIOKafkaConsumer,
        offsets: Offsets,
        marks: CommitMarks,
        ownership: Ownership,
        interval_ms: int,
    ) -> None:
        self._consumer = consumer
        self._offsets = offsets
        self._marks = marks
        self._ownership = ownership
        self._interval_ms = interval_ms
        self.refused = asyncio.Event()
        """Set when the group does not take a commit: it may know us no more."""
        self._lock = asyncio.Lock()

    async def forever(self) -> None:
        """Commit what was acknowledged, again and again, until cancelled."""
        pulses = -(-self._interval_ms // _PULSE_MS)
        while True:
            for _ in range(pulses):
                await asyncio.sleep(self._interval_ms / pulses / 1000)
                self._ownership.pulse()
            await self.commit()

    async def commit(self) -> None:
        """Commit what was acknowledged since the last time, if anything."""
        async with self._lock:
            offsets = self._offsets.to_commit()
            if offsets:
                await self._send(offsets)
            else:
                self._offsets.committed({})

    async def confirm(self) -> bool:
        """Commit everything, new or not; True = the group took it, so knows us.

        False: it did not, or nothing is owned, and nobody knows yet.
        """
        async with self._lock:
            offsets = self._offsets.committable()
            if not offsets:
                self._offsets.committed({})
                return False
            if not await self._send(offsets):
                return False
        self._ownership.confirmed()
        return True

    async def _send(self, offsets: Mapping[TopicPartition, int]) -> bool:
        """Commit offsets; False when the group does not take them from us (any more)."""
        try:
            await self._consumer.commit(
                {
                    where: (offset, self._marks.text(where, offset))
                    for where, offset in offsets.items()
                }
            )
        except _NOT_OURS as problem:
            log.info("offsets not committed, the group is changing: %s", problem)
            self.refused.set()
            return False
        except KafkaError as problem:
            log.warning("offsets not committed: %s", problem)
            return False
        self._offsets.committed(offsets)
        return True
