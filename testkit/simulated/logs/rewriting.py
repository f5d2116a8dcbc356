"""Batches that a broker writes itself: markers, its own timestamps, what compaction leaves."""

from collections.abc import Iterable
from struct import Struct
from typing import Any, Final

import msgspec
from aiokafka.codec import gzip_encode, lz4_encode, snappy_encode, zstd_encode
from aiokafka.record.default_records import DefaultRecordBatchBuilder
from google_crc32c import value as crc32c

from streams.records.record_format import (
    CODEC,
    FORMAT,
    LOG_APPEND_TIME,
    NULL,
    UNCOUNTED,
    VARINTS,
    block_of,
)
from testkit.simulated.logs.batches import (
    CHECKED_FROM,
    CONTROL,
    CRC_AT,
    HAS_HORIZON,
    HEADER,
    MARKER_KEY,
    Batch,
    Record,
    read,
)

_MARKER_VALUE: Final = Struct(">hi")
_ANY_SIZE: Final = 2**30
_COMPRESS: Final = {1: gzip_encode, 2: snappy_encode, 3: lz4_encode, 4: zstd_encode}


def stamped(batch: Batch, now_ms: int) -> Batch:
    """Replace the timestamps of a batch by the time of its append."""
    return _with_fields(
        batch, attributes=batch.attributes | LOG_APPEND_TIME, latest_ms=now_ms
    )


def _with_fields(batch: Batch, **changes: int) -> Batch:
    """Change header fields; the checksum follows."""
    changed = msgspec.structs.replace(batch, **changes)
    return _sealed(changed, batch.data[HEADER.size :])


def _sealed(batch: Batch, records: bytes) -> Batch:
    """Write the header of a batch in front of its records."""
    body = (
        HEADER.pack(
            batch.base_offset,
            HEADER.size - UNCOUNTED + len(records),
            batch.leader_epoch,
            batch.version,
            0,
            batch.attributes,
            batch.last_delta,
            batch.first_ms,
            batch.latest_ms,
            batch.producer_id,
            batch.producer_epoch,
            batch.first_sequence,
            batch.count,
        )
        + records
    )
    said = crc32c(body[CHECKED_FROM:]).to_bytes(4)
    data = body[:CRC_AT] + said + body[CHECKED_FROM:]
    return msgspec.structs.replace(batch, data=data)


def marker(producer_id: int, epoch: int, now_ms: int, *, commit: bool) -> Batch:
    """Return the control batch that ends a transaction."""
    builder: Any = DefaultRecordBatchBuilder(
        FORMAT, 0, 1, producer_id, epoch, -1, _ANY_SIZE
    )
    key = MARKER_KEY.pack(0, int(commit))
    builder.append(0, now_ms, key, _MARKER_VALUE.pack(0, 0), [])
    plain = read(bytes(builder.build()))
    return _with_fields(plain, attributes=plain.attributes | CONTROL)


def rewritten(batch: Batch, kept: Iterable[Record], horizon_ms: int | None) -> Batch:
    """Return a batch with some of its records, each at its offset.

    Parameters
    ----------
    batch
        What is cleaned; offsets, sequence numbers and producer stay in the header.
    kept
        Records of it, in order; without any, a bare header is left, which keeps the
        sequence numbers of a producer known.
    horizon_ms
        Until when tombstones in it are kept, UTC ms; None = there are none.
    """
    kept = list(kept)
    attributes = batch.attributes & ~HAS_HORIZON
    if not kept:
        bare = msgspec.structs.replace(
            batch, attributes=attributes & ~CODEC, first_ms=-1, count=0
        )
        return _sealed(bare, b"")
    first_ms = kept[0].timestamp_ms
    if horizon_ms is not None:
        attributes |= HAS_HORIZON
        first_ms = horizon_ms
    latest = batch.latest_ms
    if not batch.attributes & LOG_APPEND_TIME:
        latest = max(record.timestamp_ms for record in kept)
    codec, records = _packed(batch.codec, _encoded(kept, batch.base_offset, first_ms))
    changed = msgspec.structs.replace(
        batch,
        attributes=attributes & ~CODEC | codec,
        first_ms=first_ms,
        latest_ms=latest,
        count=len(kept),
    )
    return _sealed(changed, records)


def _encoded(records: Iterable[Record], base: int, first_ms: int) -> bytes:
    pieces: list[bytes] = []
    for record in records:
        body = b"".join(
            (
                b"\0",
                VARINTS[record.timestamp_ms - first_ms],
                VARINTS[record.offset - base],
                NULL if record.key is None else VARINTS[len(record.key)],
                record.key or b"",
                NULL if record.value is None else VARINTS[len(record.value)],
                record.value or b"",
                block_of(record.headers),
            )
        )
        pieces += (VARINTS[len(body)], body)
    return b"".join(pieces)


def _packed(number: int, records: bytes) -> tuple[int, bytes]:
    if not number:
        return 0, records
    compress: Any = _COMPRESS[number]
    return number, bytes(compress(records))
