"""Unpack compressed batches with a size limit: a megabyte can unpack to gigabytes.

Brokers accept any batch that unpacks, piece by piece; the client unpacks a batch into
memory at once. So the size is computed first from the frames that the codecs write,
which costs almost nothing; only large gzip streams, which do not state it, are unpacked
here.
"""

import zlib
from struct import Struct
from typing import Final

from streams.kafka.aiokafka_internals.codecs import (
    DECODERS,
    GZIP,
    LZ4,
    SNAPPY,
)

BATCH_MAX_BYTES: Final = 67_108_864
"""Largest unpacked batch. Producers write batches of a megabyte, by default of 16
KiB."""

_GZIP_MOST: Final = 1032
"""Largest expansion of deflate: bytes from one byte."""
GZIP_SURE_BYTES: Final = BATCH_MAX_BYTES // _GZIP_MOST
"""A gzip stream of at most this size unpacks to no more than the limit."""
_GZIP_WINDOW: Final = 31
"""``wbits`` of zlib for a gzip header."""
_GZIP_BEGIN: Final = b"\x1f\x8b"

_INT_LE: Final = Struct("<I")
_INT_BE: Final = Struct(">i")
_XERIAL: Final = b"\x82SNAPPY\0"
_XERIAL_BYTES: Final = 16
_LZ4_BLOCKS: Final = {4: 65_536, 5: 262_144, 6: 1_048_576, 7: 4_194_304}
_LZ4_PLAIN: Final = 0x8000_0000
_ZSTD_BLOCK: Final = 131_072
_ZSTD_MAGIC: Final = 0xFD2F_B528
_ZSTD_FRAMES: Final = 1_024
"""No producer writes more frames into a batch."""


class InflationError(ValueError):
    """A batch cannot be unpacked, or unpacks to more than the limit."""


def check_size(codec: int, packed: memoryview) -> None:
    """Refuse a batch that unpacks to more than :data:`BATCH_MAX_BYTES`, without unpacking it.

    A gzip stream over :data:`GZIP_SURE_BYTES` is refused too: its size is unknown.

    Raises
    ------
    InflationError
        It is too large, or its frames are invalid.
    """
    if codec == GZIP:
        most = len(packed) * _GZIP_MOST
    elif codec == SNAPPY:
        most = _of_snappy(packed)
    elif codec == LZ4:
        most, _ = _of_lz4(packed)
    else:
        most = _of_zstd(packed)
    if most > BATCH_MAX_BYTES:
        raise InflationError(f"unpacks to more than {BATCH_MAX_BYTES} bytes")


def inflate(codec: int, packed: memoryview) -> bytes:
    """Unpack a batch that the client may not be able to; bytes after the stream are dropped.

    Raises
    ------
    InflationError
        The batch cannot be unpacked, or is too large.
    """
    try:
        if codec == GZIP:
            return _gunzip(packed)
        check_size(codec, packed)
        if codec == LZ4:
            _, end = _of_lz4(packed)
            packed = packed[:end]
        if codec in DECODERS:
            return bytes(DECODERS[codec](packed.tobytes()))
    except InflationError:
        raise
    except Exception as problem:
        raise InflationError(f"{type(problem).__name__}: {problem}") from problem
    raise InflationError(f"codec {codec} is none")


def _gunzip(packed: memoryview) -> bytes:
    pieces: list[bytes] = []
    left = BATCH_MAX_BYTES + 1
    rest = packed.tobytes()
    while rest.startswith(_GZIP_BEGIN):
        member = zlib.decompressobj(_GZIP_WINDOW)
        piece = member.decompress(rest, left)
        pieces.append(piece)
        left -= len(piece)
        if left <= 0:
            raise InflationError(f"unpacks to more than {BATCH_MAX_BYTES} bytes")
        if not member.eof:
            raise InflationError("a gzip stream without an end")
        rest = member.unused_data
    if not pieces:
        raise InflationError("no gzip stream")
    return b"".join(pieces)


def _of_snappy(packed: memoryview) -> int:
    """Return the sum of the sizes that the blocks state."""
    if bytes(packed[: len(_XERIAL)]) != _XERIAL:
        return _length_at(packed, 0)
    at, most = _XERIAL_BYTES, 0
    while at + _INT_BE.size < len(packed):
        (size,) = _INT_BE.unpack_from(packed, at)
        at += _INT_BE.size
        if size <= 0:
            raise InflationError("a snappy block without a size")
        most += _length_at(packed, at)
        at += size
    return most


def _length_at(packed: memoryview, at: int) -> int:
    """Read the length at the start of a snappy block."""
    found = shift = 0
    for byte in packed[at : at + 5]:
        found |= (byte & 0x7F) << shift
        if byte < 0x80:  # noqa: PLR2004 - the bit that marks a continuation
            return found
        shift += 7
    raise InflationError("a snappy block without a length")


def _of_lz4(packed: memoryview) -> tuple[int, int]:
    """Return the largest unpacked size of a frame, and where it ends."""
    try:
        flags, described = packed[4], packed[5]
        at = 7 + (8 if flags & 0x08 else 0) + (4 if flags & 0x01 else 0)
        block = _LZ4_BLOCKS[described >> 4 & 7]
        most = 0
        while True:
            (size,) = _INT_LE.unpack_from(packed, at)
            at += _INT_LE.size
            if not size:
                break
            plain = size & ~_LZ4_PLAIN
            most += plain if size & _LZ4_PLAIN else block
            at += plain + (4 if flags & 0x10 else 0)
    except Exception as problem:
        raise InflationError("an lz4 frame that makes no sense") from problem
    return most, at + (4 if flags & 0x04 else 0)


def _of_zstd(packed: memoryview) -> int:
    """Return the largest unpacked size of the frames: 128 KiB for each block."""
    at, most, size = 0, 0, len(packed)
    try:
        for _ in range(_ZSTD_FRAMES):
            if at >= size:
                return most
            (magic,) = _INT_LE.unpack_from(packed, at)
            if magic != _ZSTD_MAGIC:  # a skippable frame, or no frame
                at += 8 + _INT_LE.unpack_from(packed, at + 4)[0]
                continue
            at, found = _zstd_frame(packed, at + 4)
            most += found
    except Exception as problem:
        raise InflationError("a zstd frame that makes no sense") from problem
    raise InflationError("more zstd frames than a batch has")


def _zstd_frame(packed: memoryview, at: int) -> tuple[int, int]:
    """Walk the blocks of a frame (RFC 8878, 3.1.1); return its end and largest unpacked size."""
    described = packed[at]
    single = described >> 5 & 1
    size_bytes = (1 if single else 0, 2, 4, 8)[described >> 6]
    at += 1 + (0 if single else 1) + (0, 1, 2, 4)[described & 3] + size_bytes
    most = 0
    while True:
        head = packed[at] | packed[at + 1] << 8 | packed[at + 2] << 16
        at += 3
        kind, size = head >> 1 & 3, head >> 3
        most += _ZSTD_BLOCK if kind == 2 else size  # noqa: PLR2004 - compressed
        at += 1 if kind == 1 else size
        if head & 1:
            return at + (4 if described >> 2 & 1 else 0), most
