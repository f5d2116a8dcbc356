"""A broker in memory, and clients with the part of aiokafka that our layer uses.

They work: what a producer writes a consumer reads, offsets are kept per group, a
rebalance calls the listener as aiokafka does (its exceptions are swallowed). Tests
can hold acknowledgements back and make the next call of a method fail.
"""

import asyncio
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from aiokafka import TopicPartition
from aiokafka.errors import IllegalStateError, OffsetOutOfRangeError
from aiokafka.record.util import decode_varint
from aiokafka.structs import OffsetAndMetadata

from streams.kafka.aiokafka_internals.topic_ids import TopicNow
from streams.kafka.incarnations import Expected, Incarnations
from streams.kafka.input_log import InputLog
from streams.records.outgoing import Block, Header, Outgoing
from streams.records.remains import RawHeader
from streams.records.unread import Bounds, undecodable
from testkit.samples import PARTITIONS

Headers = Sequence[Header]

_PATIENCE_S = 0.005
"""A poll that finds nothing waits no longer, whatever it was asked to."""


def headers_in(block: Block) -> list[Header]:
    """Read headers as aiokafka does."""
    data = bytearray(block)
    count, at = decode_varint(data, 0)
    pieces: list[bytes | None] = []
    for _ in range(2 * count):
        size, at = decode_varint(data, at)
        pieces.append(None if size < 0 else block[at : at + size])
        at += max(size, 0)
    assert at == len(block)
    names = [(name or b"").decode() for name in pieces[::2]]
    return list(zip(names, pieces[1::2], strict=True))


@dataclass(frozen=True)
class FakeRecord:
    """One record, as a consumer hands it out."""

    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    headers: tuple[Header, ...] = ()
    timestamp: int = 0


@dataclass
class FakeLog:
    """Topics in memory, and the offsets that groups committed."""

    clock_ms: Callable[[], int] = lambda: 0
    records: dict[TopicPartition, list[Any]] = field(
        default_factory=lambda: defaultdict(list)
    )
    starts: dict[TopicPartition, int] = field(default_factory=dict)
    ends: dict[TopicPartition, int] = field(default_factory=dict)
    committed: dict[TopicPartition, int] = field(default_factory=dict)
    metadata: dict[TopicPartition, str] = field(default_factory=dict)
    """What was committed beside the offsets; other groups leave it empty."""
    made: Counter[str] = field(default_factory=Counter)
    """How often a topic was made anew."""
    unstable: dict[TopicPartition, int] = field(default_factory=dict)
    """Where a transaction begins that is open: records from there on are not committed."""
    partitions: dict[str, int] = field(default_factory=dict)
    """Of topics that have others than they should have."""
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    def write(
        self,
        where: TopicPartition,
        value: bytes | None,
        key: bytes | None = None,
        headers: Headers = (),
    ) -> int:
        """Append one record and return its offset."""
        offset = self.end(where)
        self.records[where].append(
            FakeRecord(
                where.topic,
                where.partition,
                offset,
                key,
                value,
                tuple(headers),
                self.clock_ms(),
            )
        )
        self.ends[where] = offset + 1
        self.changed.set()
        return offset

    def write_unread(
        self,
        where: TopicPartition,
        key: bytes | None,
        value: bytes,
        headers: Sequence[RawHeader] = ((b"\xff", b"1"),),
    ) -> int:
        """Append a record that a client cannot take apart, as a consumer hands it out."""
        at = self.end(where), self.clock_ms()
        bounds = Bounds(65_536, 1_000_000)
        told = undecodable((key, value, headers), at, "a header's name", bounds)
        self.records[where].append(told)
        self.ends[where] = at[0] + 1
        self.changed.set()
        return at[0]

    def skip(self, where: TopicPartition, count: int = 1) -> None:
        """Leave a gap: offsets that hold no record, such as transaction markers."""
        self.ends[where] = self.end(where) + count
        self.changed.set()

    def make_anew(self, where: TopicPartition) -> None:
        """Delete a log and make another one under its name; groups lose its offsets."""
        self.made[where.topic] += 1
        for state in (self.records, self.starts, self.ends, self.committed):
            state.pop(where, None)
        self.changed.set()

    async def topics_now(self, names: Collection[str]) -> dict[str, TopicNow]:
        """Tell what stands behind names, as a broker does."""
        await turns(3)  # as long as a broker takes
        usual = {name: 1 if "policies" in name else PARTITIONS for name in names}
        return {
            name: TopicNow(count, f"{name}-{self.made[name]}")
            for name, count in (usual | self.partitions).items()
            if name in usual and count
        }

    def stable_end(self, where: TopicPartition) -> int:
        return min(self.end(where), self.unstable.get(where, self.end(where)))

    def end(self, where: TopicPartition) -> int:
        return self.ends.get(where, self.starts.get(where, 0))

    def values(self, topic: str, partition: int = 0) -> list[bytes | None]:
        return [one.value for one in self.records[TopicPartition(topic, partition)]]


