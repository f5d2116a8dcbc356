"""Read compacted topics into tables: load them to their end, then follow changes.

A consumer without a group is assigned the fact partitions that belong to the buyer
partitions this worker owns, and all of the small shared topics. The topic is the
changelog: a restart reads it again, so there is no second copy to go stale.
"""

import asyncio
import logging
from collections.abc import Callable, Iterable
from typing import Any, Final

import msgspec
from aiokafka import AIOKafkaConsumer, TopicPartition

from streams.errors import FactsUnreadableError, TopicsError
from streams.kafka.aiokafka_internals.fetched import newest_answer
from streams.kafka.errors import translating
from streams.kafka.held_marks import HeldMarks
from streams.kafka.strays import Strays
from streams.kafka.topic_names import FamilyNames
from streams.logs import log_news
from streams.processing.applied import NOTHING, Applied, Misrouted, Result
from streams.processing.family import FamilyProcess
from streams.processing.watermarks import Watermarks
from streams.records.json_values import Unreadable
from streams.records.record import Record
from streams.records.unread import reason

log = logging.getLogger(__name__)

_POLL_MS: Final = 200
_POLL_RECORDS: Final = 2000
"""Most records applied between two turns of the event loop, so that deciding goes
on."""


class BadFact(msgspec.Struct, frozen=True, gc=False):
    """An unreadable fact record; it becomes a dead letter."""

    where: TopicPartition
    record: Record
    why: Unreadable


