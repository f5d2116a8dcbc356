"""The reconciler: writes notices, outputs of timers and dead letters of facts on request."""

import asyncio
from collections.abc import AsyncIterable, Callable, Sequence
from typing import Any, Protocol

import msgspec
from aiokafka import TopicPartition
from typing_extensions import override

from streams.kafka.table_reader import BadFact
from streams.processing.family import FamilyProcess
from streams.processing.reconcile import ReconcileRequest, pieces
from streams.processing.site import Site
from streams.records.dead_letters import dead_letter
from streams.records.record_format import Outgoing
from streams.records.unread import remains_of
from streams.worker.transport import Clocks, Transport


class NoticeCounters(Protocol):
    """Counts what the reconciler writes."""

    def noticed(self, kind: str) -> None:
        """Count a written output that answers no input record."""

    def dead_fact(self, topic: str, error: str) -> None:
        """Count a fact record that became a dead letter."""


class Duties(msgspec.Struct, frozen=True, kw_only=True):
    """What a reconciler needs besides the transport."""

    family: FamilyProcess[Any, Any]
    site: Site
    counters: NoticeCounters
    clocks: Clocks
    hold: Callable[[ReconcileRequest], None]
    """Keeps a request for a partition that is not ours now, until it is."""


class DeadLetterWriter:
    """Writes dead letters of facts only: for a worker without the role ``watch``."""

    def __init__(self, transport: Transport, duties: Duties) -> None:
        self._transport = transport
        self._duties = duties

    async def run(self, requests: AsyncIterable[ReconcileRequest]) -> None:
        """Write missing outputs until the stream ends. A lost output ends the process.

        Between two assignments nothing is written: the partition's owner at that time
        sees the same facts, and both would write the same notice.
        """
        async for wanted in requests:
            if not await self._ours(wanted.partition):
                self._duties.hold(wanted)
                continue
            for piece in pieces(wanted, self._keys(wanted)):
                if piece is not wanted and not await self._ours(piece.partition):
                    self._duties.hold(piece)
                    continue
                self.look(piece)
                await self._transport.sink.room()
                await asyncio.sleep(0)  # slices are judged in between

    async def _ours(self, partition: int) -> bool:
        """Whether this worker certainly owns and reads a partition."""
        where = self._transport.input(partition)
        return await self._transport.source.owns(
            where, self._duties.clocks.monotonic_ms()
        )

    def _keys(self, wanted: ReconcileRequest) -> Sequence[str]:
        """Return the keys to check: those of the request and of its groups."""
        state = self._transport.facts.tables.get(wanted.partition)
        if state is None:
            return ()
        found = list(wanted.keys)
        for group in wanted.groups:
            found += state.keys_of(group)
        return found

    def look(self, wanted: ReconcileRequest) -> None:
        """Write every missing output of a request."""
        number = wanted.partition
        transport = self._transport
        if number not in transport.facts.tables or number not in transport.answered:
            return  # the partition has moved; its new owner reconciles it
        self._reconcile(wanted)
        self._bury(number)

    def _reconcile(self, wanted: ReconcileRequest) -> None:
        """Do nothing: only a worker with the role ``watch`` writes notices."""
        state = self._transport.facts.tables[wanted.partition]
        now_ms = self._duties.clocks.now_ms()
        for _ in self._duties.family.reconcile(wanted.partition, (), state, now_ms):
            pass

    def _append(self, where: TopicPartition, record: Outgoing) -> None:
        """Write a record that no offset waits for; a rebalance still waits for it."""
        offsets = self._transport.source.offsets
        pending = offsets.track_output(self._transport.input(where.partition))
        self._transport.sink.append(where, [record], pending)
        pending.release()

    def _bury(self, partition: int) -> None:
        """Write a dead letter for each unreadable fact record, once.

        The records are then forgotten: thousands of them would be checked again at
        every change, and fill the memory. If a dead letter is lost, the process ends.
        """
        transport, now_ms = self._transport, self._duties.clocks.now_ms()
        dead = transport.answered[partition].dead
        where = TopicPartition(transport.names.dead_letters, partition)
        for (topic, offset), bad in transport.facts.bad.pop(partition, {}).items():
            if (topic, offset) in dead:
                continue
            dead.add((topic, offset))
            self._append(where, self._letter(bad, now_ms))
            self._duties.counters.dead_fact(topic, bad.why.error)

    def _letter(self, bad: BadFact, now_ms: int) -> Outgoing:
        site = self._duties.site
        origin = (bad.where.topic, bad.where.partition, bad.record.offset)
        why = ("fact", bad.why.error, bad.why.message)
        left = remains_of(bad.record, site.letter_max_bytes)
        return dead_letter(left, origin, why, now_ms, site.app_version)


class Reconciler(DeadLetterWriter):
    """Writes every output that the state calls for and that does not exist."""

    @override
    def _reconcile(self, wanted: ReconcileRequest) -> None:
        duties, number = self._duties, wanted.partition
        state = self._transport.facts.tables[number]
        outputs = self._transport.names.outputs(number)
        keys = self._keys(wanted)
        now_ms = duties.clocks.now_ms()
        for found in duties.family.reconcile(number, keys, state, now_ms):
            self._append(outputs[found.topic], found.record)
            # Before the acknowledgement: if that fails the process ends, and the next
            # one reads from the topic what was really written.
            state.note(found.identity)
            duties.counters.noticed(found.kind)
