import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from testkit.simulated.error_codes import ErrorCode
from testkit.simulated.logs.batches import batches_of, checksum_holds
from testkit.simulated.logs.partition_log import PartitionLog, empty_log
from testkit.simulated.logs.results import AppendResult
from tests.testkit.simulated.written import NOW_MS, batch, some

LARGEST = 2**31 - 1


def append(log: PartitionLog, data: bytes) -> AppendResult:
    result = log.append(data, NOW_MS)
    log.advance(log.end_offset)
    return result


def sent(first: int, count: int = 1, *, epoch: int = 0, tx: bool = False) -> bytes:
    return batch(some(count), producer=(7, epoch, first), transactional=tx)


def end(log: PartitionLog, *, commit: bool, epoch: int = 0) -> AppendResult:
    result = log.write_marker(7, epoch, NOW_MS, commit=commit)
    log.advance(log.end_offset)
    return result


def test_a_batch_gets_its_offset_and_keeps_its_checksum() -> None:
    log = empty_log()
    append(log, batch(some(3)))
    result = log.append(batch(some(2)), NOW_MS, leader_epoch=4)
    assert (result.base_offset, result.next_offset) == (3, 5)
    (_, second) = batches_of(b"".join(one.data for one in log.batches()))
    assert (second.base_offset, second.leader_epoch) == (3, 4)
    assert checksum_holds(second)
    assert [record.offset for record in log.decode()] == [0, 1, 2, 3, 4]


def test_a_read_begins_with_the_batch_that_has_the_offset() -> None:
    log = empty_log()
    for _ in range(3):
        append(log, batch(some(4)))
    (first, second) = batches_of(log.read(6, 10_000, 12))
    assert (first.base_offset, second.base_offset) == (4, 8)


def test_a_read_ends_in_the_middle_of_a_batch_where_its_bytes_end() -> None:
    log = empty_log()
    for _ in range(3):
        append(log, batch(some(4)))
    size = len(batch(some(4)))
    assert len(log.read(0, size + 10, 12)) == size + 10


def test_a_first_batch_that_is_too_large_comes_whole_or_not_at_all() -> None:
    log = empty_log()
    append(log, batch(some(4)))
    assert len(log.read(0, 10, 4)) == len(batch(some(4)))
    assert log.read(0, 10, 4, whole=False) == b""


def test_nothing_is_read_from_the_end_of_the_readable_part_on() -> None:
    log = empty_log()
    append(log, batch(some(4)))
    log.append(batch(some(4)), NOW_MS)
    assert [one.base_offset for one in batches_of(log.read(0, 10_000, 4))] == [0]
    assert log.read(4, 10_000, 4) == b""


@pytest.mark.parametrize(
    ("data", "error"),
    [
        (batch()[:-1], ErrorCode.INVALID_RECORD),
        (batch() + batch(), ErrorCode.INVALID_RECORD),
        (batch()[:-1] + b"\xff", ErrorCode.CORRUPT_MESSAGE),
        (batch([(b"k", bytes(2**20))]), ErrorCode.MESSAGE_TOO_LARGE),
        (batch(producer=(7, 0, -1)), ErrorCode.INVALID_RECORD),
        (
            batch(at_ms=lambda _: NOW_MS + 3_600_001),
            ErrorCode.INVALID_TIMESTAMP,
        ),
    ],
    ids=["cut", "two", "checksum", "too large", "no sequence", "from the future"],
)
def test_a_bad_batch_is_refused_and_leaves_the_log_as_it_was(
    data: bytes, error: ErrorCode
) -> None:
    log = empty_log()
    assert append(log, data).error == error
    assert log.end_offset == 0


def test_a_compacted_topic_refuses_a_record_without_a_key() -> None:
    log = empty_log({"cleanup.policy": "compact"})
    assert append(log, batch([(None, b"v")])).error == ErrorCode.INVALID_RECORD
    assert append(log, batch([(b"k", None)])).error == ErrorCode.NONE


def test_a_broker_that_sets_the_time_says_so_and_writes_a_new_checksum() -> None:
    log = empty_log({"message.timestamp.type": "LogAppendTime"})
    result = log.append(batch(some(2), at_ms=lambda _: 5), NOW_MS)
    assert result.append_ms == NOW_MS
    (stored,) = log.batches()
    assert checksum_holds(stored)
    assert {record.timestamp_ms for record in log.decode()} == {NOW_MS}


# -- idempotent producers ---------------------------------------------------------


def test_each_of_the_last_five_batches_sent_again_has_its_old_offset() -> None:
    log = empty_log()
    for number in range(6):
        append(log, sent(2 * number, 2))
    for number in range(1, 6):
        again = append(log, sent(2 * number, 2))
        assert (again.base_offset, again.repeated) == (2 * number, True)
    assert append(log, sent(0, 2)).error == ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER
    assert log.end_offset == 12


