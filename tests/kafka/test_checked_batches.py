"""Batches taken out of a fetch, beside aiokafka's own: records, positions, checksums."""

from collections.abc import Sequence
from typing import Any

import pytest
from aiokafka import TopicPartition
from aiokafka.consumer.fetcher import READ_COMMITTED, READ_UNCOMMITTED, PartitionRecords
from aiokafka.errors import CorruptRecordException
from aiokafka.record.default_records import DefaultRecordBatchBuilder
from aiokafka.record.legacy_records import LegacyRecordBatchBuilder
from aiokafka.record.memory_records import MemoryRecords
from google_crc32c import value as crc32c
from hypothesis import given
from hypothesis import strategies as st

from streams.kafka.aiokafka_internals.fetch_decode import (
    CheckedBatches,
    UnpackedRecords,
)

WHERE = TopicPartition("t", 0)
HEADERS = [("ce_id", b"one"), ("raw", b"\xff\x00")]
ABORT = b"\0\0\0\0"
COMMIT = b"\0\0\0\1"
CONTROL = 0b10_0000
ATTRIBUTES_AT = 21
CHECKSUM_AT = 17
CHECKED_FROM = 21
CHECKS = True


def moved(batch: bytearray, base: int) -> bytes:
    """Return a batch with the offset that the broker gives it."""
    batch[0:8] = base.to_bytes(8, "big")
    return bytes(batch)


def plain(base: int, count: int, *, codec: int = 0, producer: int = -1) -> bytes:
    """Return a batch; one with a producer belongs to a transaction."""
    builder = DefaultRecordBatchBuilder(
        2, codec, int(producer >= 0), producer, 0 if producer >= 0 else -1, 0, 1 << 20
    )
    for number in range(count):
        text = b"%d" % (base + number)
        builder.append(
            number,
            1_790_000_000_000 + number,
            key=None if number % 3 == 0 else text,
            value=None if number % 5 == 4 else text * 9,
            headers=HEADERS if number % 2 else [],
        )
    return moved(builder.build(), base)


def marker(base: int, producer: int, kind: bytes) -> bytes:
    """Return the end of a transaction."""
    builder = DefaultRecordBatchBuilder(2, 0, 1, producer, 0, -1, 1 << 20)
    builder.append(0, 1_790_000_000_000, key=kind, value=b"\0" * 6, headers=[])
    made = builder.build()
    made[ATTRIBUTES_AT : ATTRIBUTES_AT + 2] = (CONTROL | 0b1_0000).to_bytes(2, "big")
    return moved(summed(made), base)


def summed(batch: bytearray) -> bytearray:
    """Give a batch that was changed the checksum that it should have."""
    batch[CHECKSUM_AT:CHECKED_FROM] = crc32c(bytes(batch[CHECKED_FROM:])).to_bytes(
        4, "big"
    )
    return batch


def legacy(base: int, count: int, magic: int) -> bytes:
    """Return records as Kafka kept them before 0.11."""
    builder = LegacyRecordBatchBuilder(magic, 0, 1 << 20)
    for number in range(count):
        builder.append(
            base + number, 1_790_000_000_000 if magic else None, b"k", b"v%d" % number
        )
    return bytes(builder.build())


Seen = tuple[int, int | None, bytes | None, bytes | None, list[Any]]


def seen(record: Any) -> Seen:  # noqa: ANN401 - theirs or ours
    headers = list(record.headers)
    return record.offset, record.timestamp, record.key, record.value, headers


def theirs(
    fetched: bytes, start: int, isolation: int, aborted: Sequence[tuple[int, int]]
) -> tuple[list[Seen], list[int]]:
    """Return what an ordinary consumer sees, and its position behind each record."""
    records = PartitionRecords(
        WHERE, MemoryRecords(fetched), aborted, start, None, None, CHECKS, isolation
    )
    found = [(seen(one), records.next_fetch_offset) for one in records]
    positions = [position for _, position in found]
    return [one for one, _ in found], [*positions, records.next_fetch_offset]


