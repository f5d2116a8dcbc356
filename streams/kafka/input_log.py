"""Find the start offsets of the input, and check that the group's offsets belong to its log.

The group keeps plain offsets. Before one is used, the log must be the one it was
committed for: by topic id, by its end, and by the last record before the offset
(:mod:`streams.kafka.commit_marks`). Otherwise requests would be skipped silently as
soon as a new log is as long as the old one was.
"""

import logging
from collections.abc import Collection, Iterator, Mapping
from typing import Any, Final

import msgspec
from aiokafka import AIOKafkaConsumer, TopicPartition

from streams.errors import TopicsError
from streams.kafka.aiokafka_internals.committed import committed
from streams.kafka.commit_marks import LastRecord, Mark, fingerprint, read_mark
from streams.kafka.incarnations import Incarnations
from streams.records.record import Record

log = logging.getLogger(__name__)

_POLL_MS: Final = 100
_LOOKED_BACK: Final = 100_000
"""Most records that are checked before an offset of unknown origin."""


class Start(msgspec.Struct, frozen=True, kw_only=True):
    """The start of reading one partition."""

    first: int
    """Oldest offset of the log."""
    due: int
    """Next offset to read; below ``first`` when records were deleted unread."""
    committed: int | None
    """Committed offset; None = no offset."""
    doubted: int
    """Records from here to ``due`` may have no answer, because somebody else moved the
    group's offset. Equal to ``due`` when the offset is ours."""
    last: LastRecord | None = None
    """The last record before ``due``, if known."""
    distrusts: str | None = None
    """The committed program version whose fast path was found wrong; None = none."""

    @property
    def offset(self) -> int:
        """Return where reading begins: at ``due``, but not before ``first``."""
        return max(self.first, self.due)

    @property
    def behind(self) -> int | None:
        """Return what the group holds if it lacks commits of ours; None = it lacks none."""
        held = self.first if self.committed is None else self.committed
        return held if held < self.due else None


class _Held(msgspec.Struct, frozen=True):
    """What the group has committed for a partition."""

    offset: int
    mark: Mark | None


