"""Batches that aiokafka cannot take apart, or takes apart wrongly: each record costs itself."""

from collections.abc import Sequence
from typing import Any

import pytest
from aiokafka import TopicPartition
from aiokafka.consumer.fetcher import READ_COMMITTED, PartitionRecords
from aiokafka.record.memory_records import MemoryRecords
from hypothesis import given
from hypothesis import strategies as st

from faults.hostile import KINDS, bomb
from faults.raw import RawBatch, RawRecord
from streams.kafka.aiokafka_internals.fetch_decode import (
    CheckedBatches,
    PlacedRecords,
    UnpackedRecords,
)
from streams.kafka.tolerant import take_apart
from streams.records.json_values import Unreadable
from streams.records.record_format import BEGINNING
from streams.records.remains import checksum
from streams.records.unread import Bounds, Unread, recalled

WHERE = TopicPartition("t", 0)
BOUNDS = Bounds(65_536, 1_000_000)
CHECKS = True
GOOD = RawRecord(key=b"k", value=b"good")


def stored(batch: RawBatch, base: int = 0) -> bytes:
    """Return a batch as a broker keeps it."""
    return base.to_bytes(8, "big") + batch.built()[8:]


def fetched(*batches: RawBatch) -> bytes:
    found, base = b"", 0
    for batch in batches:
        found += stored(batch, base)
        base += batch.record_count()
    return found


def read(data: bytes, start: int = 0, most: int | None = None) -> tuple[list[Any], int]:
    """Return what a consumer of ours sees, and its position afterwards."""
    records = UnpackedRecords(
        WHERE,
        CheckedBatches(data),
        [],
        start,
        None,
        None,
        CHECKS,
        READ_COMMITTED,
        bounds=BOUNDS,
    )
    found: list[Any] = []
    more = True
    while more:
        taken, more = records.take(most)
        found += taken
    return found, records.next_fetch_offset


def places(found: Sequence[Any]) -> list[tuple[int, bool]]:
    """Offsets, and whether there is a record that is read."""
    return [(one.offset, not isinstance(one, Unread)) for one in found]


NO_RECORD = {
    "a header name that is not UTF-8",
    "such a name, in a compressed batch, beside a good record",
    "a key of a megabyte",
    "a trace of a megabyte",
    "a value of ten megabytes, compressed",
}
"""Kinds whose hostile record is not read."""


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("most", [None, 1])
def test_a_hostile_record_takes_its_own_offset_and_no_other(
    kind: str, most: int | None
) -> None:
    hostile = KINDS[kind](b"r", b'{"refund_id": "r"}')
    count = hostile.record_count()
    data = fetched(RawBatch([GOOD, GOOD]), hostile, RawBatch([GOOD]))
    found, position = read(data, most=most)
    assert position == 3 + count
    assert [one.offset for one in found] == list(range(3 + count))
    good = {0, 1, 2 + count} | ({3} if count == 2 else set())
    if kind not in NO_RECORD:
        good.add(2)
    assert {at for at, is_read in places(found) if is_read} == good
    if count == 2:
        assert (found[3].key, found[3].value) == (b"r", b'{"refund_id": "r"}')


@pytest.mark.parametrize("kind", KINDS)
def test_tools_see_the_same_with_the_place_of_each_and_a_word_on_what_is_not_read(
    kind: str,
) -> None:
    hostile = KINDS[kind](b"r", b'{"refund_id": "r"}')
    data = fetched(RawBatch([GOOD]), hostile)
    records = PlacedRecords(
        WHERE,
        CheckedBatches(data),
        [],
        0,
        None,
        None,
        CHECKS,
        READ_COMMITTED,
    )
    found = list(records)
    assert [one.offset for one in found] == list(range(1 + hostile.record_count()))
    assert {(one.topic, one.partition) for one in found} == {("t", 0)}
    told = [one for one in found if dict(one.headers).get("refund_unread")]
    assert len(told) == ("UTF-8" in kind or "such a name" in kind)
    assert records.next_fetch_offset == 1 + hostile.record_count()


def test_a_captured_record_that_could_not_be_taken_apart_stays_unread_in_a_backtest() -> (
    None
):
    hostile = KINDS["a header name that is not UTF-8"](b"r", b'{"refund_id": "r"}')
    data = fetched(RawBatch([GOOD]), hostile)
    good, odd = PlacedRecords(
        WHERE, CheckedBatches(data), [], 0, None, None, CHECKS, READ_COMMITTED
    )
    assert recalled(good) is good
    again = recalled(odd)
    assert isinstance(again, Unread)
    assert (again.offset, again.key, again.value) == (1, b"r", b"")
    assert again.why == Unreadable("undecodable", "a header's name is not UTF-8")


