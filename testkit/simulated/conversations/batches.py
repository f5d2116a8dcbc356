"""Record batches: built with aiokafka's builder, read with its reader."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from aiokafka.record.control_record import ABORT_MARKER, COMMIT_MARKER, ControlRecord
from aiokafka.record.default_records import DefaultRecordBatchBuilder
from aiokafka.record.memory_records import MemoryRecords
from aiokafka.record.util import calc_crc32c

_ROOM_BYTES: Final = 2**24
_CRC_AT: Final = 17


@dataclass(frozen=True, slots=True)
class Batch:
    """What a producer puts into a batch."""

    values: Sequence[bytes] = (b"v",)
    key: bytes | None = None
    timestamps_ms: Sequence[int] = ()
    """Of each record; the last one counts for those that follow."""
    producer_id: int = -1
    epoch: int = -1
    sequence: int = -1
    transactional: bool = False
    codec: int = 0
    """0 none, 1 gzip."""

    def after(self, sequence: int) -> "Batch":
        """Return the same batch with another base sequence."""
        return replace(self, sequence=sequence)

    def encoded(self) -> bytes:
        """Return the bytes that go into a produce request."""
        builder = DefaultRecordBatchBuilder(
            2,
            self.codec,
            int(self.transactional),
            self.producer_id,
            self.epoch,
            self.sequence,
            _ROOM_BYTES,
        )
        for number, value in enumerate(self.values):
            given = self.timestamps_ms[: number + 1]
            stamp = given[-1] if given else 1_700_000_000_000
            builder.append(number, stamp, self.key, value, [])
        return bytes(builder.build())


def with_wrong_checksum(batch: bytes) -> bytes:
    """Change a bit of a batch's checksum."""
    return batch[:_CRC_AT] + bytes([batch[_CRC_AT] ^ 1]) + batch[_CRC_AT + 1 :]


@dataclass(frozen=True, slots=True)
class Read:
    """What is in the bytes of a fetch response."""

    records: list[Any]
    """[offset, value] of data, [offset, "commit" or "abort"] of markers."""
    batches: int
    """Whole ones."""
    cut_bytes: int
    """Bytes of a batch after them that is not whole."""


def read(data: bytes) -> Read:
    """Decode whole batches and count the rest."""
    found = MemoryRecords(data)
    records: list[Any] = []
    whole = used = 0
    while (batch := found.next_batch()) is not None:
        size = 12 + int.from_bytes(data[used + 8 : used + 12])
        used += size
        whole += 1
        for record in batch:
            what: Any = record.value
            if batch.is_control_batch:
                what = _MARKERS[_marker(record.key)]
            records.append([record.offset, what])
    return Read(records, whole, len(data) - used)


_MARKERS: Final = {False: "abort", True: "commit"}


def _marker(key: bytes) -> bool:
    marker = ControlRecord.parse(key)
    if marker not in (ABORT_MARKER, COMMIT_MARKER):
        raise ValueError(f"no marker of a transaction: {marker}")
    return bool(marker == COMMIT_MARKER)


def checksum(data: bytes) -> int:
    """Return the checksum that a batch has of its bytes behind it."""
    found: int = calc_crc32c(data)
    return found
