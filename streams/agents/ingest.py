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

from streams.kafka.placement import Placement
from streams.kafka.record import Record
from streams.kafka.routing import partition_of
from streams.kafka.sink import Sink
from streams.kafka.slices import Poll, Slice
from streams.kafka.source import Source
from streams.platforms.kuaishou.ingest import Handled, Ingest
from streams.platforms.kuaishou.mapping import Emission
from streams.records.dead_letters import dead_letter_headers
from streams.records.outgoing import Outgoing, block_of

_DEAD: Final = "dead_letters"


class IngestCounters(Protocol):
    """What the agent tells the metrics, once a slice."""

    def ingested(self, piece: Slice, handled: list[Handled]) -> None:
        """Count events by class."""

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
    topics: Mapping[str, str]
    """Emission topic -> Kafka topic."""
    partitions: int
    counters: IngestCounters
    app_version: str
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
    if piece.epoch != parts.source.epoch:
        # Taken away while the platform was asked; its new owner asks again. Should that
        # be us, what was read here must not be taken for copies.
        parts.forget(piece.partition.partition)
        return
    now_ms = parts.now_ms()
    claim = parts.source.progress.claim(piece.partition, piece.end_offset)
    for record, found in zip(piece.records, handled, strict=True):
        for emission in found.emissions:
            if emission.topic == _DEAD:
                letter = _letter((piece.partition, record), found, parts, now_ms)
                parts.sink.append(*letter, claim)
            else:
                for number in _partitions(emission, parts):
                    where = TopicPartition(parts.topics[emission.topic], number)
                    parts.sink.append(where, [_record(record, emission)], claim)

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


def _letter(
    origin: tuple[TopicPartition, Record],
    found: Handled,
    parts: IngestParts,
    now_ms: int,
) -> tuple[TopicPartition, list[Outgoing]]:
    """Return a dead letter and where it goes."""
    source, record = origin
    headers = dead_letter_headers(
        record.headers,
        (source.topic, source.partition, record.offset),
        ("ingest", str(found.verdict.reason), "the event cannot be read"),
        now_ms,
        parts.app_version,
    )
    where = TopicPartition(parts.topics[_DEAD], source.partition % parts.partitions)
    return where, [(record.key, record.value, block_of(headers))]


def _partitions(emission: Emission, parts: IngestParts) -> Iterable[int]:
    """Return where a record goes; the row of an order is noted, so that others follow."""
    owner = emission.partition_by
    if owner is None:
        return range(parts.partitions)
    number = partition_of(owner, parts.partitions)
    if emission.topic == "orders":
        order_id = int(emission.key)
        if emission.value is None:
            parts.placement.ended(order_id, number)
        else:
            parts.placement.wrote(order_id, owner)
    return (number,)


def _record(event: Record, emission: Emission) -> Outgoing:
    passed = [header for header in event.headers if header[0] == "traceparent"]
    return emission.key, emission.value, block_of(passed)


def register(
    app: faust.App, polls: ChannelT[Poll], parts: Callable[[], Awaitable[IngestParts]]
) -> None:
    """Attach the agent to the app; it waits for its parts, which need a running loop."""

    @app.agent(polls, name="ingest")
    async def ingest(polls: StreamT[Poll]) -> None:
        await run(polls, await parts())
