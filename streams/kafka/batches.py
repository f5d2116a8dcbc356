"""Choose size and compression of output batches (record format 2, KIP-98).

Records for an idle partition are sent at once in an uncompressed batch: setting up a
codec costs more than copying a few records. Records that gather behind another batch
are compressed as configured: decisions resemble each other and shrink to a twentieth.
"""

from collections.abc import Callable
from typing import Final

from typing_extensions import override

from streams.kafka.aiokafka_internals.codecs import CODECS
from streams.kafka.aiokafka_internals.record_batch import RecordBatch
from streams.kafka.sink import Batch, Batches

_FULL_BYTES: Final = 1_000_000
"""Just under a topic's default limit. A request costs the same for a small batch: with
128 KiB throughput was an eighth lower."""
_QUICK_BYTES: Final = 65_536
"""About fifty decisions, what a partition gets at tens of thousands a second. Records
that do not fit wait for the first batch's acknowledgement and need another request (at
10,000 a second and 16 KiB, half of all requests)."""
_REQUEST_BYTES: Final = 96_000_000
"""A produce request holds one batch of each partition that has any, and brokers refuse
requests over 100 MiB (``socket.request.max.bytes``)."""
_OUTPUT_TOPICS: Final = 5


class RecordBatches(Batches):
    """Creates batches.

    Parameters
    ----------
    compression_type
        Value of the setting; None = not compressed.
    now_ms
        UTC ms.
    partitions
        Partitions of each output topic; with more than nineteen, batches are smaller.
    most
        Largest batch, bytes, that every output topic accepts.
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
