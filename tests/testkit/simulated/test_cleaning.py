from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from testkit.simulated.logs.batches import batches_of, checksum_holds
from testkit.simulated.logs.cleaning import compact, retain
from testkit.simulated.logs.partition_log import PartitionLog, empty_log
from tests.testkit.simulated.written import NOW_MS, Row, batch, some

COMPACT = {"cleanup.policy": "compact"}
DAY_MS = 86_400_000
KEYS = st.sampled_from([b"a", b"b", b"c", b"d"])
ROWS = st.lists(st.tuples(KEYS, st.sampled_from([b"1", b"2", None])), min_size=1)


def log_of(*batches: bytes, configs: Mapping[str, str] = COMPACT) -> PartitionLog:
    log = empty_log(dict(configs))
    for data in batches:
        assert not log.append(data, NOW_MS).refused
    log.advance(log.end_offset)
    return log


def cleaned(log: PartitionLog, now_ms: int = NOW_MS) -> list[tuple[int, Row]]:
    log.roll()
    compact(log, now_ms)
    return rows(log)


def rows(log: PartitionLog) -> list[tuple[int, Row]]:
    return [(one.offset, (one.key, one.value)) for one in log.decode()]


def latest(
    found: list[tuple[int, Row]],
) -> dict[bytes | None, tuple[int, bytes | None]]:
    return {key: (offset, value) for offset, (key, value) in found}


def test_the_last_record_of_each_key_stays_at_its_offset() -> None:
    log = log_of(
        batch([(b"a", b"1"), (b"b", b"1")]),
        batch([(b"a", b"2"), (b"c", b"1"), (b"a", b"3")]),
    )
    assert cleaned(log) == [(1, (b"b", b"1")), (3, (b"c", b"1")), (4, (b"a", b"3"))]
    assert [(one.base_offset, one.last_offset) for one in log.batches()] == [
        (0, 1),
        (2, 4),
    ]


def test_the_active_segment_stays_as_it_is() -> None:
    log = log_of(batch([(b"a", b"1")]), batch([(b"a", b"2")]))
    assert not compact(log, NOW_MS)
    assert len(rows(log)) == 2


def test_what_is_younger_than_the_compaction_lag_stays() -> None:
    lag = COMPACT | {"min.compaction.lag.ms": "1000"}
    log = log_of(batch([(b"a", b"1")]), batch([(b"a", b"2")]), configs=lag)
    assert len(cleaned(log, NOW_MS + 999)) == 2
    assert len(cleaned(log, NOW_MS + 1_000)) == 1


def test_what_follows_an_open_transaction_stays() -> None:
    log = log_of(
        batch([(b"a", b"1")]),
        batch([(b"a", b"2")], producer=(7, 0, 0), transactional=True),
        batch([(b"a", b"3")]),
    )
    assert len(cleaned(log)) == 3


def test_a_tombstone_stays_for_its_time_and_hides_what_was_before_it() -> None:
    log = log_of(batch([(b"a", b"1"), (b"b", b"1")]), batch([(b"a", None)]))
    assert cleaned(log) == [(1, (b"b", b"1")), (2, (b"a", None))]
    assert len(cleaned(log, NOW_MS + DAY_MS - 1)) == 2
    assert cleaned(log, NOW_MS + DAY_MS) == [(1, (b"b", b"1"))]


def test_a_tombstone_keeps_its_own_timestamp() -> None:
    log = log_of(batch([(b"a", None), (b"b", b"1")], at_ms=lambda n: NOW_MS - n))
    cleaned(log)
    assert [one.timestamp_ms for one in log.decode()] == [NOW_MS, NOW_MS - 1]


def test_records_of_an_aborted_transaction_go_and_its_marker_stays_a_while() -> None:
    log = log_of(
        batch([(b"a", b"1")]),
        batch([(b"a", b"2")], producer=(7, 0, 0), transactional=True),
    )
    log.write_marker(7, 0, NOW_MS, commit=False)
    log.append(batch([(b"z", b"1")], producer=(7, 0, 1)), NOW_MS)
    log.advance(log.end_offset)
    cleaned(log)
    assert [one.offset for one in log.decode() if not one.control] == [0, 3]
    later_ms = NOW_MS + 1
    cleaned(log, later_ms)  # finds the transaction empty
    cleaned(log, later_ms + DAY_MS - 1)
    assert any(one.control for one in log.decode())
    cleaned(log, later_ms + DAY_MS)
    assert not any(one.control for one in log.decode())


