"""A record batch that aiokafka's sender accepts as its own (format 2, KIP-98).

A record is encoded in one call with all its headers in one piece; aiokafka's builder
writes record by record, header by header. The sender uses these members of a batch:
``closed``, ``record_count``, ``_set_producer_state`` and ``_build``.
"""

from collections.abc import Callable, Sequence
from typing import Final

from google_crc32c import extend
from google_crc32c import value as crc32c
from typing_extensions import override

from streams.kafka.aiokafka_internals.codecs import Codec
from streams.kafka.sink import Batch
from streams.records.record_format import (
    BEGINNING,
    CHECKED,
    FORMAT,
    NULL,
    UNCOUNTED,
    VARINTS,
    Outgoing,
)

_UNKNOWN_EPOCH: Final = -1
_ATTRIBUTES: Final = b"\0"
"""Attributes of a record: no bit is in use (KIP-98)."""


class RecordBatch(Batch):
    """Records of one partition; aiokafka's sender calls the underscore methods.

    Parameters
    ----------
    room
        Most bytes, uncompressed; the first record is accepted whatever its size.
    codec
        None = not compressed.
    now_ms
        UTC ms; the timestamp of a record is when it was added.

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
        """Whether it accepts no more records."""
        return self._closed

    def _set_producer_state(self, number: int, epoch: int, sequence: int) -> None:
        self._producer = number, epoch, sequence

    def _build(self) -> bytes:
        """Return the encoded batch; the same bytes at every retry."""
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