def test_a_gap_and_an_overlap_are_out_of_order() -> None:
    log = empty_log()
    append(log, sent(0, 4))
    for first, count in ((5, 1), (2, 4), (0, 2), (0, 6)):
        refused = append(log, sent(first, count))
        assert refused.error == ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER
    assert append(log, sent(4)).base_offset == 4


def test_a_producer_that_is_not_known_may_start_anywhere() -> None:
    log = empty_log()
    assert append(log, sent(7)).base_offset == 0
    assert append(log, sent(9)).error == ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER
    log.producers.forget(7)
    assert append(log, sent(9)).base_offset == 1


def test_a_producer_is_forgotten_after_a_day_of_silence_and_not_before() -> None:
    log = empty_log()
    append(log, sent(0))
    day = 86_400_000
    assert log.producers.expire(NOW_MS + day - 1) == []
    assert log.producers.expire(NOW_MS + day) == [7]
    assert append(log, sent(5)).error == ErrorCode.NONE


def test_a_producer_with_an_open_transaction_is_not_forgotten() -> None:
    log = empty_log()
    append(log, sent(0, tx=True))
    assert log.producers.expire(NOW_MS + 10 * 86_400_000) == []


def test_a_new_epoch_starts_at_zero_and_ends_the_old_one() -> None:
    log = empty_log()
    append(log, sent(0))
    refused = append(log, sent(1, epoch=1))
    assert refused.error == ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER
    assert append(log, sent(0, epoch=1)).base_offset == 1
    for first in (0, 1):
        refused = append(log, sent(first, epoch=0))
        assert refused.error == ErrorCode.INVALID_PRODUCER_EPOCH


def test_sequence_numbers_start_again_after_the_largest() -> None:
    log = empty_log()
    append(log, sent(LARGEST - 1))
    assert append(log, sent(LARGEST, 2)).base_offset == 1
    assert append(log, sent(LARGEST, 2)).base_offset == 1
    assert append(log, sent(1)).base_offset == 3


@given(
    st.lists(st.tuples(st.integers(0, 12), st.integers(1, 3)), max_size=30),
    st.integers(0, 2),
)
def test_whatever_is_sent_the_log_has_each_sequence_number_once_and_in_order(
    tries: list[tuple[int, int]], lost: int
) -> None:
    log = empty_log()
    for first, count in tries:
        append(log, sent(first, count))
    if lost and log.end_offset:
        last = list(log.batches())[-1]
        log.truncate(last.base_offset)
        append(log, sent(last.first_sequence, last.count))
    numbers = [
        number
        for one in log.batches()
        for number in range(one.first_sequence, one.first_sequence + one.count)
    ]
    steps = {later - earlier for earlier, later in itertools.pairwise(numbers)}
    assert steps <= {1}


# -- transactions -------------------------------------------------------------------


def test_an_open_transaction_holds_the_last_stable_offset() -> None:
    log = empty_log()
    append(log, batch(some(2)))
    append(log, sent(0, 3, tx=True))
    append(log, batch(some(2)))
    assert (log.last_stable_offset, log.high_watermark) == (2, 7)
    end(log, commit=True)
    assert (log.last_stable_offset, log.high_watermark) == (8, 8)


def test_the_stable_offset_waits_until_the_marker_is_replicated() -> None:
    log = empty_log()
    append(log, sent(0, 3, tx=True))
    log.write_marker(7, 0, NOW_MS, commit=True)
    log.advance(3)
    assert log.last_stable_offset == 0
    log.advance(4)
    assert log.last_stable_offset == 4


def test_an_aborted_transaction_is_named_to_whoever_fetches_a_part_of_it() -> None:
    log = empty_log()
    append(log, batch(some(2)))
    append(log, sent(0, 3, tx=True))
    end(log, commit=False)
    append(log, batch(some(2)))
    assert log.aborted_in(0, 1_000) == [(7, 2)]
    assert log.aborted_in(5, 1_000) == [(7, 2)]
    assert log.aborted_in(6, 1_000) == []


def test_transactions_that_overlap_are_all_named() -> None:
    log = empty_log()
    append(log, sent(0, tx=True))
    append(log, batch(producer=(8, 0, 0), transactional=True))
    end(log, commit=False)
    log.write_marker(8, 0, NOW_MS, commit=False)
    log.advance(log.end_offset)
    assert log.producers.aborted_between(0, 2) == [(7, 0), (8, 1)]
    assert log.producers.aborted_between(3, 4) == [(8, 1)]


