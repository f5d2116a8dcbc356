"""Which partition a buyer belongs to: Kafka's own hash, quick enough for every record."""

import struct
from typing import Final

_M: Final = 0x5BD1E995
_MASK: Final = 0xFFFFFFFF
_SEED: Final = 0x9747B28C
_WORDS: Final = tuple(struct.Struct(f"<{count}I") for count in range(33))
"""Readers of 0 to 32 little-endian words; longer keys are read word by word."""


def murmur2(data: bytes) -> int:
    """Return Kafka's 32-bit murmur2 of ``data`` (``org.apache.kafka.common.utils.Utils``)."""
    length = len(data)
    count = length >> 2
    h = _SEED ^ length
    words = (
        _WORDS[count].unpack_from(data)
        if count < len(_WORDS)
        else struct.unpack_from(f"<{count}I", data)
    )
    for word in words:
        k = (word * _M) & _MASK
        h = ((h * _M) ^ ((k ^ (k >> 24)) * _M)) & _MASK
    tail = data[count << 2 :]
    if tail:
        h = ((h ^ int.from_bytes(tail, "little")) * _M) & _MASK
    h = ((h ^ (h >> 13)) * _M) & _MASK
    return h ^ (h >> 15)


def partition_of(key: str, partitions: int) -> int:
    """Return ``murmur2(key) & 0x7fffffff % partitions`` (contract section 1)."""
    return (murmur2(key.encode()) & 0x7FFFFFFF) % partitions
