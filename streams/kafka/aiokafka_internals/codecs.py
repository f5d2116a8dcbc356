"""The codecs of record batches, as aiokafka binds them; typed, for both directions.

The functions are C or Rust underneath and raise whatever the codec raises.
"""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Final

from aiokafka import codec as bound

GZIP, SNAPPY, LZ4, ZSTD = 1, 2, 3, 4
"""Numbers of the codecs in the attributes of a batch."""

_LZ4_LEVEL: Final = 1
"""aiokafka's is 9: a tenth smaller, and eight times the time (7.9 µs a decision)."""

Codec = tuple[int, Callable[[bytes], bytes]]
"""The number in the attributes of a batch, and what compresses."""
CODECS: Final[Mapping[str | None, Codec | None]] = {
    None: None,
    "gzip": (GZIP, bound.gzip_encode),
    "snappy": (SNAPPY, bound.snappy_encode),
    "lz4": (LZ4, partial(bound.lz4_encode, level=_LZ4_LEVEL)),
    "zstd": (ZSTD, bound.zstd_encode),
}
"""By the value of ``kafka.compression_type``."""

DECODERS: Final[Mapping[int, Callable[[bytes], bytes]]] = {
    SNAPPY: bound.snappy_decode,
    LZ4: bound.lz4_decode,
    ZSTD: bound.zstd_decode,
}
"""By number; gzip is opened with a bound by ourselves (:mod:`streams.kafka.inflation`)."""
