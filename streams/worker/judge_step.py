"""The judge step of a family: looks facts up, then judges a slice in turns."""

import asyncio
import logging
from collections import defaultdict
from collections.abc import Callable
from typing import Any, Final, Protocol

import msgspec
from aiokafka import TopicPartition

from streams.kafka.slices import Part, Poll, Slice
from streams.logs import log_news
from streams.processing.answers import Answers
from streams.processing.family import FamilyProcess
from streams.processing.slice_result import SliceResult, Unjudged
from streams.records.record_format import Outgoing
from streams.worker.transport import Clocks, Transport

log = logging.getLogger(__name__)

_STINT_MS: Final = 20
"""Time of judging, ms, after which the event loop gets a turn, however long the slice
is. A full slice of plain requests takes two."""


class JudgeCounters(Protocol):
    """Counts the results of judging, once per part of a slice."""

    def judged(self, partition: int, judged: SliceResult) -> None:
        """Count the result of judging a slice of a partition."""


class JudgeStep:
    """Judges the slices of one family (:class:`streams.kafka.slices.Step`).

    Parameters
    ----------
    touch
        Called with partition and keys that may need more outputs, once the outputs of
        their slice are acknowledged.
    """

    def __init__(
        self,
        transport: Transport,
        family: FamilyProcess[Any, Any],
        counters: JudgeCounters,
        clocks: Clocks,
        touch: Callable[[int, list[str]], None],
    ) -> None:
        self._transport = transport
        self._family = family
        self._counters = counters
        self._clocks = clocks
        self._touch = touch
        self._numbers: list[int] = []
        self._looked: set[str] = set()
        """Fact topics read up to date for the current poll: one read serves all its
        slices, because all their records were written before it."""
        self._unjudged: Unjudged | None = None

    def begin(self, poll: Poll) -> None:
        """Start a poll: its slices come next."""
        self._numbers = [piece.partition.partition for piece in poll]
        self._looked = set()

    async def read(self, piece: Slice) -> None:
        """Decode the records, look up facts that they name, prepare the state."""
        number, family = piece.partition.partition, self._family
        state = self._transport.facts.tables[number]
        answered = self._transport.answered[number].inputs
        self._unjudged, missing = family.read(piece.records, answered, state)
        if missing is not None:
            await self._look(missing)
        while family.prepare(state):
            await asyncio.sleep(0)
            if piece.epoch != self._transport.source.epoch:
                return

    async def _look(self, missing: object) -> None:
        """Wait until the facts written before this poll are applied.

        Raises
        ------
        FactsUnreadableError
            The broker does not answer how far the topics are written.
        """
        facts, names = self._transport.facts, self._transport.names
        lookups, clock_ms = self._family.lookups, self._clocks.monotonic_ms
        wanted = [
            one
            for one in lookups.wanted(missing, self._numbers, clock_ms())
            if one[0] not in self._looked
        ]
        if wanted:
            await facts.reach(
                [TopicPartition(names.whole(name), number) for name, number in wanted]
            )
        looked = frozenset(name for name, _ in wanted)
        self._looked |= looked
        states = [
            facts.tables[number] for number in self._numbers if number in facts.tables
        ]
        lookups.looked(missing, looked, states, clock_ms())

    def take(self, piece: Slice) -> Part:
        """Judge some records; return the outputs."""
        unjudged = self._unjudged
        assert unjudged is not None, "read() comes before take()"  # noqa: S101 - ours
        number, begin = piece.partition.partition, unjudged.done
        state = self._transport.facts.tables[number]
        clock_ms = self._clocks.monotonic_ms
        until_ms, now_ms = clock_ms() + _STINT_MS, self._clocks.now_ms()
        judged = self._family.judge(
            unjudged, state, now_ms, lambda: clock_ms() >= until_ms
        )
        last = unjudged.finished
        if begin or not last:
            records = piece.records[begin : unjudged.done]
            piece = msgspec.structs.replace(piece, records=records)
        inputs = self._transport.answered[number].inputs
        if inputs:
            judged.unfit = _unfit(piece, inputs)
            inputs.forget([record.offset for record in piece.records])
        if self._family.news:
            log_news(log, self._family.news)
        self._counters.judged(number, judged)
        return Part(
            piece,
            self._placed(number, judged),
            last,
            self._told(number, judged.touched, due=state.is_due(now_ms)),
        )

    def _placed(
        self, number: int, judged: SliceResult
    ) -> dict[TopicPartition, list[Outgoing]]:
        outputs = self._transport.names.outputs(number)
        found: defaultdict[str, list[Outgoing]] = defaultdict(list)
        for output in judged.outputs:
            found[output.topic].append(output.record)
        return {outputs[name]: records for name, records in found.items()}

    def _told(
        self, number: int, touched: list[str], *, due: bool
    ) -> Callable[[], None] | None:
        return (lambda: self._touch(number, touched)) if touched or due else None

    def abandon(self, piece: Slice) -> None:  # noqa: ARG002 - one slice at a time
        """Drop the slice: records that are not judged are read again."""
        self._unjudged = None


def _unfit(piece: Slice, inputs: Answers) -> int:
    """Count and log the records at whose offset another record was answered."""
    unfit = [one.offset for one in piece.records if one.offset in inputs.unfit]
    if unfit:
        log.error(
            "%s/%d: outputs name offsets %d to %d but answer other records: the topic was "
            "recreated; these %d records are decided",
            *piece.partition,
            unfit[0],
            unfit[-1],
            len(unfit),
        )
    return len(unfit)