class InputLog:
    """Reads the state of a member's input partitions from log and group.

    Parameters
    ----------
    group_id
        Group of the member; named in problems.
    member
        The consumer that belongs to the group.
    asking
        A consumer without a group that reads uncommitted; nothing else assigns to it.
    incarnations
        Checks that the input topic is unchanged.
    """

    def __init__(
        self,
        group_id: str,
        member: AIOKafkaConsumer,
        asking: AIOKafkaConsumer,
        incarnations: Incarnations,
    ) -> None:
        self._group_id = group_id
        self._member = member
        self._asking = asking
        self._incarnations = incarnations

    def topic_id(self, topic: str) -> str | None:
        """Return the id of the topic as first seen by this process."""
        return self._incarnations.id_of(topic)

    async def is_the_same(self) -> None:
        """Check that a log without our position is still the one we read.

        Raises
        ------
        TopicsError
            The topic was created again.
        KafkaError
            No broker answers.
        """
        await self._incarnations.look_patiently()

    async def starts(
        self,
        assigned: Collection[TopicPartition],
        done_to: Mapping[TopicPartition, int],
    ) -> dict[TopicPartition, Start]:
        """Return the start of each partition.

        Parameters
        ----------
        done_to
            Offsets up to which this process has everything acknowledged, committed or
            not.

        Raises
        ------
        TopicsError
            The group's offsets belong to another log; one line per topic or partition.
        KafkaError
            The broker does not answer.
        """
        if not assigned:
            return {}
        await self._incarnations.look_patiently()
        firsts = await self._member.beginning_offsets(assigned)
        held = await self._held(assigned)
        ends = await self._asking.end_offsets(assigned)
        problems = list(self._refused(held, ends))
        if not problems:
            problems = await self._other_records(held, firsts)
        if problems:
            raise TopicsError(problems)
        return {
            where: _start(first, held.get(where), done_to.get(where, 0))
            for where, first in firsts.items()
        }

    async def _held(
        self, assigned: Collection[TopicPartition]
    ) -> dict[TopicPartition, _Held]:
        return {
            where: _Held(offset, read_mark(text, offset))
            for where, (offset, text) in (
                await committed(self._member, assigned)
            ).items()
        }

    def _refused(
        self, held: Mapping[TopicPartition, _Held], ends: Mapping[TopicPartition, int]
    ) -> Iterator[str]:
        """Yield a line for each topic that was created again, by topic id and log end."""
        anew: set[str] = set()
        for where, one in sorted(held.items()):
            now = self.topic_id(where.topic)
            then = one.mark.topic if one.mark is not None else None
            if None not in (now, then) and now != then:
                if where.topic not in anew:
                    yield (
                        f"{where.topic}: deleted and recreated since the group "
                        f"{self._group_id} committed its offsets (its id was {then}, "
                        f"now {now}); {self._advice(where.topic)}"
                    )
                anew.add(where.topic)
            elif one.offset > ends[where]:
                yield (
                    f"{where.topic}/{where.partition}: the group {self._group_id} has "
                    f"committed {one.offset}, and the log ends at {ends[where]}: it was "
                    f"recreated or has lost records; {self._advice(where.topic)}"
                )

    async def _other_records(
        self, held: Mapping[TopicPartition, _Held], firsts: Mapping[TopicPartition, int]
    ) -> list[str]:
        """Return lines on partitions whose last record before the offset has changed."""
        wanted = {
            where: one.mark.last
            for where, one in sorted(held.items())
            if one.mark is not None
            and one.mark.last is not None
            and one.mark.last.offset >= firsts[where]
        }
        there = await self._records_at(
            {where: last.offset for where, last in wanted.items()}
        )
        changed = [where for where, last in wanted.items() if there.get(where) != last]
        # Deleted by retention meanwhile: then it cannot be checked.
        now = await self._member.beginning_offsets(changed) if changed else {}
        return [
            f"{where.topic}/{where.partition}: at offset {wanted[where].offset}, before "
            f"the one that the group {self._group_id} has committed, there is "
            f"another record now: the topic was recreated or has lost records; "
            f"{self._advice(where.topic)}"
            for where in changed
            if now[where] <= wanted[where].offset
        ]

    async def _records_at(
        self, wanted: Mapping[TopicPartition, int]
    ) -> dict[TopicPartition, LastRecord]:
        """Read the records at some offsets; missing ones are left out."""
        consumer, waiting = self._asking, dict(wanted)
        if not waiting:
            return {}
        consumer.assign(list(waiting))
        for where, offset in waiting.items():
            consumer.seek(where, offset)
        ends = await consumer.end_offsets(list(waiting))
        found: dict[TopicPartition, LastRecord] = {}
        while waiting:
            polled: dict[Any, list[Record]] = await consumer.getmany(
                timeout_ms=_POLL_MS, max_records=1
            )
            for where, records in polled.items():
                if records and records[0].offset == waiting.pop(where, None):
                    found[where] = fingerprint(records[0])
                consumer.pause(where)
            for where in list(waiting):
                if await consumer.position(where) >= ends[where]:
                    del waiting[where]
        consumer.pause(*wanted)
        return found

    def _advice(self, topic: str) -> str:
        return (
            "its undecided requests are lost: ask their senders to send them again, then "
            f"stop all workers and reset the group to the oldest record: kafka-consumer-"
            f"groups.sh --bootstrap-server HOST:PORT --group {self._group_id} --topic "
            f"{topic} --reset-offsets --to-earliest --execute"
        )


def tell_deleted(where: TopicPartition, due: int, first: int) -> int:
    """Log which records were deleted unread; return their number."""
    log.error(
        "%s/%d: offsets %d to %d were deleted before they were read: the "
        "undecided ones among them get no decision; raise the retention of the topic",
        where.topic,
        where.partition,
        due,
        first - 1,
    )
    return first - due


def _start(first: int, held: _Held | None, done_to: int) -> Start:
    if held is None:
        due = max(first, done_to)
        return Start(first=first, due=due, committed=None, doubted=due)
    due = max(held.offset, done_to)
    if held.mark is not None:
        return Start(
            first=first,
            due=due,
            committed=held.offset,
            doubted=due,
            last=held.mark.last,
            distrusts=held.mark.distrusts,
        )
    if done_to >= held.offset:
        return Start(first=first, due=due, committed=held.offset, doubted=due)
    doubted = max(first, done_to, held.offset - _LOOKED_BACK)
    return Start(first=first, due=due, committed=held.offset, doubted=min(doubted, due))
