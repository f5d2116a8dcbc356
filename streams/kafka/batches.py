"""Batches of outputs, as the broker takes them (record format 2, KIP-98).

What finds its partition idle leaves at once in a batch that is not compressed: a codec
costs more to set up than a few records take to copy. What gathers is compressed as
told: decisions are much alike, and shrink to a twentieth.
"""

from collections.abc import Callable
from typing import Final

from typing_extensions import override

from streams.kafka.aiokafka_internals.codecs import CODECS
from streams.kafka.aiokafka_internals.record_batch import RecordBatch
from streams.kafka.sink import Batch, Batches

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
