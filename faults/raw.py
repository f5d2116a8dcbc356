"""Record batches written by hand, as hostile as record format 2 allows (KIP-98).

Clients refuse to write what is here; brokers take it. Names of headers are bytes, so
that they need not be UTF-8, and every number may be another than it should be.
"""

from collections.abc import Sequence

import msgspec
from aiokafka import AIOKafkaProducer, TopicPartition
from google_crc32c import value as crc32c

from faults.lab_logs import now_ms
from streams.kafka.aiokafka_internals.codecs import CODECS
from streams.records.record_format import (
    BEGINNING,
    CHECKED,
    FORMAT,
    NULL,
    UNCOUNTED,
    VARINTS,
)

RawHeader = tuple[bytes, bytes | None]


class RawRecord(msgspec.Struct, frozen=True, kw_only=True):
    """One record, its parts as bytes."""

    key: bytes | None = None
    value: bytes | None = None
    headers: Sequence[RawHeader] = ()
    attributes: bytes = b"\0"
    """One byte; none of its bits is in use, and brokers take any."""
    delta: int | None = None
    """Of the offset; None = its place in the batch."""

    def written(self, place: int) -> bytes:
        """Return the record as it stands in a batch."""
        pieces = [
            self.attributes,
            VARINTS[0],  # no later than the batch
            VARINTS[place if self.delta is None else self.delta],
            _sized(self.key),
            _sized(self.value),
            VARINTS[len(self.headers)],
        ]
        for name, value in self.headers:
            pieces += (_sized(name), _sized(value))
        body = b"".join(pieces)
        return VARINTS[len(body)] + body


class RawBatch:
    """A batch of records, as aiokafka's sender takes it.

    Parameters
    ----------
    records
        One or more.
    codec
        ``gzip``, ``snappy``, ``lz4``, ``zstd`` or None.
    after
        Bytes that follow what is compressed.
    at_ms
        Timestamp of every record, UTC ms; -1 = none.
    """

    def __init__(
        self,
        records: Sequence[RawRecord],
        codec: str | None = None,
        after: bytes = b"",
        at_ms: int | None = None,
    ) -> None:
        self._records = records
        self._codec = codec
        self._after = after
        self._at_ms = now_ms() if at_ms is None else at_ms

    def record_count(self) -> int:
        """Return how many records it holds."""
        return len(self._records)

    def close(self) -> None:
        """It never takes more."""

    def closed(self) -> bool:
        """It never takes more."""
        return True

    def _set_producer_state(self, number: int, epoch: int, sequence: int) -> None:
        """Its producer is not idempotent."""

    def _build(self) -> bytes:
        records = b"".join(
            [one.written(place) for place, one in enumerate(self._records)]
        )
        codec, attributes = CODECS[self._codec], 0
        if codec is not None:
            attributes, compress = codec
            records = compress(records)
        records += self._after
        count = len(self._records)
        checked = CHECKED.pack(
            attributes, count - 1, self._at_ms, self._at_ms, -1, -1, -1, count
        )
        length = BEGINNING.size - UNCOUNTED + len(checked) + len(records)
        return (
            BEGINNING.pack(0, length, -1, FORMAT, crc32c(checked + records))
            + checked
            + records
        )

    built = _build


async def put(
    producer: AIOKafkaProducer, where: TopicPartition, batch: RawBatch
) -> int:
    """Write a batch and return its first offset.

    Raises
    ------
    KafkaError
        The broker refuses it.
    """
    sent = await producer.send_batch(batch, where.topic, partition=where.partition)
    return int((await sent).offset)


def _sized(text: bytes | None) -> bytes:
    return NULL if text is None else VARINTS[len(text)] + text