def test_an_open_transaction_is_stable_up_to_where_the_log_starts_now() -> None:
    log = empty_log()
    append(log, sent(0, 3, tx=True))
    append(log, batch(some(2)))
    log.start_at(3)
    assert (log.last_stable_offset, log.high_watermark) == (3, 5)


def test_a_committed_transaction_is_not_named() -> None:
    log = empty_log()
    append(log, sent(0, 3, tx=True))
    end(log, commit=True)
    assert log.aborted_in(0, 1_000) == []


def test_a_marker_without_records_is_in_the_log_and_changes_nothing() -> None:
    log = empty_log()
    end(log, commit=False)
    assert [record.control for record in log.decode()] == [True]
    assert log.aborted_in(0, 1_000) == []
    assert log.last_stable_offset == 1


def test_a_marker_of_an_old_epoch_is_refused_and_one_of_a_new_epoch_ends_it() -> None:
    log = empty_log()
    append(log, sent(0, epoch=3, tx=True))
    refused = end(log, commit=True, epoch=2)
    assert refused.error == ErrorCode.INVALID_PRODUCER_EPOCH
    end(log, commit=False, epoch=4)
    assert log.last_stable_offset == 2
    refused = append(log, sent(1, epoch=3, tx=True))
    assert refused.error == ErrorCode.INVALID_PRODUCER_EPOCH


def test_a_record_outside_its_producers_open_transaction_is_refused() -> None:
    log = empty_log()
    append(log, sent(0, tx=True))
    assert append(log, sent(1)).error == ErrorCode.INVALID_TXN_STATE


def test_no_batch_overtakes_the_first_one_of_its_transaction() -> None:
    log = empty_log()
    for data in (sent(4, tx=True), sent(2, tx=True), sent(3, tx=True)):
        log.producers.ask_about(*batches_of(data))
    refused = append(log, sent(3, tx=True))
    assert refused.error == ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER
    assert append(log, sent(2, tx=True)).base_offset == 0
    assert append(log, sent(3, tx=True)).base_offset == 1


def test_a_transaction_that_nobody_ends_hangs() -> None:
    log = empty_log()
    append(log, sent(0, tx=True))
    for _ in range(5):
        append(log, batch(some(1)))
    assert log.last_stable_offset == 0


# -- truncation, start, times -------------------------------------------------------


def test_what_was_cut_off_may_be_sent_again() -> None:
    log = empty_log()
    append(log, sent(0))
    append(log, sent(1))
    log.truncate(1)
    assert (log.end_offset, log.high_watermark) == (1, 1)
    again = append(log, sent(1))
    assert (again.base_offset, again.repeated) == (1, False)


def test_a_batch_that_would_be_cut_goes_whole() -> None:
    log = empty_log()
    append(log, sent(0, 2))
    append(log, sent(2, 4))
    assert log.truncate(4) == 2
    assert append(log, sent(2, 4)).base_offset == 2
    assert [record.offset for record in log.decode()] == [0, 1, 2, 3, 4, 5]


def test_a_log_is_cut_no_further_than_to_its_start() -> None:
    log = empty_log()
    append(log, sent(0, 2))
    append(log, sent(2, 4))
    log.start_at(4)
    assert log.truncate(3) == 4
    assert (log.start_offset, log.end_offset, log.decode()) == (4, 4, [])
    assert append(log, batch()).base_offset == 4


def test_a_transaction_whose_marker_was_cut_off_is_open_again() -> None:
    log = empty_log()
    append(log, sent(0, tx=True))
    end(log, commit=False)
    log.truncate(1)
    assert log.last_stable_offset == 0
    assert log.aborted_in(0, 1_000) == []
    end(log, commit=True)
    assert log.last_stable_offset == 2


def test_producers_outlive_their_deleted_records() -> None:
    log = empty_log()
    append(log, sent(0))
    append(log, sent(1))
    log.start_at(2)
    assert append(log, sent(1)).repeated
    assert append(log, sent(3)).error == ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER


def test_the_first_record_since_a_time_is_found_within_its_batch() -> None:
    log = empty_log()
    append(log, batch(some(3), at_ms=lambda number: NOW_MS + number))
    append(log, batch(some(3), at_ms=lambda number: NOW_MS + 10 + number))
    offsets = [log.find(NOW_MS + after) for after in (-5, 2, 3, 12, 13)]
    assert [found and found.offset for found in offsets] == [0, 2, 3, 5, None]


def test_a_segment_ends_a_read_and_the_next_read_goes_on() -> None:
    size = len(batch(some(2)))
    log = empty_log({"segment.bytes": str(2 * size)})
    for _ in range(5):
        append(log, batch(some(2)))
    assert [one.base_offset for one in batches_of(log.read(0, 10_000, 10))] == [0, 2]
    assert [one.base_offset for one in batches_of(log.read(4, 10_000, 10))] == [4, 6]
