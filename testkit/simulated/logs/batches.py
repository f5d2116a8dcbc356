"""Record batches (format 2, KIP-98): kept as bytes, read no further than their header.

The checksum covers everything from the attributes on. So a broker writes offset and
leader epoch into a batch without touching it; only a changed timestamp or a removed
record costs a new one.
"""

from collections.abc import Iterable
from struct import Struct
from typing import Any, Final

import msgspec
from aiokafka.codec import gzip_encode, lz4_encode, snappy_encode, zstd_encode
from aiokafka.record.default_records import (
    DefaultRecordBatch,
    DefaultRecordBatchBuilder,
)
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

HEADER: Final = Struct(">qiibIhiqqqhii")
"""Base offset, bytes after this second field, leader epoch, format, checksum,
attributes, last offset delta, first and latest timestamp, producer id, producer epoch,
first sequence number, number of records."""
_PLACE: Final = Struct(">qii")
"""What a broker writes on append: base offset, length, leader epoch."""
_CRC_AT: Final = 17
_CHECKED_FROM: Final = 21
TRANSACTIONAL: Final = 0x10
CONTROL: Final = 0x20
_HAS_HORIZON: Final = 0x40
"""Attribute bit: the first timestamp says until when tombstones are kept (KIP-534)."""
SEQUENCES: Final = 2**31
"""Sequence numbers start again from 0 after the largest 32-bit integer."""

_MARKER_KEY: Final = Struct(">hh")
_MARKER_VALUE: Final = Struct(">hi")
_ANY_SIZE: Final = 2**30
_COMPRESS: Final = {1: gzip_encode, 2: snappy_encode, 3: lz4_encode, 4: zstd_encode}


class CorruptBatchError(Exception):
    """Bytes that are no batch: too short, a wrong length or a wrong checksum."""


class Record(msgspec.Struct, frozen=True, gc=False):
    """One record of a log, decoded."""

    offset: int
    timestamp_ms: int
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes | None], ...]
    producer_id: int
    """-1 = no idempotent producer."""
    control: bool
    """Whether it is a transaction marker: key and value are the broker's."""


class Batch(msgspec.Struct, frozen=True, gc=False):
    """A batch in a log: its bytes, and the fields of their header."""

    data: bytes
    base_offset: int
    leader_epoch: int
    version: int
    attributes: int
    last_delta: int
    """Last offset minus base offset; compaction leaves it as it was."""
    first_ms: int
    latest_ms: int
    producer_id: int
    producer_epoch: int
    first_sequence: int
    count: int

    @property
    def last_offset(self) -> int:
        """Offset of the last record, there or compacted away."""
        return self.base_offset + self.last_delta

    @property
    def next_offset(self) -> int:
        """Offset that follows the batch."""
        return self.base_offset + self.last_delta + 1

    @property
    def last_sequence(self) -> int:
        """Sequence number of the last record; -1 without an idempotent producer."""
        if self.first_sequence < 0:
            return -1
        return (self.first_sequence + self.last_delta) % SEQUENCES

    @property
    def transactional(self) -> bool:
        """Whether it belongs to a transaction (markers do)."""
        return bool(self.attributes & TRANSACTIONAL)

    @property
    def control(self) -> bool:
        """Whether it is a marker."""
        return bool(self.attributes & CONTROL)

    @property
    def codec(self) -> int:
        """Number of the compression; 0 = none."""
        return self.attributes & CODEC

    @property
    def horizon_ms(self) -> int | None:
        """Until when tombstones and markers in it are kept; None = not cleaned yet."""
        return self.first_ms if self.attributes & _HAS_HORIZON else None


def batches_of(data: bytes) -> list[Batch]:
    """Split bytes into complete batches; an incomplete last one is left out.

    Raises
    ------
    CorruptBatchError
        A length is shorter than a header.
    """
    found: list[Batch] = []
    at, size = 0, len(data)
    while size - at >= HEADER.size:
        end = at + UNCOUNTED + int.from_bytes(data[at + 8 : at + 12], signed=True)
        if end - at < HEADER.size:
            raise CorruptBatchError(f"a batch of {end - at} bytes")
        if end > size:
            break
        found.append(read(data[at:end] if at or end < size else data))
        at = end
    return found


def read(data: bytes) -> Batch:
    """Read the header of one batch; its bytes are kept."""
    base, _, epoch, version, _, *fields = HEADER.unpack_from(data)
    return Batch(data, base, epoch, version, *fields)


def checksum_holds(batch: Batch) -> bool:
    """Compute the checksum and compare it with the header's."""
    data = batch.data
    said = int.from_bytes(data[_CRC_AT:_CHECKED_FROM])
    return bool(crc32c(data[_CHECKED_FROM:]) == said)


def placed(batch: Batch, base_offset: int, leader_epoch: int) -> Batch:
    """Give a batch its offset in a log, under the epoch of the log's leader."""
    data = batch.data
    begin = _PLACE.pack(base_offset, len(data) - UNCOUNTED, leader_epoch)
    return Batch(
        begin + data[_PLACE.size :],
        base_offset,
        leader_epoch,
        batch.version,
        batch.attributes,
        batch.last_delta,
        batch.first_ms,
        batch.latest_ms,
        batch.producer_id,
        batch.producer_epoch,
        batch.first_sequence,
        batch.count,
    )


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
    said = crc32c(body[_CHECKED_FROM:]).to_bytes(4)
    data = body[:_CRC_AT] + said + body[_CHECKED_FROM:]
    return msgspec.structs.replace(batch, data=data)


def marker(producer_id: int, epoch: int, now_ms: int, *, commit: bool) -> Batch:
    """Return the control batch that ends a transaction."""
    builder: Any = DefaultRecordBatchBuilder(
        FORMAT, 0, 1, producer_id, epoch, -1, _ANY_SIZE
    )
    key = _MARKER_KEY.pack(0, int(commit))
    builder.append(0, now_ms, key, _MARKER_VALUE.pack(0, 0), [])
    plain = read(bytes(builder.build()))
    return _with_fields(plain, attributes=plain.attributes | CONTROL)


def commits(batch: Batch) -> bool:
    """Whether a control batch ends its transaction with a commit.

    One that compaction has emptied ends nothing: the records before it are gone.
    """
    return all(
        record.key is not None and _MARKER_KEY.unpack(record.key)[1] == 1
        for record in decoded(batch)
    )


def decoded(batch: Batch) -> list[Record]:
    """Decode the records of a batch."""
    producer, control = batch.producer_id, batch.control
    if not batch.count:
        return []
    return [
        Record(
            found.offset,
            found.timestamp,
            found.key,
            found.value,
            tuple(found.headers),
            producer,
            control,
        )
        for found in DefaultRecordBatch(batch.data)
    ]


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
    attributes = batch.attributes & ~_HAS_HORIZON
    if not kept:
        bare = msgspec.structs.replace(
            batch, attributes=attributes & ~CODEC, first_ms=-1, count=0
        )
        return _sealed(bare, b"")
    first_ms = kept[0].timestamp_ms
    if horizon_ms is not None:
        attributes |= _HAS_HORIZON
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