def test_aiokafka_itself_loses_a_record_to_attributes_that_nobody_uses() -> None:
    odd = RawRecord(key=b"k", value=b"v", attributes=b"\x80")
    data = fetched(RawBatch([odd, GOOD]))
    records = PartitionRecords(
        WHERE,
        MemoryRecords(data),
        [],
        0,
        None,
        None,
        CHECKS,
        READ_COMMITTED,
    )
    assert [one.value for one in records] == [b"v"]  # why we look at offsets
    assert [one.value for one in read(data)[0]] == [b"v", b"good"]


@pytest.mark.parametrize("deltas", [(7, 1), (-1, 1), (1, 0), (0, 0), (1, 1), (0, 7, 2)])
def test_records_that_claim_other_offsets_get_those_that_the_broker_gave_them(
    deltas: tuple[int, ...],
) -> None:
    batch = RawBatch([RawRecord(value=b"%d" % at, delta=at) for at in deltas])
    found, position = read(stored(batch, 40), 40)
    assert [one.offset for one in found] == [40 + at for at in range(len(deltas))]
    assert [one.value for one in found] == [b"%d" % at for at in deltas]
    assert position == 40 + len(deltas)


def test_gaps_that_compaction_left_stay_gaps_beside_a_record_that_is_not_read() -> None:
    gone = RawBatch(
        [
            GOOD,
            RawRecord(key=b"h", headers=[(b"\xff", None)], delta=4),
            RawRecord(delta=7),
        ]
    )
    data = bytearray(stored(gone))
    data[23:27] = (9).to_bytes(4, "big")
    found = take_apart(bytes(data), BOUNDS)
    assert places(found) == [(0, True), (4, False), (7, True)]


def test_what_is_left_of_a_record_with_a_bad_name_is_whole_but_for_its_headers() -> (
    None
):
    headers = ((b"\xff", b"1"), (b"good", b"2"))
    record = RawRecord(key=b"k", value=b"v" * 99, headers=headers)
    ((found,), _) = read(stored(RawBatch([record], at_ms=5)))
    assert isinstance(found, Unread)
    assert (found.key, found.value, found.timestamp) == (b"k", b"", 5)
    assert found.why.error == "undecodable"
    left = found.remains
    assert (left.key, left.value, left.headers) == (b"k", b"v" * 99, [("good", b"2")])
    assert left.cut == ("headers",)
    assert left.checksum == checksum(b"k", b"v" * 99, headers)


def test_a_batch_that_unpacks_to_too_much_is_one_letter_for_all_its_offsets() -> None:
    bombs = stored(bomb(b"k"), 10)
    data = stored(RawBatch([GOOD]), 9) + bombs + stored(RawBatch([GOOD]), 11)
    found, position = read(data, 9)
    assert places(found) == [(9, True), (10, False), (11, True)]
    assert position == 12
    left = found[1].remains
    assert (left.size, left.checksum) == (len(bombs), checksum(None, bombs, ()))
    assert "unpacks to more than" in found[1].why.message


@pytest.mark.parametrize("codec", [None, "gzip", "snappy", "lz4", "zstd"])
@given(st.data())
def test_whatever_bytes_a_batch_has_its_offsets_are_passed_and_nothing_is_raised(
    codec: str | None, data: st.DataObject
) -> None:
    whole = bytearray(stored(RawBatch([GOOD, GOOD, GOOD], codec), 3))
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(BEGINNING.size + 40, len(whole) - 1))
        whole[at] = data.draw(st.integers(0, 255))
    found = take_apart(bytes(whole), BOUNDS)
    assert found
    assert all(3 <= one.offset <= 5 for one in found)
    offsets = [one.offset for one in found]
    assert offsets == sorted(set(offsets))
    if len(found) < 3:
        assert isinstance(found[0], Unread)
        assert found[0].remains.last_offset == 5


def test_a_position_within_a_batch_that_has_one_letter_for_all_makes_no_second_one() -> (
    None
):
    broken = RawBatch([GOOD, GOOD], "lz4")
    data = bytearray(stored(broken))
    data[BEGINNING.size + 40 + 4] ^= 0xFF
    whole = take_apart(bytes(data), BOUNDS)
    assert [(one.offset, one.remains.last_offset) for one in whole] == [(0, 1)]  # type: ignore[attr-defined]  # one that is not read
