"""Records on their way out: key, value, and headers in the form that a batch carries.

aiokafka's extension takes a microsecond to write nine headers into a batch, most of which
are the same in every record of a slice. So they are made in the form of record format 2
(KIP-98) from the start, and copied as one piece.
"""

from collections.abc import Sequence
from typing import Final, TypeAlias

from streams.records.varints import NULL, VARINTS

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
