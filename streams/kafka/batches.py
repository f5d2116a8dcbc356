"""Batches of outputs, as the broker takes them (record format 2, KIP-98).

What finds its partition idle leaves at once in a batch that is not compressed: a codec
costs more to set up than a few records take to copy. What gathers is compressed as
told: decisions are much alike, and shrink to a twentieth.

A record is put together in one call, with its headers in one piece. To aiokafka's sender
it is a batch like its own, whose builder writes record by record, header by header.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Final

from aiokafka.codec import gzip_encode, lz4_encode, snappy_encode, zstd_encode
from google_crc32c import extend
from google_crc32c import value as crc32c
from typing_extensions import override

from streams.kafka.sink import Batch, Batches
from streams.records.outgoing import Outgoing
from streams.records.record_format import BEGINNING, CHECKED, FORMAT, UNCOUNTED
from streams.records.varints import NULL, VARINTS

_FULL_BYTES: Final = 1_000_000
"""Just under what a topic takes by default. A request costs the same for a small batch:
128 KiB took an eighth off the throughput."""
_QUICK_BYTES: Final = 65_536
"""About fifty decisions, what a partition brings at tens of thousands a second: what does
not fit waits for the acknowledgement of the first batch and leaves in a request of its own
(at 10,000 a second and 16 KiB half of the requests were such)."""
_REQUEST_BYTES: Final = 96_000_000
"""A produce request holds a batch of every partition that has one, and brokers refuse
what is over 100 MiB (``socket.request.max.bytes``)."""
_OUTPUT_TOPICS: Final = 5

_UNKNOWN_EPOCH: Final = -1
_ATTRIBUTES: Final = b"\0"
"""Of a record: none are in use (KIP-98)."""

_LZ4_LEVEL: Final = 1
"""aiokafka's is 9: a tenth smaller, and eight times the time (7.9 µs a decision)."""
Codec = tuple[int, Callable[[bytes], bytes]]
"""The number in the attributes of a batch, and what compresses."""
CODECS: Final[Mapping[str | None, Codec | None]] = {
    None: None,
    "gzip": (1, gzip_encode),
    "snappy": (2, snappy_encode),
    "lz4": (3, partial(lz4_encode, level=_LZ4_LEVEL)),
    "zstd": (4, zstd_encode),
}
"""By the setting's value."""


class RecordBatch(Batch):
    """Records of one partition; the methods with an underscore are aiokafka's sender's.

    Parameters
    ----------
    room
        Bytes at most, uncompressed; the first record is taken whatever it has.
    codec
        None = not compressed.
    now_ms
        The time of a record is when it was added, UTC ms.

    See :class:`streams.kafka.sink.Batch`.
    """

    __slots__ = (
        "_built",
        "_closed",
        "_codec",
        "_count",
        "_first_ms",
        "_latest_ms",
        "_now_ms",
        "_pieces",
        "_producer",
        "_room",
    )

    def __init__(
        self, room: int, codec: Codec | None, now_ms: Callable[[], int]
    ) -> None:
        self._room = room - BEGINNING.size - CHECKED.size
        self._codec = codec
        self._now_ms = now_ms
        self._pieces: list[bytes] = []
        self._count = 0
        self._closed = False
        self._first_ms = self._latest_ms = 0
        self._producer = (-1, -1, 0)
        self._built: bytes | None = None

    @override
    def add(self, records: Sequence[Outgoing]) -> int:
        if self._closed:
            return 0
        number, at_ms = self._count, self._now_ms()
        if not number:
            self._first_ms = self._latest_ms = at_ms
        self._latest_ms = max(self._latest_ms, at_ms)
        begin = _ATTRIBUTES + VARINTS[at_ms - self._first_ms]
        varints, pieces, room = VARINTS, self._pieces, self._room
        for key, value, block in records:
            body = b"".join(
                (
                    begin,
                    varints[number],
                    NULL if key is None else varints[len(key)],
                    key or b"",
                    NULL if value is None else varints[len(value)],
                    value or b"",
                    block,
                )
            )
            size = varints[len(body)]
            left = room - len(size) - len(body)
            if left < 0 and number:
                self._closed = True
                break
            room = left
            number += 1
            pieces += (size, body)
        taken = number - self._count
        self._count, self._room = number, room
        return taken

    @override
    def record_count(self) -> int:
        return self._count

    @override
    def close(self) -> None:
        self._closed = True

    def closed(self) -> bool:
        """Whether it takes no more."""
        return self._closed

    def _set_producer_state(self, number: int, epoch: int, sequence: int) -> None:
        self._producer = number, epoch, sequence

    def _build(self) -> bytes:
        """Return the batch as it is sent; the same bytes when it is sent again."""
        self._closed = True
        if self._built is None:
            self._built = self._written()
            self._pieces = []
        return self._built

    def _written(self) -> bytes:
        records, attributes = b"".join(self._pieces), 0
        if self._codec is not None:
            number, compress = self._codec
            shorter = compress(records)
            if len(shorter) < len(records):
                records, attributes = shorter, number
        checked = CHECKED.pack(
            attributes,
            self._count - 1,
            self._first_ms,
            self._latest_ms,
            *self._producer,
            self._count,
        )
        beginning = BEGINNING.pack(
            0,
            BEGINNING.size - UNCOUNTED + len(checked) + len(records),
            _UNKNOWN_EPOCH,
            FORMAT,
            extend(crc32c(checked), records),
        )
        return b"".join((beginning, checked, records))


class RecordBatches(Batches):
    """Makes batches.

    Parameters
    ----------
    compression_type
        That of the setting, None = none.
    now_ms
        UTC ms.
    partitions
        Of each output topic; with more than nineteen the batches are smaller.
    most
        Bytes of a batch that every output topic takes.
    """

    def __init__(
        self,
        compression_type: str | None,
        now_ms: Callable[[], int],
        partitions: int = 1,
        most: int = _FULL_BYTES,
    ) -> None:
        self._codec = CODECS[compression_type]
        self._now_ms = now_ms
        share = _REQUEST_BYTES // (_OUTPUT_TOPICS * partitions)
        self._full_bytes = min(most, max(_QUICK_BYTES, min(_FULL_BYTES, share)))

    @property
    @override
    def full_bytes(self) -> int:
        return self._full_bytes

    @override
    def quick(self) -> Batch:
        room = self._full_bytes if self._codec is None else _QUICK_BYTES
        return RecordBatch(room, None, self._now_ms)

    @override
    def full(self) -> Batch:
        return RecordBatch(self._full_bytes, self._codec, self._now_ms)
