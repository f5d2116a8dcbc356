"""Batches of outputs, as the producer sends them.

What finds its partition idle leaves at once in a batch that is not compressed: a codec
costs more to set up than a few records take to copy. What gathers is compressed as
told: decisions are much alike, and shrink to a twentieth.
"""

from collections.abc import Sequence
from typing import Final

from aiokafka.producer.message_accumulator import BatchBuilder
from aiokafka.record.default_records import DefaultRecordBatch
from typing_extensions import override

from streams.kafka.sink import Batch, Batches
from streams.records.headers import Header

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
_CODECS: Final[dict[str | None, int]] = {
    None: DefaultRecordBatch.CODEC_NONE,
    "gzip": DefaultRecordBatch.CODEC_GZIP,
    "snappy": DefaultRecordBatch.CODEC_SNAPPY,
    "lz4": DefaultRecordBatch.CODEC_LZ4,
    "zstd": DefaultRecordBatch.CODEC_ZSTD,
}
"""By the setting's value: the number in the attributes of a batch (record format 2)."""


class LeanBatch(BatchBuilder, Batch):  # type: ignore[misc]  # aiokafka is untyped here
    """aiokafka's batch, filled without its serializers and keyword arguments.

    Those take more time than the extension needs for a small record.
    """

    _closed: bool
    _relative_offset: int

    @override
    def add(
        self, key: bytes | None, value: bytes | None, headers: Sequence[Header]
    ) -> bool:
        number = self._relative_offset
        if self._closed or (
            self._builder.append(number, None, key, value, headers) is None
        ):
            self._closed = True
            return False
        self._relative_offset = number + 1
        return True


class LeanBatches(Batches):
    """Makes batches.

    Parameters
    ----------
    compression_type
        That of the setting, None = none.
    partitions
        Of each output topic; with more than nineteen the batches are smaller.
    """

    def __init__(self, compression_type: str | None, partitions: int = 1) -> None:
        self._codec = _CODECS[compression_type]
        share = _REQUEST_BYTES // (_OUTPUT_TOPICS * partitions)
        self._full_bytes = max(_QUICK_BYTES, min(_FULL_BYTES, share))

    @override
    def quick(self) -> Batch:
        size = (
            self._full_bytes
            if self._codec == DefaultRecordBatch.CODEC_NONE
            else _QUICK_BYTES
        )
        return LeanBatch(size, DefaultRecordBatch.CODEC_NONE)

    @override
    def full(self) -> Batch:
        return LeanBatch(self._full_bytes, self._codec)
