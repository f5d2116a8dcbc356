"""Record batches (format 2, KIP-98): kept as bytes, read no further than their header.

The checksum covers everything from the attributes on. So a broker writes offset and
leader epoch into a batch without touching it; only a changed timestamp or a removed
record costs a new one.
"""

from struct import Struct
from typing import Final

import msgspec
from aiokafka.record.default_records import DefaultRecordBatch
from google_crc32c import value as crc32c

from streams.records.record_format import CODEC, UNCOUNTED

HEADER: Final = Struct(">qiibIhiqqqhii")
"""Base offset, bytes after this second field, leader epoch, format, checksum,
attributes, last offset delta, first and latest timestamp, producer id, producer epoch,
first sequence number, number of records."""
_PLACE: Final = Struct(">qii")
"""What a broker writes on append: base offset, length, leader epoch."""
CRC_AT: Final = 17
CHECKED_FROM: Final = 21
TRANSACTIONAL: Final = 0x10
CONTROL: Final = 0x20
HAS_HORIZON: Final = 0x40
"""Attribute bit: the first timestamp says until when tombstones are kept (KIP-534)."""
SEQUENCES: Final = 2**31
"""Sequence numbers start again from 0 after the largest 32-bit integer."""

MARKER_KEY: Final = Struct(">hh")


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
        return self.first_ms if self.attributes & HAS_HORIZON else None


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
    said = int.from_bytes(data[CRC_AT:CHECKED_FROM])
    return bool(crc32c(data[CHECKED_FROM:]) == said)


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


def commits(batch: Batch) -> bool:
    """Whether a control batch ends its transaction with a commit.

    One that compaction has emptied ends nothing: the records before it are gone.
    """
    return all(
        record.key is not None and MARKER_KEY.unpack(record.key)[1] == 1
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
