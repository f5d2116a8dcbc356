"""End a process that has work to do but makes no progress."""

import asyncio
from typing import Final

import msgspec
from aiokafka import AIOKafkaConsumer, TopicPartition
from typing_extensions import override

from streams.errors import StalledError
from streams.kafka.errors import FOREIGN
from streams.kafka.source import Source
from streams.kafka.table_reader import TableReader
from streams.worker.supervision import monotonic_ms

_LOOK_S: Final = 1.0
ALL: Final = -1
"""Used as partition number: all partitions that are read."""


class Patience(msgspec.Struct, frozen=True, kw_only=True):
    """How long there may be no progress, ms."""

    stall_ms: int
    """While records or facts wait to be read."""
    acknowledge_ms: int
    """While outputs are in flight. An idempotent producer retries for ever: nothing
    else gives up a lost output."""


class Watchdog:
    """Checks for progress once a second.

    Parameters
    ----------
    asking
        A consumer on another connection than the one that may be stuck.
    """

    def __init__(
        self, source: Source, asking: AIOKafkaConsumer, patience: Patience
    ) -> None:
        self._source = source
        self._asking = asking
        self._patience = patience
        self._seen: dict[TopicPartition, tuple[int, int]] = {}
        """Partition -> offset read to, and since when (monotonic ms)."""

    async def watch(self) -> None:
        """Check until there is a stall; raises as :meth:`look` does."""
        while True:
            await asyncio.sleep(_LOOK_S)
            await self.look(monotonic_ms())

    async def look(self, now: int) -> None:
        """Compare with the last check; ``now`` is monotonic ms.

        Raises
        ------
        StalledError
            There is work to do, and no progress for too long.
        """
        self._look_at_outputs()
        await self._look_at_reading(now)

    def _look_at_outputs(self) -> None:
        for where, idle_ms in self._source.offsets.idle_ms().items():
            if idle_ms > self._patience.acknowledge_ms:
                raise StalledError(
                    f"{where}: outputs not acknowledged for {idle_ms} ms"
                )

    async def _look_at_reading(self, now: int) -> None:
        limit = self._patience.stall_ms
        for where, (offset, end) in (await self._behind()).items():
            last, since = self._seen.get(where, (-1, now))
            if offset != last or end <= offset:
                self._seen[where] = (offset, now)
            elif now - since > limit:
                name = where.topic if where.partition == ALL else where
                raise StalledError(
                    f"{name}: {end - offset} records are waiting and none was read for {limit} ms"
                )

    async def _behind(self) -> dict[TopicPartition, tuple[int, int]]:
        """Return next offset and end of every partition read, over another connection."""
        try:
            reading = await self._source.positions()
            if not reading:
                return {}
            ends = await self._asking.end_offsets(list(reading))
        except FOREIGN:
            return {}  # no broker: this is no stall of ours
        return {where: (offset, ends[where]) for where, offset in reading.items()}


class DecidingWatchdog(Watchdog):
    """Checks the facts as well."""

    def __init__(
        self,
        source: Source,
        facts: TableReader,
        asking: AIOKafkaConsumer,
        patience: Patience,
    ) -> None:
        super().__init__(source, asking, patience)
        self._facts = facts
        self._facts_seen = (0, monotonic_ms())

    @override
    async def look(self, now: int) -> None:
        await super().look(now)
        await self._look_at_facts(now)

    async def _look_at_facts(self, now: int) -> None:
        limit = self._patience.stall_ms
        read = sum(self._facts.records_read.values())
        if read != self._facts_seen[0] or not await self._facts_behind():
            self._facts_seen = (read, now)
        elif now - self._facts_seen[1] > limit:
            raise StalledError(
                f"fact records are waiting and none was read for {limit} ms"
            )

    async def _facts_behind(self) -> bool:
        try:
            return await self._facts.behind() > 0
        except FOREIGN:
            return False


class PatientWatchdog(Watchdog):
    """Checks all partitions together: one may wait while another asks the platform."""

    @override
    async def _behind(self) -> dict[TopicPartition, tuple[int, int]]:
        found = await super()._behind()
        if not found:
            return {}
        topic = next(iter(found)).topic
        offset, end = (sum(column) for column in zip(*found.values(), strict=True))
        return {TopicPartition(topic, ALL): (offset, end)}