class _Failing:
    """Makes the next calls of a method raise."""

    def __init__(self) -> None:
        self.failures: dict[str, list[BaseException]] = defaultdict(list)

    def fail(self, method: str, *problems: BaseException) -> None:
        self.failures[method] += problems

    def _may_fail(self, method: str) -> None:
        if self.failures[method]:
            raise self.failures[method].pop(0)


@dataclass
class _State:
    position: int
    paused: bool = False
    highwater: int | None = None
    stable: int | None = None
    heard_ms: int | None = None


class FakeConsumer(_Failing):
    """A consumer with or without a group."""

    def __init__(
        self, log: FakeLog, isolation: str = "read_committed", reset: str = "none"
    ) -> None:
        super().__init__()
        self.log = log
        self._resets = reset == "earliest"
        self._end = log.end if isolation == "read_uncommitted" else log.stable_end
        self.listener: Any = None
        self.swallowed: list[Exception] = []
        self.commits: list[dict[TopicPartition, int]] = []
        self.assigned_times = 0
        self.ends_asked: list[frozenset[str]] = []
        """Topics of each call of ``end_offsets``."""
        self._states: dict[TopicPartition, _State] = {}

    def subscribe(self, _topics: list[str], listener: Any) -> None:  # noqa: ANN401 - as aiokafka
        self.listener = listener

    async def rebalance(self, *assigned: TopicPartition) -> None:
        """Take everything away, then give what is named: eager, as aiokafka does it."""
        revoked = set(self._states)
        await self._tell(self.listener.on_partitions_revoked, revoked)
        self._states = {
            where: _State(self.log.committed.get(where, self._start(where)))
            for where in assigned
        }
        await self._tell(self.listener.on_partitions_assigned, set(assigned))

    async def _tell(
        self, callback: Callable[[set[TopicPartition]], Any], what: set[TopicPartition]
    ) -> None:
        try:
            await callback(what)
        except Exception as problem:  # noqa: BLE001 - as aiokafka
            self.swallowed.append(problem)

    def _start(self, where: TopicPartition) -> int:
        return self.log.starts.get(where, 0)

    def assign(self, partitions: Iterable[TopicPartition]) -> None:
        self.assigned_times += 1
        self._states = {where: _State(self._start(where)) for where in partitions}

    def assignment(self) -> frozenset[TopicPartition]:
        return frozenset(self._states)

    def seek(self, where: TopicPartition, offset: int) -> None:
        self._state(where).position = offset

    def pause(self, *partitions: TopicPartition) -> None:
        for where in partitions:
            self._state(where).paused = True

    def resume(self, *partitions: TopicPartition) -> None:
        for where in partitions:
            self._state(where).paused = False
        self.log.changed.set()

    async def position(self, where: TopicPartition) -> int:
        self._may_fail("position")
        return self._state(where).position

    def highwater(self, where: TopicPartition) -> int | None:
        return self._state(where).highwater

    def last_stable_offset(self, where: TopicPartition) -> int | None:
        return self._state(where).stable

    def last_poll_timestamp(self, where: TopicPartition) -> int | None:
        return self._state(where).heard_ms

    async def beginning_offsets(
        self, partitions: Iterable[TopicPartition]
    ) -> dict[TopicPartition, int]:
        self._may_fail("beginning_offsets")
        await turns(3)  # as long as a broker takes
        return {where: self._start(where) for where in partitions}

    async def end_offsets(
        self, partitions: Iterable[TopicPartition]
    ) -> dict[TopicPartition, int]:
        self._may_fail("end_offsets")
        self.ends_asked.append(frozenset(where.topic for where in partitions))
        await turns(3)  # as long as a broker takes
        return {where: self._end(where) for where in partitions}

    async def offsets_for_times(
        self, times_ms: dict[TopicPartition, int]
    ) -> dict[TopicPartition, Any]:
        self._may_fail("offsets_for_times")
        await turns(3)  # as long as a broker takes
        return {
            where: next(
                (one for one in self.log.records[where] if one.timestamp >= from_ms),
                None,
            )
            for where, from_ms in times_ms.items()
        }

    @property
    def _coordinator(self) -> "FakeConsumer":
        return self

    async def fetch_committed_offsets(
        self, partitions: Iterable[TopicPartition]
    ) -> dict[TopicPartition, OffsetAndMetadata]:
        self._may_fail("committed")
        await turns(3)  # as long as a broker takes
        return {
            where: OffsetAndMetadata(
                self.log.committed[where], self.log.metadata.get(where, "")
            )
            for where in partitions
            if where in self.log.committed
        }

    async def commit(self, offsets: dict[TopicPartition, tuple[int, str]]) -> None:
        self._may_fail("commit")
        await turns(3)  # as long as a broker takes
        for where in offsets:
            self._state(where)
        taken = {where: offset for where, (offset, _) in offsets.items()}
        self.commits.append(taken)
        self.log.committed.update(taken)
        self.log.metadata.update({at: text for at, (_, text) in offsets.items()})

    async def getmany(
        self, *, timeout_ms: int = 0, max_records: int | None = None
    ) -> dict[TopicPartition, list[FakeRecord]]:
        self._may_fail("getmany")
        if not (found := self._drain(max_records)) and timeout_ms:
            self.log.changed.clear()
            try:
                async with asyncio.timeout(min(timeout_ms / 1000, _PATIENCE_S)):
                    await self.log.changed.wait()
            except TimeoutError:
                pass
            found = self._drain(max_records)
        return found

    def _drain(self, max_records: int | None) -> dict[TopicPartition, list[FakeRecord]]:
        found: dict[TopicPartition, list[FakeRecord]] = {}
        left = max_records
        for where, state in self._states.items():
            if state.paused or left == 0:
                continue
            if not self._start(where) <= state.position <= self.log.end(where):
                if not self._resets:
                    raise OffsetOutOfRangeError({where: state.position})
                state.position = self._start(where)
            end = self._end(where)
            state.highwater, state.stable = self.log.end(where), end
            state.heard_ms = self.log.clock_ms()
            there = [
                one
                for one in self.log.records[where]
                if max(state.position, self._start(where)) <= one.offset < end
            ]
            records = there[:left]
            if records:
                found[where] = records
                left = None if left is None else left - len(records)
            more = len(records) < len(there)
            if not more:
                state.position = max(state.position, end)
            elif records:
                state.position = records[-1].offset + 1
        return found

    def _state(self, where: TopicPartition) -> _State:
        if where not in self._states:
            raise IllegalStateError(f"Partition {where} is not assigned")
        return self._states[where]


