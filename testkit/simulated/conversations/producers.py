"""Requests of a transactional producer, as short calls."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from aiokafka.protocol.transaction import (
    AddOffsetsToTxnRequest_v0,
    AddPartitionsToTxnRequest_v0,
    EndTxnRequest_v0,
    InitProducerIdRequest_v0,
    TxnOffsetCommitRequest_v0,
)

from testkit.simulated.conversations.batches import Batch
from testkit.simulated.conversations.logs import (
    LATEST,
    READ_COMMITTED,
    READ_UNCOMMITTED,
    Log,
)
from testkit.simulated.conversations.members import TRANSACTION, coordinator_found
from testkit.simulated.conversations.talk import Talk
from testkit.simulated.conversations.wire import Peer, error_name

_NOT_YET: Final = (14, 15, 16, 51)
"""Coordinator loading, not there, elsewhere; the last transaction is not over."""


@dataclass
class Producer:
    """A transactional producer. Nothing here counts but ``sequences``."""

    talk: Talk
    peer: Peer
    transactional_id: str | None
    timeout_ms: int = 60_000
    producer_id: int = -1
    epoch: int = -1
    sequences: int = 0
    """Records it has written to the one partition that it writes to."""

    @classmethod
    async def of(cls, talk: Talk, name: str, timeout_ms: int = 60_000) -> "Producer":
        """Open a connection, once there is a coordinator; no producer id yet."""
        producer = cls(talk, await talk.peer(), talk.name(name), timeout_ms)
        await coordinator_found(talk, producer.peer, talk.name(name), TRANSACTION)
        return producer

    @classmethod
    async def ready(cls, talk: Talk, name: str, timeout_ms: int = 60_000) -> "Producer":
        """Open a connection, and get a producer id."""
        producer = await cls.of(talk, name, timeout_ms)
        await producer.begin()
        return producer

    async def ask_for_id(self) -> Any:
        """Send one InitProducerId, and return the answer as it is."""
        return await self.peer.ask(
            InitProducerIdRequest_v0(self.transactional_id, self.timeout_ms)
        )

    async def begin(self) -> str:
        """Ask for a producer id until the coordinator is ready; returns the error."""
        answers: list[Any] = []

        async def decided() -> bool:
            answers.append(await self.ask_for_id())
            return answers[-1].error_code not in _NOT_YET

        await self.talk.until(decided)
        found = answers[-1]
        if found.error_code == 0:
            self.producer_id, self.epoch = found.producer_id, found.producer_epoch
            self.sequences = 0
        return error_name(found.error_code)

    @property
    def named(self) -> str:
        """Name of the producer id in the transcript."""
        return self.talk.symbol("producer", self.producer_id)

    async def add(self, topic: str, partitions: Sequence[int] = (0,)) -> list[Any]:
        """Add partitions of a topic to the transaction; returns [partition, error]."""
        rows = await self.add_all([(topic, list(partitions))])
        return [row[1:] for row in rows]

    async def add_all(self, topics: list[tuple[str, list[int]]]) -> list[list[Any]]:
        """Add partitions until the last transaction is over; returns topic as well."""
        rows: list[list[Any]] = []

        async def decided() -> bool:
            rows[:] = await self._added(topics)
            return not any(code in _NOT_YET for _, _, code in rows)

        await self.talk.until(decided)
        return sorted([topic, number, error_name(code)] for topic, number, code in rows)

    async def add_once(self, topic: str) -> str:
        """Add partition 0, without waiting for the coordinator; returns the error."""
        ((_, _, code),) = await self._added([(topic, [0])])
        return error_name(code)

    async def _added(self, topics: list[tuple[str, list[int]]]) -> list[list[Any]]:
        request = AddPartitionsToTxnRequest_v0(
            self.transactional_id, self.producer_id, self.epoch, topics
        )
        answer = await self.peer.ask(request)
        return [[topic, *row] for topic, errors in answer.errors for row in errors]

    def batch(self, *values: bytes) -> Batch:
        """Build the next batch of the transaction."""
        made = Batch(
            values,
            producer_id=self.producer_id,
            epoch=self.epoch,
            sequence=self.sequences,
            transactional=True,
        )
        self.sequences += len(values)
        return made

    async def write(self, log: Log, *values: bytes) -> list[Any]:
        """Write records in the transaction; returns [error, base offset]."""
        mine = replace(log, peer=self.peer)
        batch = self.batch(*values)
        written = await mine.produce(batch, -1, self.transactional_id)
        return [written.error, written.offset]

    async def end(self, how: str) -> str:
        """End the transaction, "commit" or "abort"; returns the error."""
        request = EndTxnRequest_v0(
            self.transactional_id, self.producer_id, self.epoch, how == "commit"
        )
        return error_name((await self.peer.ask(request)).error_code)

    async def over(self, how: str) -> None:
        """Wait until the coordinator, too, is done with a transaction that was ended."""

        async def done() -> bool:
            return await self.end(how) != "ConcurrentTransactions"

        await self.talk.until(done)

    async def add_offsets(self, group: str) -> str:
        """Add a group's offsets to the transaction; returns the error."""
        errors: list[str] = []

        async def decided() -> bool:
            errors.append(await self.add_offsets_once(group))
            return errors[-1] not in map(error_name, _NOT_YET)

        await self.talk.until(decided)
        return errors[-1]

    async def add_offsets_once(self, group: str) -> str:
        """Add a group's offsets, without waiting for the coordinator; returns the error."""
        request = AddOffsetsToTxnRequest_v0(
            self.transactional_id, self.producer_id, self.epoch, group
        )
        return error_name((await self.peer.ask(request)).error_code)

    async def commit_offset(
        self, group: str, topic: str, offset: int, metadata: str = ""
    ) -> str:
        """Commit an offset of partition 0 in the transaction; returns the error."""
        answer = await self.peer.ask(
            TxnOffsetCommitRequest_v0(
                self.transactional_id,
                group,
                self.producer_id,
                self.epoch,
                [(topic, [(0, offset, metadata)])],
            )
        )
        ((_, ((_, code),)),) = answer.errors
        return error_name(code)


async def say_both(talk: Talk, log: Log, what: str) -> None:
    """What each isolation level sees."""
    names = {READ_UNCOMMITTED: "uncommitted", READ_COMMITTED: "committed"}
    for isolation, name in names.items():
        fetched = await log.fetch(isolation=isolation)
        listed = fetched.aborted
        if listed is not None:
            listed = [(talk.symbol("producer", one), first) for one, first in listed]
        talk.say(f"{what}, {name}", fetched.ends, fetched.found.records, listed)


async def stable(talk: Talk, log: Log, records: int) -> None:
    """Wait until so many records are stable; markers follow the answer to an end."""

    async def written() -> bool:
        return bool((await log.offset(LATEST, READ_COMMITTED))[2] == records)

    await talk.until(written)
