"""Where reading of the input begins, and whether the group's offsets belong to its log.

The group keeps numbers. Before one is believed, the log must be the one that it was
committed for: by the id of its topic, by its end, and by the last record before the
offset (:mod:`streams.kafka.commit_marks`). Otherwise requests would be passed over in
silence as soon as the new log is as long as the old one was.
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
"""Records before an offset of unknown origin that are looked at, at most."""


class Start(msgspec.Struct, frozen=True, kw_only=True):
    """Where reading of one partition begins."""

    first: int
    """The oldest offset of the log."""
    due: int
    """The offset that comes next; below ``first`` when records were deleted unread."""
    committed: int | None
    """What the group holds; None = nothing."""
    doubted: int
    """From here to ``due`` nobody vouches that requests have an answer: the group's
    offset was moved by somebody else. ``due`` when it is ours."""
    last: LastRecord | None = None
    """The last record before ``due``, when it is known."""
    distrusts: str | None = None
    """The version whose fast path was found wrong, as was committed; None = none."""

    @property
    def offset(self) -> int:
        """Where reading begins: at what is due, as far as it is there."""
        return max(self.first, self.due)


class _Held(msgspec.Struct, frozen=True):
    """What the group holds for a partition."""

    offset: int
    mark: Mark | None


class InputLog:
    """The input partitions of one group member, as log and group tell of them.

    Parameters
    ----------
    group_id
        Of the member; problems name it.
    member
        The consumer that belongs to the group.
    asking
        A consumer without a group that reads uncommitted; nothing else assigns to it.
    incarnations
        Watches the input topic.
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
        """Return the id of the topic since this process began."""
        return self._incarnations.id_of(topic)

    async def is_the_same(self) -> None:
        """Look whether a log that lacks our position is still the one that we read.

        Raises
        ------
        TopicsError
            It is another one.
        KafkaError
            Nobody tells.
        """
        await self._incarnations.look_patiently()

    async def starts(
        self,
        assigned: Collection[TopicPartition],
        done_to: Mapping[TopicPartition, int],
    ) -> dict[TopicPartition, Start]:
        """Return where each partition begins.

        Parameters
        ----------
        done_to
            Where this process has everything acknowledged, whatever the group took.

        Raises
        ------
        TopicsError
            The group's offsets are those of another log; one line a topic or partition.
        KafkaError
            The broker does not tell.
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
        """Name what ids and ends tell: one line a topic that was made anew."""
        anew: set[str] = set()
        for where, one in sorted(held.items()):
            now = self.topic_id(where.topic)
            then = one.mark.topic if one.mark is not None else None
            if None not in (now, then) and now != then:
                if where.topic not in anew:
                    yield (
                        f"{where.topic}: deleted and made anew since the group "
                        f"{self._group_id} committed its offsets (it had the id {then}, "
                        f"now {now}); {self._advice(where.topic)}"
                    )
                anew.add(where.topic)
            elif one.offset > ends[where]:
                yield (
                    f"{where.topic}/{where.partition}: the group {self._group_id} has "
                    f"committed {one.offset}, and the log ends at {ends[where]}: it was "
                    f"made anew or has lost records; {self._advice(where.topic)}"
                )

    async def _other_records(
        self, held: Mapping[TopicPartition, _Held], firsts: Mapping[TopicPartition, int]
    ) -> list[str]:
        """Name partitions whose last record before the offset is another one now."""
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
        # Deleted by retention while we looked: then nobody can tell.
        now = await self._member.beginning_offsets(changed) if changed else {}
        return [
            f"{where.topic}/{where.partition}: at offset {wanted[where].offset}, before "
            f"the one that the group {self._group_id} has committed, stands another "
            f"record than then: the topic was made anew or has lost records; "
            f"{self._advice(where.topic)}"
            for where in changed
            if now[where] <= wanted[where].offset
        ]

    async def _records_at(
        self, wanted: Mapping[TopicPartition, int]
    ) -> dict[TopicPartition, LastRecord]:
        """Read the records at some offsets; those that are not there are left out."""
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
            "what it held and nobody decided is gone, ask its senders for it; then stop "
            f"all workers and have everything read that is there now: kafka-consumer-"
            f"groups.sh --bootstrap-server HOST:PORT --group {self._group_id} --topic "
            f"{topic} --reset-offsets --to-earliest --execute"
        )


def tell_deleted(where: TopicPartition, due: int, first: int) -> int:
    """Write to the log which records were deleted unread; return how many."""
    log.error(
        "%s/%d: offsets %d to %d were deleted before they were read: those that "
        "have no decision yet get none; make the topic keep its records longer",
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
