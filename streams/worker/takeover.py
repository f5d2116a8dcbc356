"""Take partitions over: what happens between their assignment and the first read.

Read facts to their end, read outputs back, warm the family up, reconcile outputs.
"""

import asyncio
import contextlib
import logging
from collections.abc import Callable, Container, Mapping
from typing import Any

import msgspec

from streams.errors import FactsUnreadableError
from streams.kafka.fact_logs import FactLogs
from streams.kafka.output_scan import AnsweredOffsets, OutputScan
from streams.kafka.passed_over import PassedOver
from streams.kafka.source import Starts
from streams.kafka.table_reader import TableReader
from streams.logs import log_news
from streams.processing.family import FamilyProcess
from streams.worker.reconcile_queue import ReconcileQueue
from streams.worker.supervision import monotonic_ms

log = logging.getLogger(__name__)


class TakeoverParts(msgspec.Struct, frozen=True, kw_only=True):
    """The parts that a take-over needs."""

    facts: TableReader
    fact_logs: FactLogs
    reader: OutputScan
    passed_over: PassedOver
    family: FamilyProcess[Any, Any]
    reconcile_queue: ReconcileQueue
    load_timeout_ms: int
    now_ms: Callable[[], int]


class Takeover:
    """Prepares each partition once per assignment.

    Parameters
    ----------
    set_aside
        Excludes what was loaded from garbage collection.
    """

    def __init__(self, parts: TakeoverParts, set_aside: Callable[[], None]) -> None:
        self._parts = parts
        self._set_aside = set_aside
        self.answered: dict[int, AnsweredOffsets] = {}
        """Partition -> answers found in the outputs."""
        self._ready: set[int] = set()
        """Completely prepared partitions: tables, outputs, breaker, notices."""
        self.told = ""
        """Duration of the last take-over, for a log line."""
        self._stopping = False
        self._began_ms = monotonic_ms()

    async def prepare(self, starts: Starts) -> None:
        """Load facts and read outputs back; the partitions may be read only after that.

        Parameters
        ----------
        starts
            All partitions that are ours now, with their start offsets.

        Raises
        ------
        FactsUnreadableError
            Reading took too long, or the broker refused.
        """
        parts, began = self._parts, monotonic_ms()
        committed = {where.partition: one.offset for where, one in starts.items()}
        gone = (set(parts.facts.tables) | self._ready) - set(committed)
        # A partition whose preparation was cancelled has tables, but still counts as
        # new.
        new = set(committed) - self._ready
        self._ready -= gone
        for number in gone:
            self.answered.pop(number, None)
        parts.reader.forget(gone | new)
        await self._load(starts, new)
        await self._wait_for_policy()
        self._set_aside()
        for number in new:
            state = parts.facts.tables[number]
            for _ in parts.family.warm(state, parts.now_ms()):
                await asyncio.sleep(0)
            parts.reconcile_queue.at_all(number, state.keys())
            self._ready.add(number)
        parts.reconcile_queue.resume(committed)
        self.told = f"loaded in {monotonic_ms() - began} ms, {len(new)} of them new"

    def let_go(self) -> None:
        """Give up all partitions: their next owners write the notices from now on.

        The reconciler outlives the producer; a notice that it wrote in between would be
        a lost output.
        """
        self._stopping = True
        self.answered.clear()

    async def _load(self, starts: Starts, new: Container[int]) -> None:
        parts, began = self._parts, monotonic_ms()
        try:
            async with asyncio.timeout(parts.load_timeout_ms / 1000):
                doubted = {at.partition: one.doubted for at, one in starts.items()}
                await parts.facts.load(doubted)
                self._set_aside()  # collecting garbage among facts took a quarter
                tables = parts.facts.tables
                states = {number: tables[number] for number in doubted}
                found = await parts.reader.read(states, doubted)
                self._join(found)
                for where, start in starts.items():
                    inputs = found[where.partition].inputs
                    if where.partition in new:
                        parts.passed_over.look_at_deleted(where, start, inputs)
                    await parts.passed_over.look(where, start, inputs)
                    inputs.forget_before(start.offset)
                await self._compare_policies()
                await parts.fact_logs.look_patiently()  # watermarks count from here on
        except TimeoutError:
            held = sorted({where.topic for where in parts.reader.held_back})
            why = f": open transactions hold back {', '.join(held)}" if held else ""
            raise FactsUnreadableError(
                f"facts and outputs not loaded after {monotonic_ms() - began} ms{why}"
            ) from None
        if not self._stopping:  # at a stop it is not ours either
            self.answered.update(found)

    async def _compare_policies(self) -> None:
        """Check whether others judged by policies that this worker does not have.

        A version that was just published may already have judged elsewhere, so the
        topic is read to its end first.
        """
        facts = self._parts.facts
        await facts.reach((facts.names.policies,))
        named = self._parts.reader.policies()
        facts.shared.policies_named(named, self._parts.now_ms())
        log_news(log, facts.shared.news)

    def _join(self, found: Mapping[int, AnsweredOffsets]) -> None:
        """Add the known answers of partitions that stay: their outputs were only read further."""
        for number, answered in found.items():
            kept = self.answered.get(number)
            if kept is not None:  # dead letters stay known
                answered.dead |= kept.dead
                answered.inputs.join(kept.inputs)

    async def _wait_for_policy(self) -> None:
        """Wait for a first policy at start (rules, section 2); then requests go to a person."""
        facts = self._parts.facts
        left_ms = facts.shared.policy_wait_ms - (monotonic_ms() - self._began_ms)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(max(0, left_ms) / 1000):
                await facts.until(facts.shared.has_policy)
