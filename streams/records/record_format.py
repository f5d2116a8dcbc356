"""How a record batch begins on the wire (record format 2, KIP-98)."""

from struct import Struct
from typing import Final

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