class TableReader:
    """Keeps the tables of the owned partitions and the shared tables up to date.

    Parameters
    ----------
    family
        Applies the records; opens the state of each partition.
    on_applied
        Called for every live change that may need an output, never while a partition is
        being loaded (reconciliation follows the load).
    on_bad
        Called with each unreadable record, also while loading.
    """

    def __init__(
        self,
        consumer: AIOKafkaConsumer,
        names: FamilyNames,
        family: FamilyProcess[Any, Any],
        on_applied: Callable[[int, Applied], None],
        on_bad: Callable[[BadFact], None],
    ) -> None:
        self._consumer = consumer
        self.names = names
        self._family = family
        self._on_applied = on_applied
        self._on_bad = on_bad
        self.shared = family.shared
        self.tables: dict[int, Any] = {}
        """Partition number -> state that the family has opened."""
        self.loaded: set[int] = set()
        self.shared_loaded = asyncio.Event()
        self.records_read: dict[str, int] = {}
        self.bad: dict[int, dict[tuple[str, int], BadFact]] = {}
        """Partition number -> (topic, offset) -> unreadable record; removed when its
        dead letter is written."""
        self.strays = Strays(names.audited, names.shared_partitions)
        self.held = HeldMarks()
        """Watermarks read live; they count once the topics are checked
        (:meth:`believe`)."""
        self._starts: dict[TopicPartition, int] = {}
        """Start offsets of the logs when reading began."""
        self._read_to: dict[TopicPartition, int] = {}
        self._wanted: frozenset[int] = frozenset()
        self._assigned: set[TopicPartition] = set()
        self._targets: dict[TopicPartition, int] = {}
        self._changed = asyncio.Event()
        self._moved = asyncio.Condition()
        self._appliers: dict[str, Callable[[Any, Record], Result]] = {
            names.whole(name): apply for name, apply in family.appliers.items()
        }

    # -- queries ---------------------------------------------------------------

    async def load(self, partitions: Iterable[int]) -> None:
        """Load the facts of these partitions and the shared ones to their end.

        Loaded partitions that are not requested now are dropped.
        """
        self._wanted = frozenset(partitions)
        self._changed.set()
        await self.until(
            lambda: self.shared_loaded.is_set() and self._wanted <= self.loaded
        )

    async def until(self, holds: Callable[[], bool]) -> None:
        """Wait for a condition that newly read records bring about."""
        async with self._moved:
            await self._moved.wait_for(holds)

    async def reach(self, wanted: Iterable[TopicPartition]) -> None:
        """Wait until everything written to these partitions before this call is applied.

        Partitions that are not read (any more) are not waited for.

        Raises
        ------
        FactsUnreadableError
            The broker does not answer how far the topics are written.
        """
        with translating("looking up newer facts failed", FactsUnreadableError):
            ends: dict[TopicPartition, int] = await self._consumer.end_offsets(
                list(wanted)
            )
        behind = dict(ends)
        async with self._moved:
            while True:
                for tp in list(behind):
                    if (
                        tp not in self._assigned
                        or await self._position(tp) >= behind[tp]
                    ):
                        del behind[tp]
                if not behind:
                    return
                await self._moved.wait()

    async def behind(self) -> int:
        """Ask the broker how many fact records are written but not applied."""
        assigned = list(self._assigned)
        if not assigned:
            return 0
        ends = await self._consumer.end_offsets(assigned)
        return sum([max(0, ends[tp] - await self._position(tp)) for tp in assigned])

    def heard(self) -> int | None:
        """Return when a fetch was last answered, as :meth:`streams.kafka.source.Source.heard`."""
        return newest_answer(self._consumer, self._assigned)

    # -- watermarks ------------------------------------------------------------

    def believe(self, taken: HeldMarks) -> None:
        """Apply held watermarks: their topics were still unchanged after the read."""
        for tp, record in taken.marks:
            self._apply_now(tp, [record])
        for number, heard_ms in taken.ends_ms.items():
            tables = self.tables.get(number)
            if tables is not None and number in self.loaded:
                tables.read_to_end(heard_ms)

    def compacted_starts(self) -> dict[TopicPartition, int]:
        """Return the start offsets of logs that only compaction may shorten."""
        return {
            tp: first
            for tp, first in self._starts.items()
            if tp in self._assigned and self.names.is_compacted(tp.topic)
        }

    # -- the loop --------------------------------------------------------------

    async def run(self) -> None:
        """Read until cancelled.

        Raises
        ------
        FactsUnreadableError
            The broker refused for a reason that waiting does not resolve.
        TopicsError
            A log ends before the offset it was read to.
        """
        with translating("reading facts failed", FactsUnreadableError):
            while True:
                if self._changed.is_set() or not self._assigned:
                    self._changed.clear()
                    await self._assign()
                else:
                    await self._poll()
                await self._arrived()
                if not self._targets:
                    self.strays.audit()
                await asyncio.sleep(0)

    async def _poll(self) -> None:
        """Apply the next records; stop at once when other partitions are requested.

        Cancelling it loses nothing: records are taken and applied without an await in
        between.
        """
        polling = asyncio.ensure_future(self._take())
        changing = asyncio.ensure_future(self._changed.wait())
        try:
            await asyncio.wait({polling, changing}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            changing.cancel()
            polling.cancel()  # no effect when it is done
        await asyncio.wait({polling})
        if not polling.cancelled():
            polling.result()

    async def _take(self) -> None:
        polled: dict[Any, list[Record]] = await self._consumer.getmany(
            timeout_ms=_POLL_MS, max_records=_POLL_RECORDS
        )
        # No await before this: a position says that all before it is applied.
        for tp, records in polled.items():
            if not records:
                continue
            if records[0].offset < self._read_to.get(tp, 0):
                raise TopicsError([_gone_back(tp, self._read_to[tp], records[0])])
            self._read_to[tp] = records[-1].offset + 1
            self._apply(tp, records)

    async def _assign(self) -> None:
        numbers = self._wanted  # another load may change it during the await
        for partition in set(self.tables) - numbers:
            self._drop(partition)
        wanted = {tp for number in numbers for tp in self.names.owned(number)}
        wanted.update(self.names.shared())
        keep = {tp: await self._position(tp) for tp in wanted & self._assigned}
        new = wanted - self._assigned
        for number in numbers:
            if number not in self.tables:
                tables = self._family.open(number)
                tables.loading = True
                self.tables[number] = tables
        if wanted != self._consumer.assignment():
            # Assigning first makes the client fetch metadata of all topics at once; new
            # partitions start at their beginning by themselves.
            self._consumer.assign(list(wanted))
            for tp, offset in keep.items():
                self._consumer.seek(tp, offset)
        self._assigned = wanted
        if new:
            self._targets.update(await self._consumer.end_offsets(list(new)))
            self._starts.update(await self._consumer.beginning_offsets(list(new)))
        policies = self.names.policies
        if policies in new and self._starts[policies]:
            self.shared.policies_cut()
            log_news(log, self.shared.news)

    def _drop(self, partition: int) -> None:
        self.tables.pop(partition, None)
        self.loaded.discard(partition)
        self.strays.drop(partition)
        names = {tp.topic for tp in self.names.owned(partition)}
        bad = self.bad.get(partition, {})
        self.bad[partition] = {
            at: fact for at, fact in bad.items() if at[0] not in names
        }
        owned = self.names.owned(partition)
        self._assigned -= set(owned)
        for tp in owned:
            self._read_to.pop(tp, None)
        self.held.forget(owned)

    def _apply(self, tp: TopicPartition, records: list[Record]) -> None:
        self.records_read[tp.topic] = self.records_read.get(tp.topic, 0) + len(records)
        marks = self._marks(tp)
        if marks is not None:
            records = self.held.sift(tp, records, marks)
        self._apply_now(tp, records)

    def _marks(self, tp: TopicPartition) -> Watermarks | None:
        """Return the watermarks of a loaded partition, if it has any."""
        name = self.names.short(tp.topic)
        if tp.topic not in self._appliers:
            if not self.shared_loaded.is_set():
                return None
            return self.shared.marks(name, tp.partition)
        tables = self.tables.get(tp.partition)
        if tables is None or tp.partition not in self.loaded:
            return None
        marks: Watermarks | None = tables.marks(name)
        return marks

    def _apply_now(self, tp: TopicPartition, records: list[Record]) -> None:
        apply = self._appliers.get(tp.topic)
        if apply is None:
            for record in records:
                self._note(tp, record, self._apply_shared(tp, record))
            return
        tables = self.tables.get(tp.partition)
        if tables is None:  # dropped meanwhile
            return
        for record in records:
            applied = apply(tables, record)
            if applied is not NOTHING:
                self._note(tp, record, applied)

    def _apply_shared(self, tp: TopicPartition, record: Record) -> Result:
        policies = tp == self.names.policies
        if not policies:
            self.strays.check_key(tp, record)
        name = self.names.short(tp.topic)
        applied = self.shared.apply(name, tp.partition, record)
        if policies:
            log_news(log, self.shared.news)
        return applied

    def _note(self, tp: TopicPartition, record: Record, applied: Result) -> None:
        if applied is NOTHING:
            return
        if isinstance(applied, Misrouted):
            self.strays.note(tp, record.offset, applied.expected)
            self._note(tp, record, applied.applied)
            return
        if isinstance(applied, Unreadable):
            found = self.bad.setdefault(tp.partition, {})
            why = reason(record, applied)
            bad = found[tp.topic, record.offset] = BadFact(tp, record, why)
            self._on_bad(bad)
            return
        if tp.partition in self.loaded:
            self._on_applied(tp.partition, applied)

    async def _arrived(self) -> None:
        """Remove targets that are reached, and date the dated topic."""
        for tp in list(self._targets):
            if (
                tp not in self._assigned
                or await self._position(tp) >= self._targets[tp]
            ):
                del self._targets[tp]
        if not self.shared_loaded.is_set() and not any(
            tp in self._targets for tp in self.names.shared()
        ):
            self.shared_loaded.set()
        for number, tables in self.tables.items():
            owned = self.names.owned(number)
            if (
                number not in self.loaded
                and not any(tp in self._targets for tp in owned)
                and self._is_heard(number)
            ):
                self.loaded.add(number)
                self.strays.audit_later(number, tables.loaded())
            await self._date(number)
        async with self._moved:
            self._moved.notify_all()

    def _is_heard(self, number: int) -> bool:
        """Whether a fetch of the dated topic was answered; an empty one has no record to wait for.

        Without an answer nobody knows up to when its records are known, and requests
        would go to a person until the first one.
        """
        topic = self.names.dated
        where = None if topic is None else TopicPartition(topic, number)
        if where not in self._assigned:
            return True
        return self._consumer.last_poll_timestamp(where) is not None

    async def _date(self, number: int) -> None:
        """Note when the dated topic of a partition was last read to its end."""
        topic = self.names.dated
        if topic is None:
            return
        where = TopicPartition(topic, number)
        if where not in self._assigned or number not in self.loaded:
            return
        heard: int | None = self._consumer.last_poll_timestamp(where)
        end: int | None = self._consumer.highwater(where)
        if heard is not None and end is not None and await self._position(where) >= end:
            self.held.ends_ms[number] = heard

    async def _position(self, tp: TopicPartition) -> int:
        return int(await self._consumer.position(tp))


def _gone_back(tp: TopicPartition, read_to: int, record: Record) -> str:
    return (
        f"{tp.topic}/{tp.partition}: was read to offset {read_to} and continues at "
        f"{record.offset}: "
        "the topic was recreated or has lost records; make sure that its feed has "
        "written all of them again, then restart the workers"
    )
