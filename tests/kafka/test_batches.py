"""Batches: what goes in comes out, which are compressed, and when they are full."""

from collections.abc import Callable, Sequence

import pytest
from aiokafka.producer.message_accumulator import BatchBuilder
from aiokafka.record.default_records import DefaultRecordBatch
from hypothesis import given
from hypothesis import strategies as st

from streams.kafka.aiokafka_internals.record_batch import RecordBatch
from streams.kafka.batches import RecordBatches
from streams.kafka.sink import Batch
from streams.records.record_format import NO_HEADERS, Header, Outgoing, block_of

HEADERS = [("ce_id", b"FR:r:1"), ("ce_id", b"twice"), ("raw", b"\xff\x00")]
ONE = (b"k", b"x" * 1_500, NO_HEADERS)
SMALL = (b"k", b"small", NO_HEADERS)
AT = 1_790_000_000_000

Row = tuple[bytes | None, bytes | None, Sequence[Header]]
PIECES = st.none() | st.binary(max_size=200)
ROWS = st.tuples(PIECES, PIECES, st.lists(st.tuples(st.text(max_size=70), PIECES)))


def _batches(
    codec: str | None, partitions: int = 1, now_ms: Callable[[], int] = lambda: AT
) -> RecordBatches:
    return RecordBatches(codec, now_ms, partitions)


def _outgoing(rows: Sequence[Row]) -> list[Outgoing]:
    return [(key, value, block_of(headers)) for key, value, headers in rows]


def _built(batch: Batch) -> bytes:
    """Return a batch as the sender takes it, numbered by its producer."""
    assert isinstance(batch, RecordBatch)
    batch._set_producer_state(77, 5, 1_234)  # noqa: SLF001
    return batch._build()  # noqa: SLF001


def _read(batch: Batch) -> DefaultRecordBatch:
    return DefaultRecordBatch(_built(batch))


@pytest.mark.parametrize("codec", [None, "gzip", "snappy", "lz4", "zstd"])
def test_records_come_out_of_a_batch_as_they_went_in(codec: str | None) -> None:
    rows: list[Row] = [
        (b"key", b"value", HEADERS),
        (None, b"no key", []),
        (b"tombstone", None, []),
        (b"", b"", []),
        (b"no value", b"v", [("empty", b""), ("none", None), ("名", b"\x00")]),
        (b"long", b"x" * 20_000, [("long", b"y" * 20_000)]),
    ]
    for batch in (_batches(codec).quick(), _batches(codec).full()):
        assert batch.add(_outgoing(rows)) == batch.record_count() == len(rows)
        batch.close()
        assert batch.add([SMALL]) == 0
        found = _read(batch)
        assert found.validate_crc()
        assert [(one.key, one.value, one.headers) for one in found] == rows


@given(st.lists(ROWS, min_size=1, max_size=20), st.lists(st.integers(0, 1 << 40)))
def test_a_batch_is_to_the_byte_what_the_clients_own_builder_makes(
    rows: list[Row], clock: list[int]
) -> None:
    times = [AT, *clock, *[AT] * len(rows)]
    moments = iter(times)
    ours = _batches(None, now_ms=lambda: next(moments)).full()
    theirs = BatchBuilder(1_000_000, 0)
    for row, at_ms in zip(rows, times, strict=False):
        key, value, headers = row
        assert ours.add(_outgoing([row])) == 1
        theirs.append(timestamp=at_ms, key=key, value=value, headers=headers)
    theirs._set_producer_state(77, 5, 1_234)  # noqa: SLF001
    assert _built(ours) == bytes(theirs._build())  # noqa: SLF001


def test_a_batch_that_is_sent_again_is_the_same() -> None:
    batch = _batches("zstd").full()
    batch.add([ONE] * 5)
    assert isinstance(batch, RecordBatch)
    assert not batch.closed()
    assert _built(batch) is _built(batch)
    assert batch.closed()
    assert batch.record_count() == 5


@pytest.mark.parametrize(("codec", "number"), [(None, 0), ("gzip", 1), ("zstd", 4)])
def test_only_what_gathers_is_compressed(codec: str | None, number: int) -> None:
    batches = _batches(codec)
    for batch, attribute in ((batches.quick(), 0), (batches.full(), number)):
        batch.add([ONE] * 5)
        assert _read(batch).compression_type == attribute


def test_what_does_not_shrink_is_sent_as_it_is() -> None:
    batch = _batches("zstd").full()
    batch.add([(None, b"q", NO_HEADERS)])
    found = _read(batch)
    assert (found.compression_type, [one.value for one in found]) == (0, [b"q"])


def test_a_quick_batch_is_small_where_others_are_compressed() -> None:
    assert _filled(_batches("zstd").quick()) == 43
    assert _filled(_batches("zstd").full()) == 661
    assert _filled(_batches(None).quick()) == 661


@pytest.mark.parametrize("codec", [None, "zstd"])
@pytest.mark.parametrize(("partitions", "records"), [(19, 661), (64, 198), (128, 99)])
def test_a_request_with_a_batch_of_every_partition_is_no_larger_than_brokers_take(
    codec: str | None, partitions: int, records: int
) -> None:
    assert _filled(_batches(codec, partitions).full()) == records
    assert records * len(ONE[1]) * partitions * 5 < 100 * 1_048_576


def test_no_batch_is_smaller_than_one_that_leaves_at_once() -> None:
    assert _filled(_batches("zstd", 1_000).full()) == 43


def _filled(batch: Batch) -> int:
    """Fill a batch in pieces, and return how many records it took."""
    sent = 0
    while (taken := batch.add([ONE] * 10)) == 10:
        sent += taken
    assert batch.add([SMALL]) == 0  # would fit, but out of its order
    assert batch.record_count() == sent + taken
    return batch.record_count()


def test_an_empty_batch_takes_a_record_of_any_size() -> None:
    large = (b"k", b"x" * 1_000_000, NO_HEADERS)
    assert _batches("zstd").quick().add([large, SMALL]) == 1
