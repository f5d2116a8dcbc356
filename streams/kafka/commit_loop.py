"""Offsets back to the group, and what its answers tell: whether we still belong to it.

A process that slept longer than the session time-out has lost its partitions without
having heard of it. Only a commit that the group takes settles it.
"""

import asyncio
import logging
from collections.abc import Callable, Mapping
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


class Commits:
    """Commits of one group member.

    Parameters
    ----------
    progress
        What is acknowledged, and so may be committed.
    clock_ms
        Monotonic ms.
    interval_ms
        Between two commits in the background.
    ownership_ms
        After a sleep as long as this, others may own what was ours.
    marks
        Say which log an offset belongs to; committed beside it.
    """

    def __init__(
        self,
        consumer: AIOKafkaConsumer,
        progress: Offsets,
        clock_ms: Callable[[], int],
        interval_ms: int,
        ownership_ms: int,
        marks: CommitMarks,
    ) -> None:
        self._consumer = consumer
        self._marks = marks
        self._progress = progress
        self._clock_ms = clock_ms
        self._interval_ms = interval_ms
        self._ownership_ms = ownership_ms
        self.refused = asyncio.Event()
        """Set when the group does not take a commit: it may know us no more."""
        self._lock = asyncio.Lock()
        self._awake_ms = clock_ms()
        self._slept = False

    async def forever(self) -> None:
        """Commit what was acknowledged, again and again, until cancelled."""
        pulses = -(-self._interval_ms // _PULSE_MS)
        while True:
            for _ in range(pulses):
                await asyncio.sleep(self._interval_ms / pulses / 1000)
                self._pulse()
            await self.commit()

    async def commit(self) -> None:
        """Commit what was acknowledged since the last time, if anything."""
        async with self._lock:
            offsets = self._progress.to_commit()
            if offsets:
                await self._send(offsets)
            else:
                self._progress.committed({})

    # -- do we still belong to the group? --------------------------------------

    def trust(self) -> None:
        """Note that the group has just given us our partitions."""
        self._slept = False

    def trusted(self, since_ms: int) -> bool:
        """Whether what was ours then surely is: the process has not slept since.

        Parameters
        ----------
        since_ms
            Monotonic ms.
        """
        now = self._clock_ms()
        oldest = min(since_ms, self._awake_ms)
        if not self._slept and now - oldest <= self._ownership_ms:
            return True
        self._slept = True  # until the group has confirmed that we still belong to it
        return False

    async def confirm(self) -> bool:
        """Commit everything, new or not; True = the group took it, so knows us.

        False: it did not, or nothing is owned, and nobody knows yet.
        """
        async with self._lock:
            offsets = self._progress.committable()
            if not offsets:
                self._progress.committed({})
                return False
            if not await self._send(offsets):
                return False
        self._slept = False
        self._awake_ms = self._clock_ms()
        return True

    def _pulse(self) -> None:
        """Notice that the process has slept: then others may own what we think is ours."""
        now = self._clock_ms()
        if now - self._awake_ms > self._ownership_ms:
            self._slept = True
            log.warning("this process slept for %d ms", now - self._awake_ms)
        self._awake_ms = now

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
        self._progress.committed(offsets)
        return True
