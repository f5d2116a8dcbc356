"""The ``watch`` agent: changes of facts in, notices and dead facts out."""

import asyncio
from collections.abc import AsyncIterable, Awaitable, Callable, Sequence
from typing import Final, Protocol

import faust
import msgspec
from aiokafka import TopicPartition
from faust.types import ChannelT, StreamT

from streams.families.fast_refund.decision_history import DecisionHistory
from streams.families.fast_refund.due_notices import (
    NOTICE_KINDS,
    Due,
    due,
    switch_ignored,
)
from streams.families.fast_refund.policy import Policy
from streams.families.fast_refund.ship_race import have_left
from streams.families.fast_refund.tables import PartitionTables
from streams.kafka.offsets import PendingSlice
from streams.kafka.output_scan import AnsweredOffsets, OutputTopics
from streams.kafka.sink import Sink
from streams.kafka.table_reader import BadFact, TableReader
from streams.records.dead_letters import dead_letter
from streams.records.headers import SliceHeaders, event_source, event_types
from streams.records.outgoing import Outgoing
from streams.records.unread import remains_of

_AT_ONCE: Final = 200
"""Refunds looked at between two turns of the event loop."""
_TYPES = event_types((*NOTICE_KINDS, "manual_review"))


class ReconcileRequest(msgspec.Struct, frozen=True, gc=False):
    """What to look at again, in one partition."""

    partition: int
    refund_ids: tuple[str, ...] = ()
    order_ids: tuple[str, ...] = ()


class NoticeCounters(Protocol):
    """What the agent tells the metrics."""

    def noticed(self, kind: str) -> None:
        """Count a notice written."""

    def dead_fact(self, topic: str, error: str) -> None:
        """Count a fact record that became a dead letter."""


class WatchParts(msgspec.Struct, frozen=True, kw_only=True):
    """What the agent works with; built by the app."""

    facts: TableReader
    sink: Sink
    outputs: OutputTopics
    answered: dict[int, AnsweredOffsets]
    counters: NoticeCounters
    source_name: str
    app_version: str
    letter_max_bytes: int
    """What the topic of dead letters takes."""
    policy: Callable[[], Policy | None]
    """The FR policy in force now; it says how long an approval is watched."""
    now_ms: Callable[[], int]
    ours: Callable[[int], Awaitable[bool]]
    """Whether a partition is being read, surely by this worker."""
    claim: Callable[[int], PendingSlice]
    """Follows what is written for a partition (no offset waits for it)."""
    hold: Callable[[ReconcileRequest], None]
    """Takes a glance at a partition that is not; it is given again when it is."""


async def run(
    reconcile_queue: AsyncIterable[ReconcileRequest],
    parts: WatchParts,
    act: Callable[[ReconcileRequest, WatchParts], None],
) -> None:
    """Write what is due, for ever. A lost output ends the process.

    Between two assignments nothing is: who has the partition meanwhile sees the same
    facts, and both would write the same notice.

    Parameters
    ----------
    act
        :func:`look`, or :func:`bury` in a worker that does not watch.
    """
    async for wanted in reconcile_queue:
        if not await parts.ours(wanted.partition):
            parts.hold(wanted)
            continue
        for piece in _cut(wanted, parts):
            if piece is not wanted and not await parts.ours(piece.partition):
                parts.hold(piece)
                continue
            act(piece, parts)
            await parts.sink.room()
            await asyncio.sleep(0)  # thousands may wait; requests go between them


def everything(ledger: DecisionHistory, partition: int) -> ReconcileRequest:
    """Return the glance that reconciles a partition after its load."""
    return ReconcileRequest(partition, ledger.refund_ids())


def _cut(wanted: ReconcileRequest, parts: WatchParts) -> Sequence[ReconcileRequest]:
    """Cut a glance at many refunds into some at a few."""
    tables = parts.facts.tables.get(wanted.partition)
    refund_ids = () if tables is None else _refund_ids(wanted, tables)
    if len(refund_ids) <= _AT_ONCE:
        return (wanted,)
    return [
        ReconcileRequest(wanted.partition, tuple(refund_ids[begin : begin + _AT_ONCE]))
        for begin in range(0, len(refund_ids), _AT_ONCE)
    ]


def _refund_ids(wanted: ReconcileRequest, tables: PartitionTables) -> Sequence[str]:
    """Return what to look at: of an order its approvals, once its goods have left."""
    found = list(wanted.refund_ids)
    for order_id in wanted.order_ids:
        order = tables.orders.get(order_id)
        if order is not None and have_left(order):
            found += tables.ledger.approved_on(order_id)
    return found


