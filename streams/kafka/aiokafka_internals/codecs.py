"""The codecs of record batches, as aiokafka binds them: typed, to compress and to unpack.

The functions are C or Rust underneath, and raise what the codec raises.
"""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Final

from aiokafka import codec as bound

GZIP, SNAPPY, LZ4, ZSTD = 1, 2, 3, 4
"""Numbers of the codecs in the attributes of a batch."""

_LZ4_LEVEL: Final = 1
"""aiokafka uses 9: a tenth smaller at eight times the time (7.9 µs per decision)."""

Codec = tuple[int, Callable[[bytes], bytes]]
"""Codec number in the batch attributes, and the function that compresses."""
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
"""By number; we unpack gzip ourselves, with a size limit
(:mod:`streams.kafka.inflation`)."""
