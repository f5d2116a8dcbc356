"""Read back from the output topics what is already answered.

Every output names the input offset that it answers. Before an input partition is read,
its output partitions are read to their end: offsets that already have an output are
skipped (so a crash between produce and commit gives no second decision), and the
decisions restore the partition's state.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Iterable, Mapping
from typing import Any

import msgspec
from aiokafka import AIOKafkaConsumer, TopicPartition

from streams.errors import FactsUnreadableError
from streams.kafka.errors import translating
from streams.kafka.topic_names import FamilyNames
from streams.processing.answers import Answers, mark_of_letter
from streams.processing.family import FamilyProcess, RestoredDecision
from streams.records import headers
from streams.records.dead_letters import last_text
from streams.records.record import Record

log = logging.getLogger(__name__)

_POLL_MS = 100
_TURN_AFTER = 2_000
"""Most decisions restored between two turns of the event loop, which must send
heartbeats."""


class AnsweredOffsets(msgspec.Struct):
    """What the outputs of one partition tell, besides the decisions in its state."""

    inputs: Answers = msgspec.field(default_factory=Answers)
    """Input records from the committed offset on that already have an output."""
    dead: set[tuple[str, int]] = msgspec.field(default_factory=set)
    """(topic, offset) of every record that already has a dead letter."""


class OutputScan:
    """Reads output partitions to their end; each record is read once.

    Parameters
    ----------
    consumer
        Without a group, reads committed, not assigned to anything else.
    asking
        A consumer that reads uncommitted, asked for the ends of the logs. So records
        held back by an open transaction are waited for, not missed.
    names
        The topics of the family; only outputs that answer its input give answered
        offsets.
    family
        Decodes outputs and puts them into the state.
    """

    def __init__(
        self,
        consumer: AIOKafkaConsumer,
        asking: AIOKafkaConsumer,
        names: FamilyNames,
        family: FamilyProcess[Any, Any],
    ) -> None:
        self._consumer = consumer
        self._asking = asking
        self._names = names
        self._family = family
        self._input_topic = names.input
        self._read_to: dict[TopicPartition, int] = {}
        self._reached: dict[TopicPartition, int] = {}
        """Partition -> offset that the current scan has reached."""
        self._scanned_to: dict[TopicPartition, int] = {}
        """Partition -> offset that the last complete scan has reached."""
        self._policies: dict[tuple[str, str | None], RestoredDecision] = {}
        """(name, hash) of a policy -> last decision under it."""
        self.foreign = 0
        """Number of records in our output topics that are not ours."""
        self._no_decisions: list[tuple[TopicPartition, int]] = []
        """Records of the current scan that are no outputs at all."""
        self.held_back: dict[TopicPartition, tuple[int, int]] = {}
        """Output partition -> (from, before) offsets that a foreign open transaction
        holds back."""

    def policies(self) -> dict[tuple[str, str | None], tuple[str, int]]:
        """Return the policies that decisions name, by name and hash.

        The values are id and ``decided_at_ms`` of the last decision under each.
        """
        return {
            policy: (one.decision_id, one.decided_at_ms)
            for policy, one in self._policies.items()
        }

    def written(self, where: TopicPartition, offset: int, count: int) -> None:
        """Note our own acknowledged batch, so that it is not read back."""
        if offset >= 0 and self._read_to.get(where) == offset:
            self._read_to[where] = offset + count

    def rewind(self, partitions: Iterable[int]) -> None:
        """Let the next scan read again what was written since the last one, our own included.

        For partitions that were given up with slices unfinished: their requests may have
        an answer that only the outputs still tell of.
        """
        for number in partitions:
            for where in self._names.outputs(number).values():
                if where in self._scanned_to:
                    self._read_to[where] = self._scanned_to[where]

    def forget(self, partitions: Iterable[int]) -> None:
        """Forget these partitions: the next scan reads them from the beginning."""
        for number in partitions:
            for where in self._names.outputs(number).values():
                self._read_to.pop(where, None)
                self._scanned_to.pop(where, None)

    async def read(
        self, states: Mapping[int, Any], committed: Mapping[int, int]
    ) -> dict[int, AnsweredOffsets]:
        """Bring the states up to the end of the output topics.

        Parameters
        ----------
        states
            Partition -> state; the partitions that were not forgotten keep theirs.
        committed
            Partition -> input offset from which requests will be read.

        Raises
        ------
        FactsUnreadableError
            The outputs cannot be read; deciding without them could decide twice.
        """
        answered = {number: AnsweredOffsets() for number in states}
        self._no_decisions = []  # an interrupted scan is repeated
        found: dict[int, list[tuple[int, RestoredDecision]]] = {
            number: [] for number in states
        }
        with translating("reading back outputs failed", FactsUnreadableError):
            async for where, records in self._polls(list(states)):
                number = where.partition
                into = states[number], found[number]
                known, start = answered[number], committed.get(number, 0)
                for record in records:
                    self._take(where, record, known, start, into)
        remember = self._family.remember
        for number, decisions in found.items():
            # Two topics, one history: decisions are ordered by input offset.
            decisions.sort(key=_by_offset)
            for count, (_, decision) in enumerate(decisions, 1):
                remember(states[number], decision)
                if count % _TURN_AFTER == 0:
                    await asyncio.sleep(0)
        # Only after all are restored: an interrupted scan must read them again.
        self._read_to.update(self._reached)
        self._scanned_to.update(self._reached)
        self._tell_no_decisions()
        return answered

    def _tell_no_decisions(self) -> None:
        """Log foreign records once per scan, not once per record."""
        found, self._no_decisions = self._no_decisions, []
        if found:
            ((topic, partition), offset), *_ = found
            log.warning(
                "%d records in output topics are not decisions, for example %s/%d@%d",
                len(found),
                topic,
                partition,
                offset,
            )

    async def _polls(
        self, numbers: list[int]
    ) -> AsyncIterator[tuple[TopicPartition, list[Record]]]:
        """Yield the records present now and not read before, one partition at a time.

        Reads to the high watermark, not only to the last stable offset.
        """
        self.held_back.clear()
        self._reached = {}
        partitions = [
            where
            for number in numbers
            for where in self._names.outputs(number).values()
        ]
        if not partitions:
            return
        ends = await self._seek(partitions)
        waiting = {
            where for where in partitions if ends[where] > self._read_to.get(where, 0)
        }
        while waiting:
            polled: dict[Any, list[Record]] = await self._consumer.getmany(
                timeout_ms=_POLL_MS
            )
            for where, records in polled.items():
                end = ends[where]
                yield where, [record for record in records if record.offset < end]
            for where in list(waiting):
                if await self._consumer.position(where) >= ends[where]:
                    waiting.discard(where)
                    self.held_back.pop(where, None)
            self._tell_held_back({where: ends[where] for where in waiting})
        self._reached = ends
        self._consumer.pause(*partitions)

    async def _seek(
        self, partitions: list[TopicPartition]
    ) -> dict[TopicPartition, int]:
        """Seek to where each partition was left, or to its start; return the end offsets."""
        self._consumer.assign(partitions)
        ends: dict[TopicPartition, int] = await self._asking.end_offsets(partitions)
        for where in partitions:
            known = self._read_to.get(where)
            if known is not None and known > ends[where]:  # the topic was created again
                del self._read_to[where]
            elif known is not None:
                self._consumer.seek(where, known)
        return ends

    def _tell_held_back(self, waiting: Mapping[TopicPartition, int]) -> None:
        """Note, and log once, which partitions cannot be read to their end."""
        for where, end in waiting.items():
            stable = self._consumer.last_stable_offset(where)
            if stable is None or stable >= end:
                continue
            if where not in self.held_back:
                log.warning(
                    "%s/%d: an open transaction of another producer hides offsets %d to "
                    "%d: our decisions may be among them, so nothing is decided until it ends; "
                    "find its producer, or end it with kafka-transactions.sh",
                    *where,
                    stable,
                    end - 1,
                )
            self.held_back[where] = stable, end

    def _take(
        self,
        where: TopicPartition,
        record: Record,
        answered: AnsweredOffsets,
        committed: int,
        into: tuple[Any, list[tuple[int, RestoredDecision]]],
    ) -> None:
        state, found = into
        if where.topic == self._names.dead_letters:
            self._take_dead_letter(where, record, answered, committed)
            return
        name = self._names.short(where.topic)
        decision = self._family.restore(name, record.value or b"")
        if decision is None:
            self.foreign += 1
            self._no_decisions.append((where, record.offset))
            return
        if isinstance(decision, str):
            state.note(decision)
            return
        offset = headers.number(record.headers, headers.SOURCE_OFFSET)
        source = headers.text(record.headers, headers.SOURCE_TOPIC)
        if offset is None or source != self._input_topic:
            self.foreign += 1
            return
        policy = decision.policy
        if policy is not None:
            self._policies[policy] = decision
        inputs = answered.inputs
        inputs.end = max(inputs.end, offset + 1)
        if offset >= committed:
            inputs.add(offset, decision.mark(record.key))
        found.append((offset, decision))

    def _take_dead_letter(
        self,
        where: TopicPartition,
        record: Record,
        answered: AnsweredOffsets,
        committed: int,
    ) -> None:
        topic, offset = (
            last_text(record.headers, "topic"),
            last_text(record.headers, "offset"),
        )
        partition = last_text(record.headers, "partition")
        if topic is None or offset is None or not headers.is_offset(offset.encode()):
            self.foreign += 1
            return
        answered.dead.add((topic, int(offset)))
        if topic == self._input_topic and partition == str(where.partition):
            inputs, at = answered.inputs, int(offset)
            inputs.end = max(inputs.end, at + 1)
            if at >= committed:
                inputs.add(at, mark_of_letter(record.key, record.value))


def _by_offset(found: tuple[int, RestoredDecision]) -> tuple[int, int]:
    """Sort key: of two answers to one offset (one of a zombie) the family's rank decides."""
    offset, decision = found
    return offset, decision.rank
