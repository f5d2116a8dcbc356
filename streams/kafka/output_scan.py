"""What was already decided, read from the outputs themselves.

Every output says which input offset it answers. Before a partition is read, its
output partitions are read to their end: offsets that already have an output are
skipped (a crash between produce and commit gives no second decision), and the
decisions fill the partition's memory.
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
"""Decisions remembered between two turns of the event loop, which owes heartbeats."""


class AnsweredOffsets(msgspec.Struct):
    """What the outputs of one partition say, besides the decisions in its history."""

    inputs: Answers = msgspec.field(default_factory=Answers)
    """Input records, from the committed offset on, that already have an output."""
    dead: set[tuple[str, int]] = msgspec.field(default_factory=set)
    """(topic, offset) of every record that is a dead letter already."""


class OutputScan:
    """Reads output partitions to their end, each part of them once.

    Parameters
    ----------
    consumer
        Without a group, reads committed, not assigned to anything else.
    asking
        A consumer that reads uncommitted: it tells the ends of the logs. What a
        transaction holds back is not read before it is over, and not left out either.
    names
        The topics of the family; only outputs that answer its input count as answered
        offsets.
    family
        Reads outputs, and remembers what they say.
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
        """How far the present reading came."""
        self._policies: dict[tuple[str, str | None], RestoredDecision] = {}
        """The last decision under each policy, by its name and hash."""
        self.foreign = 0
        """Records in our output topics that are not ours to read."""
        self._no_decisions: list[tuple[TopicPartition, int]] = []
        """Those of the read under way that say nothing at all."""
        self.held_back: dict[TopicPartition, tuple[int, int]] = {}
        """Output partitions that an open transaction, which is none of ours, keeps from
        being read to their end: from and before which offset."""

    def policies(self) -> dict[tuple[str, str | None], tuple[str, int]]:
        """Return name and hash of the policies that decisions name.

        With each the id and ``decided_at_ms`` of the last decision under it.
        """
        return {
            policy: (one.decision_id, one.decided_at_ms)
            for policy, one in self._policies.items()
        }

    def written(self, where: TopicPartition, offset: int, count: int) -> None:
        """Note our own acknowledged batch, so that it need not be read back."""
        if offset >= 0 and self._read_to.get(where) == offset:
            self._read_to[where] = offset + count

    def forget(self, partitions: Iterable[int]) -> None:
        """Read these partitions from the beginning next time."""
        for number in partitions:
            for where in self._names.outputs(number).values():
                self._read_to.pop(where, None)

    async def read(
        self, states: Mapping[int, Any], committed: Mapping[int, int]
    ) -> dict[int, AnsweredOffsets]:
        """Bring the states up to the end of the output topics.

        Parameters
        ----------
        states
            By partition; those not forgotten keep what they hold.
        committed
            By partition, the input offset from which requests will be read.

        Raises
        ------
        FactsUnreadableError
            The outputs cannot be read; deciding without them could decide twice.
        """
        answered = {number: AnsweredOffsets() for number in states}
        self._no_decisions = []  # one that was broken off is read again
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
            # Two topics, one history: the order of the input is the order of decisions.
            decisions.sort(key=_by_offset)
            for count, (_, decision) in enumerate(decisions, 1):
                remember(states[number], decision)
                if count % _TURN_AFTER == 0:
                    await asyncio.sleep(0)
        # Not before all are remembered: who breaks this off reads them again.
        self._read_to.update(self._reached)
        self._tell_no_decisions()
        return answered

    def _tell_no_decisions(self) -> None:
        """Say once a read, and not once a record, what strangers have written there."""
        found, self._no_decisions = self._no_decisions, []
        if found:
            ((topic, partition), offset), *_ = found
            log.warning(
                "%d records in output topics are no decisions, for example %s/%d@%d",
                len(found),
                topic,
                partition,
                offset,
            )

    async def _polls(
        self, numbers: list[int]
    ) -> AsyncIterator[tuple[TopicPartition, list[Record]]]:
        """Yield what is there now and was not read before, a partition at a time.

        To the high watermark, not only to the last stable offset.
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
        """Go to where each partition was left, or to its start; return the ends."""
        self._consumer.assign(partitions)
        ends: dict[TopicPartition, int] = await self._asking.end_offsets(partitions)
        for where in partitions:
            known = self._read_to.get(where)
            if known is not None and known > ends[where]:  # the topic was made anew
                del self._read_to[where]
            elif known is not None:
                self._consumer.seek(where, known)
        return ends

    def _tell_held_back(self, waiting: Mapping[TopicPartition, int]) -> None:
        """Note, and write to the log once, what cannot be read to its end."""
        for where, end in waiting.items():
            stable = self._consumer.last_stable_offset(where)
            if stable is None or stable >= end:
                continue
            if where not in self.held_back:
                log.warning(
                    "%s/%d: an open transaction of somebody else holds back offsets %d to "
                    "%d: decisions of ours may be among them, so nothing is decided before "
                    "it ends; find its producer, or end it with kafka-transactions.sh",
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
    """Of two answers to one offset (a zombie's) the family says which one counts."""
    offset, decision = found
    return offset, decision.rank
