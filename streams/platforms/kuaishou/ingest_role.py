"""The ``ingest`` agent: platform events in, canonical records out.

An event is committed once everything it became is acknowledged. Read again after a
crash it becomes the same records, with the same ids and versions, which change
nothing a second time.
"""

from collections.abc import AsyncIterable, Awaitable, Callable, Iterable, Mapping
from typing import Final, Protocol

import faust
import msgspec
from aiokafka import TopicPartition
from faust.types import ChannelT, StreamT

from streams.families.fast_refund.topics import ORDERS
from streams.kafka.sink import Sink
from streams.kafka.slices import Poll, Slice
from streams.kafka.source import Source
from streams.platforms.kuaishou.fitting import fitted
from streams.platforms.kuaishou.ingest import Handled, Ingest
from streams.platforms.kuaishou.mapping import Emission
from streams.platforms.kuaishou.names import Reason
from streams.platforms.kuaishou.order_placement import Placement
from streams.processing.partitioner import partition_of
from streams.processing.topics import DEAD_LETTERS
from streams.records.dead_letters import dead_letter
from streams.records.headers import passed_on
from streams.records.json_values import Unreadable
from streams.records.outgoing import Outgoing, block_of
from streams.records.record import Record
from streams.records.unread import Unread, remains_of
from streams.settings.topics import PlacedTopic

_DEAD: Final = DEAD_LETTERS.name
_UNREADABLE: Final = "the event cannot be read"


class IngestCounters(Protocol):
    """What the agent tells the metrics, once a slice."""

    def ingested(self, piece: Slice, handled: list[Handled]) -> None:
        """Count events by class, and dead letters by reason."""

    def written(self, topic: str, latencies_ms: list[int]) -> None:
        """Note a slice whose records are all acknowledged."""


class IngestParts(msgspec.Struct, frozen=True, kw_only=True):
    """What the agent works with; built by the app."""

    source: Source
    ingest: Callable[[int], Ingest]
    """The reader of one input partition: it must see all records of an order."""
    forget: Callable[[int], None]
    """Drop that reader, because it has seen records that will be read again."""
    placement: Placement
    """Learns where orders are written."""
    sink: Sink
    topics: Mapping[str, PlacedTopic]
    """What emissions go to, by the names of the rows."""
    counters: IngestCounters
    app_version: str
    record_max_bytes: int
    """What a record is to have at most: its topic takes it, and whoever decides reads it."""
    letter_max_bytes: int
    """What the topic of dead letters takes."""
    now_ms: Callable[[], int]


async def run(polls: AsyncIterable[Poll], parts: IngestParts) -> None:
    """Turn slices of events into acknowledged canonical records, for ever."""
    async for poll in polls:
        for piece in poll:
            await handle(piece, parts)


async def handle(piece: Slice, parts: IngestParts) -> None:
    """Read one slice, ask the platform about it, write what it became."""
    if not await parts.source.still_ours(piece):
        return
    ingest = parts.ingest(piece.partition.partition)
    handled = await ingest.handle_slice(
        [record.value or b"" for record in piece.records]
    )
    handled = [
        _unread(record.why, found) if isinstance(record, Unread) else found
        for record, found in zip(piece.records, handled, strict=True)
    ]
    if piece.epoch != parts.source.epoch:
        # Taken away while the platform was asked; its new owner asks again. Should that
        # be us, what was read here must not be taken for copies.
        parts.forget(piece.partition.partition)
        return
    now_ms = parts.now_ms()
    claim = parts.source.offsets.track_slice(piece.partition, piece.end_offset)
    for record, found in zip(piece.records, handled, strict=True):
        for emission in found.emissions:
            if emission.topic == _DEAD:
                where, out = _letter((piece.partition, record), found, parts, now_ms)
                parts.sink.append(where, [out], claim)
                continue
            for number in _partitions(emission, parts):
                where = TopicPartition(parts.topics[emission.topic].name, number)
                parts.sink.append(where, [_canonical(record, emission, parts)], claim)

    def done() -> None:
        at_ms = parts.now_ms()
        parts.counters.written(
            piece.partition.topic,
            [at_ms - record.timestamp for record in piece.records],
        )

    claim.on_done = done
    claim.release()
    parts.counters.ingested(piece, handled)
    await parts.sink.room()


def _unread(why: Unreadable, found: Handled) -> Handled:
    """Say of an event why it was not even read."""
    verdict = msgspec.structs.replace(found.verdict, reason=Reason(why.error))
    return msgspec.structs.replace(found, verdict=verdict)


def _letter(
    origin: tuple[TopicPartition, Record],
    found: Handled,
    parts: IngestParts,
    now_ms: int,
) -> tuple[TopicPartition, Outgoing]:
    """Return a dead letter and where it goes."""
    source, record = origin
    message = record.why.message if isinstance(record, Unread) else _UNREADABLE
    letter = dead_letter(
        remains_of(record, parts.letter_max_bytes),
        (source.topic, source.partition, record.offset),
        ("ingest", str(found.verdict.reason), message),
        now_ms,
        parts.app_version,
    )
    topic = parts.topics[_DEAD]
    return TopicPartition(topic.name, source.partition % topic.partitions), letter


def _partitions(emission: Emission, parts: IngestParts) -> Iterable[int]:
    """Return where a record goes; the row of an order is noted, so that others follow."""
    owner, partitions = emission.partition_by, parts.topics[emission.topic].partitions
    if owner is None:
        return range(partitions)
    number = partition_of(owner, partitions)
    if emission.topic == ORDERS.name:
        order_id = int(emission.key)
        if emission.value is None:
            parts.placement.ended(order_id, number)
        else:
            parts.placement.wrote(order_id, owner)
    return (number,)


def _canonical(event: Record, emission: Emission, parts: IngestParts) -> Outgoing:
    out = fitted(emission, parts.record_max_bytes)
    return out.key, out.value, block_of(passed_on(event.headers))


def register(
    app: faust.App, polls: ChannelT[Poll], parts: Callable[[], Awaitable[IngestParts]]
) -> None:
    """Attach the agent to the app; it waits for its parts, which need a running loop."""

    @app.agent(polls, name="ingest")
    async def ingest(polls: StreamT[Poll]) -> None:
        await run(polls, await parts())
