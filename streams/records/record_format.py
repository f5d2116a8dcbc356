"""Kafka's record format 2 (KIP-98): the batch header and the parts of a record.

Lengths and deltas are varints: zigzag first (0, -1, 1, -2 become 0, 1, 2, 3), then
seven bits per byte, lowest first; the eighth bit says that more follow.

aiokafka's extension takes a microsecond to write nine headers into a batch, most of
them equal in every record of a slice. So headers are built in batch format from the
start, and copied as one piece.
"""

from collections.abc import Sequence
from struct import Struct
from typing import Final, TypeAlias

# -- the header of a batch ----------------------------------------------------

BEGINNING: Final = Struct(">qiibI")
"""Base offset, number of bytes after this second field, leader epoch, format, checksum.

The checksum (CRC-32C) covers everything that follows.
"""
UNCOUNTED: Final = 12
"""Bytes of base offset and length, which the length does not count."""
FORMAT: Final = 2
"""Record format since Kafka 0.11; the first with headers."""
CHECKED: Final = Struct(">hiqqqhii")
"""The fields that follow, where the checksum starts: attributes, last offset delta,
first and latest timestamp, producer id and epoch, first sequence number, record
count."""
CODEC: Final = 0b111
"""Attribute bits of the codec; 0 = not compressed."""
LOG_APPEND_TIME: Final = 0b1000
"""Attribute bit: the broker set the timestamps, to the latest timestamp."""

# -- varints ------------------------------------------------------------------

_MORE: Final = 0x80
"""The bit that says that more bytes follow."""
_KEPT_MAX: Final = 16_384
"""Largest cached number: record lengths and offset deltas repeat, larger ones are not
cached."""


class _Varints(dict[int, bytes]):
    """Number -> varint; a look-up takes a third of a call."""

    def __missing__(self, number: int) -> bytes:
        written = _written(number)
        if 0 <= number < _KEPT_MAX:
            self[number] = written
        return written


def _written(number: int) -> bytes:
    left = number << 1 if number >= 0 else (-number << 1) - 1
    found = bytearray()
    while left >= _MORE:
        found.append(left & ~_MORE & 0xFF | _MORE)
        left >>= 7
    found.append(left)
    return bytes(found)


VARINTS: Final = _Varints()
NULL: Final = VARINTS[-1]
"""Used as a length: no value."""

# -- records to be written -----------------------------------------------------

Block: TypeAlias = bytes
"""The headers of a record: their count, then names and values, each with its length."""
Header: TypeAlias = tuple[str, bytes | None]
"""Name and value; headers of others may have no value."""


Outgoing: TypeAlias = tuple[bytes | None, bytes | None, Block]
"""A record to write: key, value (None = tombstone), headers."""


def block_of(headers: Sequence[Header]) -> Block:
    """Encode headers in record format, in their order."""
    return VARINTS[len(headers)] + b"".join([header(*one) for one in headers])


def header(name: str, value: bytes | None) -> bytes:
    """Encode one header in record format."""
    return before_value(name) + _sized(value)


def before_value(name: str) -> bytes:
    """Encode the part of a header before its value and the value's length."""
    return _sized(name.encode())


NO_HEADERS: Final[Block] = block_of(())


def _sized(text: bytes | None) -> bytes:
    return NULL if text is None else VARINTS[len(text)] + text