def look(wanted: ReconcileRequest, parts: WatchParts) -> None:
    """Write every notice and dead letter that a glance shows to be missing."""
    tables = parts.facts.tables.get(wanted.partition)
    if tables is None or wanted.partition not in parts.answered:
        return  # the partition has gone elsewhere; its new owner reconciles
    now_ms = parts.now_ms()
    policy = parts.policy()
    ledger = tables.ledger
    for refund_id in _refund_ids(wanted, tables):
        for found in due(tables, refund_id, policy, now_ms):
            _write(found, wanted.partition, parts, now_ms)
    for shop_id, where, offset in parts.facts.switches.pop(wanted.partition, ()):
        found = switch_ignored(shop_id, (*where, offset), now_ms)
        if not ledger.noticed(found.identity):
            _write(found, wanted.partition, parts, now_ms)
    _bury(wanted.partition, parts, now_ms)


def bury(wanted: ReconcileRequest, parts: WatchParts) -> None:
    """Write the dead letters that a glance shows to be missing, and no notice."""
    number = wanted.partition
    if number not in parts.facts.tables or number not in parts.answered:
        return  # as in look
    parts.facts.switches.pop(number, None)  # nobody here tells of them
    _bury(number, parts, parts.now_ms())


def _write(found: Due, partition: int, parts: WatchParts, now_ms: int) -> None:
    follow_up = found.kind == "manual_review"
    names = parts.facts.topics
    sources = {
        "manual_review": names.outcomes,
        "merchant_switch_ignored": names.shops,
    }
    source_topic = sources.get(found.kind, names.orders)
    headers = SliceHeaders(
        _TYPES, event_source(parts.source_name), source_topic, partition, now_ms
    )
    block = headers.build(found.kind, found.identity, found.source_offset, ())
    topic = parts.outputs.reviews if follow_up else parts.outputs.notices
    where = TopicPartition(topic, partition)
    record = (found.key.encode(), found.value, block)
    _append(where, record, parts)
    # Before the acknowledgement: if that fails the process ends, and the next one
    # reads from the topic what was really written.
    parts.facts.tables[partition].ledger.note(found.identity)
    parts.counters.noticed(found.kind)


def _append(where: TopicPartition, record: Outgoing, parts: WatchParts) -> None:
    claim = parts.claim(where.partition)
    parts.sink.append(where, [record], claim)
    claim.release()


def _bury(partition: int, parts: WatchParts, now_ms: int) -> None:
    """Make dead letters of fact records that could not be read, each once.

    They are not kept any longer: thousands of them would be looked at again with every
    change, and fill the memory. Should a letter be lost, the process ends.
    """
    dead = parts.answered[partition].dead
    for (topic, offset), bad in parts.facts.bad.pop(partition, {}).items():
        if (topic, offset) in dead:
            continue
        dead.add((topic, offset))
        where = TopicPartition(parts.outputs.dead_letters, partition)
        _append(where, _letter(bad, parts, now_ms), parts)
        parts.counters.dead_fact(topic, bad.why.error)


def _letter(bad: BadFact, parts: WatchParts, now_ms: int) -> Outgoing:
    origin = (bad.where.topic, bad.where.partition, bad.record.offset)
    why = ("fact", bad.why.error, bad.why.message)
    left = remains_of(bad.record, parts.letter_max_bytes)
    return dead_letter(left, origin, why, now_ms, parts.app_version)


def register(
    app: faust.App,
    reconcile_queue: ChannelT[ReconcileRequest],
    parts: Callable[[], Awaitable[WatchParts]],
) -> None:
    """Attach the agent to the app; it waits for its parts, which need a running loop."""

    @app.agent(reconcile_queue, name="watch")
    async def watch(pieces: StreamT[ReconcileRequest]) -> None:
        await run(pieces, await parts(), look)


def register_burying(
    app: faust.App,
    reconcile_queue: ChannelT[ReconcileRequest],
    parts: Callable[[], Awaitable[WatchParts]],
) -> None:
    """Attach what is left of the agent in a worker that decides and does not watch."""

    @app.agent(reconcile_queue, name="bury")
    async def buries(pieces: StreamT[ReconcileRequest]) -> None:
        await run(pieces, await parts(), bury)
