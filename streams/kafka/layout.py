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