def test_the_sequence_numbers_of_a_producer_outlive_its_records() -> None:
    log = log_of(batch([(b"a", b"1")], producer=(7, 0, 0)), batch([(b"a", b"2")]))
    assert cleaned(log) == [(1, (b"a", b"2"))]
    bare = next(iter(log.batches()))
    assert (bare.count, bare.first_sequence, bare.last_offset) == (0, 0, 0)
    log.truncate(log.end_offset)
    assert log.append(batch([(b"a", b"1")], producer=(7, 0, 0)), NOW_MS).repeated


@pytest.mark.parametrize("codec", [0, 1, 2, 3, 4])
def test_a_batch_is_rewritten_with_its_codec_and_a_new_checksum(codec: int) -> None:
    twice = [(b"a", b"x" * 500), (b"b", b"y" * 500), (b"a", b"z" * 500)]
    log = log_of(batch(twice, codec=codec))
    assert [offset for offset, _ in cleaned(log)] == [1, 2]
    (stored,) = log.batches()
    assert (stored.codec, checksum_holds(stored)) == (codec, True)


@given(st.lists(ROWS, min_size=1, max_size=8), st.lists(st.booleans(), min_size=8))
def test_compaction_loses_no_latest_value_and_moves_no_record(
    batches: list[list[Row]], rolls: list[bool]
) -> None:
    log = empty_log(dict(COMPACT))
    for data, roll in zip(batches, rolls, strict=False):
        log.append(batch(data), NOW_MS)
        if roll:
            log.roll()
    log.advance(log.end_offset)
    before, end = rows(log), log.end_offset
    compact(log, NOW_MS)
    after = rows(log)
    assert set(after) <= set(before)
    assert latest(after) == latest(before)
    assert log.end_offset == end
    assert all(checksum_holds(one) for one in log.batches())
    for offset in range(end):
        found = batches_of(log.read(offset, 2**20, end))
        assert not found or found[0].last_offset >= offset


def test_old_segments_are_removed_whole_and_the_log_starts_after_them() -> None:
    log = log_of(
        batch(some(2), at_ms=lambda _: NOW_MS - 5_000),
        configs={"retention.ms": "1000"},
    )
    log.roll()
    log.append(batch(some(3)), NOW_MS)
    log.advance(log.end_offset)
    retain(log, NOW_MS)
    assert (log.start_offset, len(log.decode())) == (2, 3)
    retain(log, NOW_MS + 1_000)
    assert log.start_offset == 2
    retain(log, NOW_MS + 1_001)
    assert (log.start_offset, log.end_offset, log.decode()) == (5, 5, [])
    assert log.append(batch(), NOW_MS).base_offset == 5


def test_a_compacted_topic_keeps_old_records() -> None:
    log = log_of(batch(some(2)), configs=COMPACT | {"retention.ms": "1"})
    retain(log, NOW_MS + DAY_MS)
    assert log.start_offset == 0


def test_a_log_is_cut_to_the_size_that_is_kept_by_whole_segments() -> None:
    size = len(batch(some(2)))
    log = empty_log({"retention.bytes": str(2 * size)})
    for _ in range(5):
        log.append(batch(some(2)), NOW_MS)
        log.roll()
    log.advance(log.end_offset)
    retain(log, NOW_MS)
    assert [one.base_offset for one in log.batches()] == [6, 8]


def test_nothing_above_the_high_watermark_is_removed() -> None:
    log = empty_log({"retention.ms": "0"})
    for _ in range(3):
        log.append(batch(some(2)), NOW_MS)
        log.roll()
    log.advance(2)
    retain(log, NOW_MS + 1)
    assert log.start_offset == 2
