"""Batches: what goes in comes out, which are compressed, and when they are full."""

import pytest
from aiokafka.record.default_records import DefaultRecordBatch

from streams.kafka.batches import LeanBatches
from streams.kafka.sink import Batch

HEADERS = [("ce_id", b"FR:r:1"), ("ce_id", b"twice"), ("raw", b"\xff\x00")]
ONE = b"x" * 1_500


def _read(batch: Batch) -> DefaultRecordBatch:
    return DefaultRecordBatch(bytes(batch._build()))  # type: ignore[attr-defined] # noqa: SLF001


@pytest.mark.parametrize("codec", [None, "gzip", "snappy", "lz4", "zstd"])
def test_records_come_out_of_a_batch_as_they_went_in(codec: str | None) -> None:
    records = [
        (b"key", b"value", HEADERS),
        (None, b"no key", []),
        (b"tombstone", None, []),
        (b"", b"", []),
    ]
    for batch in (LeanBatches(codec).quick(), LeanBatches(codec).full()):
        assert all(batch.add(*record) for record in records)
        assert batch.record_count() == len(records)
        batch.close()
        assert not batch.add(b"late", b"late", [])
        found = _read(batch)
        assert found.validate_crc()
        assert [(one.key, one.value, one.headers) for one in found] == records


@pytest.mark.parametrize(("codec", "number"), [(None, 0), ("gzip", 1), ("zstd", 4)])
def test_only_what_gathers_is_compressed(codec: str | None, number: int) -> None:
    batches = LeanBatches(codec)
    for batch, attribute in ((batches.quick(), 0), (batches.full(), number)):
        for _ in range(5):
            batch.add(b"k", ONE, [])
        assert _read(batch).compression_type == attribute


def test_a_quick_batch_is_small_where_others_are_compressed() -> None:
    assert _filled(LeanBatches("zstd").quick()) == 43
    assert _filled(LeanBatches("zstd").full()) == 661
    assert _filled(LeanBatches(None).quick()) == 661


@pytest.mark.parametrize("codec", [None, "zstd"])
@pytest.mark.parametrize(("partitions", "records"), [(19, 661), (64, 198), (128, 99)])
def test_a_request_with_a_batch_of_every_partition_is_no_larger_than_brokers_take(
    codec: str | None, partitions: int, records: int
) -> None:
    assert _filled(LeanBatches(codec, partitions).full()) == records
    assert records * len(ONE) * partitions * 5 < 100 * 1_048_576


def test_no_batch_is_smaller_than_one_that_leaves_at_once() -> None:
    assert _filled(LeanBatches("zstd", 1_000).full()) == 43


def _filled(batch: Batch) -> int:
    while batch.add(b"k", ONE, []):
        pass
    assert not batch.add(b"k", b"small", [])  # would fit, but out of its order
    return batch.record_count()


def test_an_empty_batch_takes_a_record_of_any_size() -> None:
    assert LeanBatches("zstd").quick().add(b"k", b"x" * 1_000_000, [])