def input_log(log: FakeLog, member: FakeConsumer, topic: str) -> InputLog:
    """Return what tells a source where its partitions begin."""
    incarnations = Incarnations(
        log.topics_now,
        {topic: Expected(partitions=PARTITIONS, advice="ask")},
        log.clock_ms,
    )
    asking = FakeConsumer(log, "read_uncommitted")
    return InputLog("group", member, asking, incarnations)


@dataclass
class FakeBatch:
    """A batch that is full after some records; the first one always fits."""

    room: int
    records: list[tuple[bytes | None, bytes | None, Headers]] = field(
        default_factory=list
    )
    closed: bool = False

    def add(self, records: Sequence[Outgoing]) -> int:
        taken = records[: 0 if self.closed else self.room - len(self.records)]
        self.records += [(key, value, headers_in(block)) for key, value, block in taken]
        return len(taken)

    def record_count(self) -> int:
        return len(self.records)

    def close(self) -> None:
        self.closed = True


@dataclass(frozen=True)
class FakeAcknowledgement:
    offset: int


@dataclass
class Sending:
    """One batch on its way."""

    where: TopicPartition
    batch: FakeBatch
    answer: "asyncio.Future[FakeAcknowledgement]"


class FakeProducer(_Failing):
    """A producer, and its batches, whose acknowledgements can be held back."""

    def __init__(self, log: FakeLog, room: int = 1000) -> None:
        super().__init__()
        self.log = log
        self.room = room
        self.full_bytes = 1_000_000
        self.held = False
        self.says_offsets = True
        self.quick_ones: list[FakeBatch] = []
        """Batches made for partitions that were idle."""
        self.sent: list[FakeBatch] = []
        self.waiting: list[Sending] = []

    def quick(self) -> FakeBatch:
        self.quick_ones.append(batch := FakeBatch(self.room))
        return batch

    def full(self) -> FakeBatch:
        return FakeBatch(self.room)

    async def send_batch(
        self,
        batch: Any,  # noqa: ANN401 - ours, or whatever the sink's protocol allows
        topic: str,
        *,
        partition: int,
    ) -> "asyncio.Future[Any]":
        self._may_fail("send_batch")
        assert batch.closed
        self.sent.append(batch)
        sending = Sending(
            TopicPartition(topic, partition),
            batch,
            asyncio.get_running_loop().create_future(),
        )
        if self.held:
            self.waiting.append(sending)
        else:
            self._write(sending)
        return sending.answer

    def acknowledge(self, count: int = 1) -> None:
        """Write the batches that wait longest."""
        for sending in self.waiting[:count]:
            self._write(sending)
        del self.waiting[:count]

    def refuse(self, problem: Exception) -> None:
        """Answer the batch that waits longest with an error."""
        self.waiting.pop(0).answer.set_exception(problem)

    def _write(self, sending: Sending) -> None:
        first = self.log.end(sending.where)
        for key, value, headers in sending.batch.records:
            self.log.write(sending.where, value, key, headers)
        if not sending.answer.cancelled():
            sending.answer.set_result(
                FakeAcknowledgement(first if self.says_offsets else -1)
            )


async def turns(count: int = 10) -> None:
    """Let other tasks run: what needs no waiting has happened afterwards."""
    for _ in range(count):
        await asyncio.sleep(0)
