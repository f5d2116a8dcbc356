"""Checksums of record batches (CRC-32C) with the processor's instruction for them."""

from google_crc32c import extend as extended
from google_crc32c import value as crc32c

__all__ = ["crc32c", "extended"]
