"""The ``decide`` agent: request slices in, acknowledged decisions out."""

import asyncio
import logging
from collections import defaultdict
from collections.abc import AsyncIterable, Awaitable, Callable
from typing import Final, Protocol

import faust
import msgspec
from faust.types import ChannelT, StreamT

from streams.families.fast_refund.answers import Answers
from streams.families.fast_refund.judge import Judge
from streams.families.fast_refund.slice_result import SliceResult, Unjudged
from streams.kafka.output_scan import AnsweredOffsets, OutputTopics
from streams.kafka.sink import Sink
from streams.kafka.slices import Poll, Slice, paced
from streams.kafka.source import Source
from streams.kafka.table_reader import TableReader
from streams.logs import log_news
from streams.records.outgoing import Outgoing
from streams.worker.fact_lookup import Look, Patience

log = logging.getLogger(__name__)

_STINT_MS: Final = 20
"""Of judging, after which the event loop gets a turn, however long the slice is. A full
slice of plain requests takes two."""
_COUNTED_AT_ONCE: Final = 5_000
"""Refunds looked through for approvals between two turns of the event loop."""


class DecisionCounters(Protocol):
    """What the agent tells the metrics, once a slice."""

    def judged(self, partition: int, judged: SliceResult) -> None:
        """Count what was decided in a slice of a partition."""

    def acknowledged(self, latencies_ms: list[int]) -> None:
        """Observe record time to acknowledged output, ms each."""


class DecideParts(msgspec.Struct, frozen=True, kw_only=True):
    """What the agent works with; built by the app."""

    source: Source
    facts: TableReader
    judge: Judge
    sink: Sink
    outputs: OutputTopics
    answered: dict[int, AnsweredOffsets]
    """By partition; filled before a partition is read."""
    touch: Callable[[int, list[str]], None]
    """Tells the ``watch`` agent which refunds may need a notice."""
    counters: DecisionCounters
    now_ms: Callable[[], int]
    clock_ms: Callable[[], int]
    """Monotonic ms."""
    patience: Patience = msgspec.field(default_factory=Patience)
    """With looking for buyers that have no row."""


async def run(polls: AsyncIterable[Poll], parts: DecideParts) -> None:
    """Turn the slices of polls into outputs until the stream ends.

    The offset of a slice may be committed once its last output is acknowledged; the
    next slice does not wait for that. ``OutputLostError`` is left uncaught: the
    process ends, the offset has not moved, the next worker reads the slice again.
    """
    async for poll in polls:
        await handle(poll, parts)


async def handle(poll: Poll, parts: DecideParts) -> None:
    """Judge the slices of one poll and hand their outputs to the sink."""
    numbers = [piece.partition.partition for piece in poll]
    look = Look(parts.facts, numbers, parts.patience, parts.clock_ms)
    async for piece in paced(poll):
        await _handle_slice(piece, parts, look)


async def _handle_slice(piece: Slice, parts: DecideParts, look: Look) -> None:
    number = piece.partition.partition
    if not await parts.source.still_ours(piece):
        return
    requests, missing = parts.judge.read(
        piece.records, parts.answered[number].inputs, parts.facts.tables[number]
    )
    if missing:
        await look.again(missing)
        if piece.epoch != parts.source.epoch:
            return
    if not await _counted(piece, parts):
        return
    unjudged = Unjudged(piece.records, requests)
    while True:
        _judge_some(piece, unjudged, parts)
        await parts.sink.room()
        if unjudged.finished:
            return
        await asyncio.sleep(0)  # heartbeats, acknowledgements
        if not await parts.source.still_ours(piece):
            return  # what is not judged is read again, by whoever has the partition


async def _counted(piece: Slice, parts: DecideParts) -> bool:
    """Have the approvals of all buyers counted, if a policy asks for that.

    Returns
    -------
    bool
        False when the partition was taken away meanwhile.
    """
    if not parts.judge.counts_approvals():
        return True
    ledger = parts.facts.tables[piece.partition.partition].ledger
    while ledger.index_buyers(_COUNTED_AT_ONCE):
        await asyncio.sleep(0)
        if not await parts.source.still_ours(piece):
            return False
    return True


def _judge_some(piece: Slice, unjudged: Unjudged, parts: DecideParts) -> None:
    """Judge for a while, and hand what came of it to the sink."""
    number, begin = piece.partition.partition, unjudged.done
    until_ms = parts.clock_ms() + _STINT_MS
    judged = parts.judge.judge_some(
        unjudged,
        parts.facts.tables[number],
        parts.now_ms(),
        lambda: parts.clock_ms() >= until_ms,
    )
    if begin or not unjudged.finished:
        records = piece.records[begin : unjudged.done]
        piece = msgspec.structs.replace(piece, records=records)
    inputs = parts.answered[number].inputs
    if inputs:
        judged.unfit = _unfit(piece, inputs)
        inputs.forget([record.offset for record in piece.records])
    _send(piece, judged, parts)
    if parts.judge.fast_path.news:
        log_news(log, parts.judge.fast_path.news)
    parts.counters.judged(number, judged)


def _unfit(piece: Slice, inputs: Answers) -> int:
    """Count, and tell of, the records whose offset another one has an answer for."""
    unfit = [one.offset for one in piece.records if one.offset in inputs.unfit]
    if unfit:
        log.error(
            "%s/%d: outputs name offsets %d to %d and answer other records than are there "
            "now: the topic was made anew; these %d records are decided",
            *piece.partition,
            unfit[0],
            unfit[-1],
            len(unfit),
        )
    return len(unfit)


def _send(piece: Slice, judged: SliceResult, parts: DecideParts) -> None:
    """Hand outputs to the sink; once all are acknowledged the slice may be committed."""
    number = piece.partition.partition
    lanes = parts.outputs.of(number)
    claim = parts.source.offsets.track_slice(piece.partition, piece.end_offset)
    by_topic: defaultdict[int, list[Outgoing]] = defaultdict(list)
    for output in judged.outputs:
        by_topic[output.topic].append(output.record)
    for topic, records in by_topic.items():
        parts.sink.append(lanes[topic], records, claim)

    def done() -> None:
        at_ms = parts.now_ms()
        parts.counters.acknowledged(
            [at_ms - record.timestamp for record in piece.records]
        )
        if judged.touched:
            parts.touch(number, judged.touched)

    claim.on_done = done
    claim.release()


def register(
    app: faust.App, polls: ChannelT[Poll], parts: Callable[[], Awaitable[DecideParts]]
) -> None:
    """Attach the agent to the app; it waits for its parts, which need a running loop."""

    @app.agent(polls, name="decide")
    async def decide(polls: StreamT[Poll]) -> None:
        await run(polls, await parts())
