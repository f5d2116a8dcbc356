"""Kafka's record format 2 (KIP-98): how a batch begins, and what a record is made of.

Lengths and differences are numbers of variable length: zigzag first (0, -1, 1, -2 become
0, 1, 2, 3), then seven bits a byte, the lowest first; the eighth bit says that more follow.

aiokafka's extension takes a microsecond to write nine headers into a batch, most of which
are the same in every record of a slice. So headers are made in the form of the batch from
the start, and copied as one piece.
"""

from collections.abc import Sequence
from struct import Struct
from typing import Final, TypeAlias

# -- the beginning of a batch --------------------------------------------------

BEGINNING: Final = Struct(">qiibI")
"""Base offset, bytes after this second field, leader's epoch, format, checksum.

The checksum (CRC-32C) is of all that follows.
"""
UNCOUNTED: Final = 12
"""Bytes of base offset and length, which the length leaves out."""
FORMAT: Final = 2
"""Since Kafka 0.11; the first with headers."""
CHECKED: Final = Struct(">hiqqqhii")
"""What follows, and what the checksum begins with: attributes, last offset delta, first
and latest timestamp, producer's id and epoch, first sequence number, records."""
CODEC: Final = 0b111
"""Bits of the attributes that say how the records are compressed; 0 = they are not."""
LOG_APPEND_TIME: Final = 0b1000
"""The bit that says that the broker dated the records: with the latest timestamp."""

# -- numbers -------------------------------------------------------------------

_MORE: Final = 0x80
"""The bit that says that more bytes follow."""
_KEPT_MAX: Final = 16_384
"""Lengths of records and their places in a batch repeat; larger numbers are not kept."""


class _Varints(dict[int, bytes]):
    """Number -> how it is written; a look-up costs a third of a call."""

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
"""In the place of a length: there is no value."""

# -- records to be written -----------------------------------------------------

Block: TypeAlias = bytes
"""The headers of a record: their number, then names and values, each with its length."""
Header: TypeAlias = tuple[str, bytes | None]
"""Name and value; what others send may have headers without a value."""


Outgoing: TypeAlias = tuple[bytes | None, bytes | None, Block]
"""A record to be written: key, value (None = tombstone), headers."""


def block_of(headers: Sequence[Header]) -> Block:
    """Return headers as a record carries them, in their order."""
    return VARINTS[len(headers)] + b"".join([header(*one) for one in headers])


def header(name: str, value: bytes | None) -> bytes:
    """Return one header as a record carries it."""
    return before_value(name) + _sized(value)


def before_value(name: str) -> bytes:
    """Return what stands before the value of a header and its length."""
    return _sized(name.encode())


NO_HEADERS: Final[Block] = block_of(())


def _sized(text: bytes | None) -> bytes:
    return NULL if text is None else VARINTS[len(text)] + text
