"""Topics in memory."""

import asyncio
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from typing import Any

from aiokafka import TopicPartition
from aiokafka.record.util import decode_varint

from streams.kafka.aiokafka_internals.topic_ids import TopicNow
from streams.records.record_format import Block, Header
from streams.records.remains import RawHeader
from streams.records.unread import Bounds, undecodable
from testkit.samples import PARTITIONS

Headers = Sequence[Header]


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


async def turns(count: int = 10) -> None:
    """Let other tasks run: what needs no waiting has happened afterwards."""
    for _ in range(count):
        await asyncio.sleep(0)
