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
from streams.families.fast_refund.answers import (
    Answers,
    mark_of_decision,
    mark_of_letter,
)
from streams.families.fast_refund.decision_codec import Recovered, recover
from streams.families.fast_refund.decision_history import APPROVED, DecisionHistory
from streams.kafka.errors import translating
from streams.records import headers
from streams.records.dead_letters import last_text
from streams.records.notices import FOLLOW_UP_SUFFIX, recover_notice
from streams.records.record import Record

log = logging.getLogger(__name__)

_POLL_MS = 100
_TURN_AFTER = 2_000
"""Decisions remembered between two turns of the event loop, which owes heartbeats."""


class OutputTopics(msgspec.Struct, frozen=True, kw_only=True):
    """Names of the topics we write; the same partition number as the input's."""

    approvals: str
    reviews: str
    skipped: str
    notices: str
    dead_letters: str

    def names(self) -> tuple[str, ...]:
        """Return all of them."""
        return (
            self.approvals,
            self.reviews,
            self.skipped,
            self.notices,
            self.dead_letters,
        )

    def of(self, partition: int) -> tuple[TopicPartition, ...]:
        """Return the output partitions of one input partition."""
        return tuple(TopicPartition(name, partition) for name in self.names())


class AnsweredOffsets(msgspec.Struct):
    """What the outputs of one partition say, besides the decisions in its ledger."""

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
    input_topic
        Only outputs that answer this topic count as answered offsets.
    """

    def __init__(
        self,
        consumer: AIOKafkaConsumer,
        asking: AIOKafkaConsumer,
        topics: OutputTopics,
        input_topic: str,
    ) -> None:
        self._consumer = consumer
        self._asking = asking
        self._topics = topics
        self._input_topic = input_topic
        self._read_to: dict[TopicPartition, int] = {}
        self._reached: dict[TopicPartition, int] = {}
        """How far the present reading came."""
        self._policies: dict[tuple[str, str | None], Recovered] = {}
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
            policy: (one.decision_id, one.entry.decided_at_ms)
            for policy, one in self._policies.items()
        }

    def written(self, where: TopicPartition, offset: int, count: int) -> None:
        """Note our own acknowledged batch, so that it need not be read back."""
        if offset >= 0 and self._read_to.get(where) == offset:
            self._read_to[where] = offset + count

    def forget(self, partitions: Iterable[int]) -> None:
        """Read these partitions from the beginning next time."""
        for number in partitions:
            for where in self._topics.of(number):
                self._read_to.pop(where, None)

    async def read(
        self, ledgers: Mapping[int, DecisionHistory], committed: Mapping[int, int]
    ) -> dict[int, AnsweredOffsets]:
        """Bring the ledgers up to the end of the output topics.

        Parameters
        ----------
        ledgers
            By partition; those not forgotten keep what they hold.
        committed
            By partition, the input offset from which requests will be read.

        Raises
        ------
        FactsUnreadableError
            The outputs cannot be read; deciding without them could decide twice.
        """
        answered = {number: AnsweredOffsets() for number in ledgers}
        self._no_decisions = []  # one that was broken off is read again
        found: dict[int, list[tuple[int, Recovered]]] = {
            number: [] for number in ledgers
        }
        with translating("reading back outputs failed", FactsUnreadableError):
            async for where, records in self._polls(list(ledgers)):
                number = where.partition
                into = ledgers[number], found[number]
                known, start = answered[number], committed.get(number, 0)
                for record in records:
                    self._take(where, record, known, start, into)
        for number, decisions in found.items():
            # Two topics, one history: the order of the input is the order of decisions.
            decisions.sort(key=_by_offset)
            for count, (_, decision) in enumerate(decisions, 1):
                ledgers[number].remember(decision.entry)
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
        partitions = [where for number in numbers for where in self._topics.of(number)]
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
        into: tuple[DecisionHistory, list[tuple[int, Recovered]]],
    ) -> None:
        ledger, found = into
        if where.topic == self._topics.dead_letters:
            self._take_dead_letter(where, record, answered, committed)
            return
        if where.topic == self._topics.notices:
            notice_id = recover_notice(record.value or b"")
            if notice_id is not None:
                ledger.note(notice_id)
            return
        decision = recover(record.value or b"")
        if decision is None:
            self.foreign += 1
            self._no_decisions.append((where, record.offset))
            return
        if decision.decision_id.endswith(FOLLOW_UP_SUFFIX):
            ledger.note(decision.decision_id)
            return
        offset = headers.number(record.headers, headers.SOURCE_OFFSET)
        source = headers.text(record.headers, headers.SOURCE_TOPIC)
        if offset is None or source != self._input_topic:
            self.foreign += 1
            return
        policy = decision.policy
        if policy is not None:
            self._policies[policy] = decision
        inputs, entry = answered.inputs, decision.entry
        inputs.end = max(inputs.end, offset + 1)
        if offset >= committed:
            mark = mark_of_decision(
                record.key, entry.refund_id, entry.version, withdraws=entry.withdraws
            )
            inputs.add(offset, mark)
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


def _by_offset(found: tuple[int, Recovered]) -> tuple[int, bool]:
    """Of two answers to one offset (a zombie's) the approval counts: it moves money."""
    offset, decision = found
    return offset, decision.entry.outcome != APPROVED
