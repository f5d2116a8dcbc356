"""Commit offsets behind acknowledged outputs; each answer shows if we are still a member."""

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
"""How often a running process records that it is running, ms."""

_NOT_OURS: Final = (
    CommitFailedError,
    IllegalGenerationError,
    IllegalStateError,
    RebalanceInProgressError,
    UnknownMemberIdError,
)


class CommitLoop:
    """Commits the offsets of one group member.

    Parameters
    ----------
    offsets
        Tracks what is acknowledged, and so may be committed.
    marks
        Marks that name the log of an offset; committed with it.
    ownership
        Notified when the group accepts a commit that resolves a doubt.
    interval_ms
        Time between two background commits, ms.
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
        """Set when the group refuses a commit: we may be no member any more."""
        self._lock = asyncio.Lock()

    async def forever(self) -> None:
        """Commit acknowledged offsets periodically, until cancelled."""
        pulses = -(-self._interval_ms // _PULSE_MS)
        while True:
            for _ in range(pulses):
                await asyncio.sleep(self._interval_ms / pulses / 1000)
                self._ownership.pulse()
            await self.commit()

    async def commit(self) -> None:
        """Commit the offsets acknowledged since the last commit, if any."""
        async with self._lock:
            offsets = self._offsets.to_commit()
            if offsets:
                await self._send(offsets)
            else:
                self._offsets.committed({})

    async def confirm(self) -> bool:
        """Commit all offsets, new or not; True = the group accepted, so we are a member.

        False: it did not, or no partition is owned: membership is unknown.
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
        """Commit offsets; False when the group does not accept them (any more)."""
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
