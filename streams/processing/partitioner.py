"""Find the partition of a record by Kafka's own hash of its buyer id."""

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
    """Return ``(murmur2(key) & 0x7fffffff) % partitions``: where Kafka's producer sends a key.

    Parameters
    ----------
    key
        Hashed as UTF-8. A buyer id; or an order id while no buyer is known.
    partitions
        How many the topic has.
    """
    return partition_of_key(key.encode(), partitions)


def partition_of_key(key: bytes, partitions: int) -> int:
    """Return where Kafka's own producer sends a record with this key."""
    return (murmur2(key) & 0x7FFFFFFF) % partitions


def misplaced(
    buyer_id: object, order_id: str | None, partition: int, partitions: int
) -> int | None:
    """E-38: return where a record belongs, if that is another partition than the one given.

    Parameters
    ----------
    buyer_id
        As in the record. A value that is no string is no buyer id: such a request goes
        to a person anyway, so there is no partition to compare with.
    order_id
        Used in place of a missing buyer id.
    partition
        Where the record was found.
    """
    owner = order_id if buyer_id is None or buyer_id == "" else buyer_id
    if not owner or type(owner) is not str:
        return None
    expected = partition_of(owner, partitions)
    return None if expected == partition else expected
