"""The ``ingest`` agent: platform events in, canonical records out.

An event is committed once everything it became is acknowledged. Read again after a
crash it becomes the same records, with the same ids and versions, which change
nothing a second time.
"""

from collections.abc import AsyncIterable, Awaitable, Callable, Mapping
from typing import Final, Protocol

import faust
import msgspec
from aiokafka import TopicPartition
from faust.types import ChannelT, StreamT

from streams.kafka.record import Record
from streams.kafka.routing import partition_of
from streams.kafka.sink import Sink
from streams.kafka.slices import Poll, Slice
from streams.kafka.source import Source
from streams.platforms.kuaishou.ingest import Handled, Ingest
from streams.platforms.kuaishou.mapping import Emission
from streams.records.dead_letters import dead_letter_headers
from streams.records.outgoing import Header, block_of

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
            origin = piece.partition, record
            where, key, headers = _address(origin, found, emission, parts, now_ms)
            value = record.value if emission.topic == _DEAD else emission.value
            parts.sink.append(where, [(key, value, block_of(headers))], claim)

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


def _address(
    origin: tuple[TopicPartition, Record],
    found: Handled,
    emission: Emission,
    parts: IngestParts,
    now_ms: int,
) -> tuple[TopicPartition, bytes | None, list[Header]]:
    (source, record), topic = origin, parts.topics[emission.topic]
    if emission.topic == _DEAD:
        reason = found.verdict.reason
        headers = dead_letter_headers(
            record.headers,
            (source.topic, source.partition, record.offset),
            ("ingest", str(reason), "the event cannot be read"),
            now_ms,
            parts.app_version,
        )
        return (
            TopicPartition(topic, source.partition % parts.partitions),
            record.key,
            headers,
        )
    where = TopicPartition(topic, partition_of(emission.partition_by, parts.partitions))
    passed = [header for header in record.headers if header[0] == "traceparent"]
    return where, emission.key, passed


def register(
    app: faust.App, polls: ChannelT[Poll], parts: Callable[[], Awaitable[IngestParts]]
) -> None:
    """Attach the agent to the app; it waits for its parts, which need a running loop."""

    @app.agent(polls, name="ingest")
    async def ingest(polls: StreamT[Poll]) -> None:
        await run(polls, await parts())