def ours(
    fetched: bytes,
    start: int,
    isolation: int,
    aborted: Sequence[tuple[int, int]],
    most: int | None,
) -> tuple[list[Seen], list[int]]:
    """Return what is taken a few at a time, and the positions in between."""
    records = UnpackedRecords(
        WHERE, CheckedBatches(fetched), aborted, start, None, None, CHECKS, isolation
    )
    found: list[Seen] = []
    positions: list[int] = []
    more = True
    while more:
        taken, more = records.take(most)
        assert most is None or len(taken) <= most
        found += map(seen, taken)
        if taken and more:
            positions.append(records.next_fetch_offset)
    return found, [*positions, records.next_fetch_offset]


def fetches(*kinds: str) -> st.SearchStrategy[list[tuple[str, int]]]:
    return st.lists(st.tuples(st.sampled_from(kinds), st.integers(1, 7)), max_size=6)


# Not mixed with older formats: aiokafka takes all of a fetch for what the first is.
FETCHES = (
    fetches("plain", "zstd", "committed", "aborted") | fetches("old") | fetches("older")
)


@given(
    FETCHES,
    st.integers(0, 12),
    st.integers(1, 5) | st.none(),
    st.sampled_from([READ_COMMITTED, READ_UNCOMMITTED]),
)
def test_records_and_positions_are_those_of_an_ordinary_consumer(
    kinds: list[tuple[str, int]], start: int, most: int | None, isolation: int
) -> None:
    fetched, base = b"", 0
    aborted: list[tuple[int, int]] = []
    for number, (kind, count) in enumerate(kinds):
        producer = number if kind in {"committed", "aborted"} else -1
        if kind in {"old", "older"}:
            fetched += legacy(base, count, 1 if kind == "old" else 0)
        else:
            codec = 4 if kind == "zstd" else 0
            fetched += plain(base, count, codec=codec, producer=producer)
        if kind == "aborted":
            aborted.append((producer, base))
        base += count
        if producer >= 0:
            fetched += marker(base, producer, ABORT if kind == "aborted" else COMMIT)
            base += 1
    rows, positions = theirs(fetched, start, isolation, aborted)
    found, stops = ours(fetched, start, isolation, aborted, most)
    assert found == rows
    assert stops[-1] == positions[-1]
    assert set(stops) <= set(positions)


def test_the_end_of_a_batch_counts_where_its_last_records_were_compacted_away() -> None:
    batch = bytearray(plain(0, 3))
    batch[23:27] = (9).to_bytes(4, "big")  # its last offset was 9
    found, positions = ours(bytes(summed(batch)), 0, READ_COMMITTED, [], 2)
    assert [row[0] for row in found] == [0, 1, 2]
    assert positions == [2, 10]


@pytest.mark.parametrize("magic", [0, 1, 2])
def test_no_byte_may_change_unnoticed(magic: int) -> None:
    whole = plain(0, 3) if magic == 2 else legacy(0, 1, magic)
    for at in range(CHECKSUM_AT, len(whole)):
        changed = bytearray(whole)
        changed[at] ^= 1
        with pytest.raises(CorruptRecordException):
            ours(bytes(changed), 0, READ_COMMITTED, [], None)


def test_what_comes_before_a_broken_batch_is_not_lost_with_it() -> None:
    broken = bytearray(plain(3, 3))
    broken[-1] ^= 1
    fetched = plain(0, 3) + bytes(broken)
    found, positions = ours(fetched, 0, READ_COMMITTED, [], 10)
    assert [row[0] for row in found] == [0, 1, 2]
    assert positions == [3]  # where the next fetch begins
    records = UnpackedRecords(
        WHERE,
        CheckedBatches(bytes(broken)),
        [],
        3,
        None,
        None,
        CHECKS,
        READ_COMMITTED,
    )
    with pytest.raises(CorruptRecordException):
        records.take(10)
    assert records.take(10) == ([], False)
    assert records.next_fetch_offset == 3  # and it stays there


def test_a_batch_that_is_cut_off_is_left_for_the_next_fetch() -> None:
    one, two = plain(0, 3), plain(3, 3)
    for size in range(len(one), len(one) + len(two)):
        fetched = (one + two)[:size]
        found, positions = ours(fetched, 0, READ_COMMITTED, [], None)
        assert [row[0] for row in found] == [0, 1, 2]
        assert positions == [3]


@pytest.mark.parametrize("size", [0, 1, 11, 12, 20, 21, 60])
def test_less_than_a_batch_is_none(size: int) -> None:
    batches = CheckedBatches(plain(0, 3)[:size])
    assert not batches.has_next()
    assert batches.size_in_bytes() == size
