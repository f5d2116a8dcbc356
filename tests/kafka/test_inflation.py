"""Compressed batches: how much they unpack to is known before it is in memory."""

import contextlib
import gzip

import pytest
from aiokafka.codec import (
    gzip_encode,
    lz4_encode,
    snappy_encode,
    zstd_encode,
)
from hypothesis import given
from hypothesis import strategies as st

from streams.kafka.aiokafka_internals.codecs import GZIP, LZ4, SNAPPY, ZSTD
from streams.kafka.inflation import (
    BATCH_MAX_BYTES,
    InflationError,
    check_size,
    inflate,
)

ENCODE = {GZIP: gzip_encode, SNAPPY: snappy_encode, LZ4: lz4_encode, ZSTD: zstd_encode}
CODECS = sorted(ENCODE)


@pytest.mark.parametrize("codec", CODECS)
@given(st.binary(min_size=1, max_size=300), st.integers(1, 3_000))
def test_what_a_codec_packed_is_taken_and_unpacked(
    codec: int, text: bytes, times: int
) -> None:
    whole = text * times
    packed = memoryview(ENCODE[codec](whole))
    check_size(codec, packed)
    assert inflate(codec, packed) == whole


@pytest.mark.parametrize("codec", CODECS)
@pytest.mark.parametrize("over", [0, 1])
def test_a_batch_of_the_largest_size_is_unpacked_and_a_larger_one_refused(
    codec: int, over: int
) -> None:
    packed = memoryview(ENCODE[codec](bytes(BATCH_MAX_BYTES + over * 1_000_000)))
    if over:
        with pytest.raises(InflationError, match="unpacks to more than"):
            inflate(codec, packed)
    else:
        assert len(inflate(codec, packed)) == BATCH_MAX_BYTES


@pytest.mark.parametrize("codec", [GZIP, LZ4])
def test_what_follows_the_end_of_a_stream_is_left_out(codec: int) -> None:
    packed = memoryview(ENCODE[codec](b"a text") + b"more")
    assert inflate(codec, packed) == b"a text"


def test_gzip_streams_one_after_the_other_are_one() -> None:
    packed = memoryview(gzip.compress(b"a") + gzip.compress(b"b"))
    assert inflate(GZIP, packed) == b"ab"


@pytest.mark.parametrize("codec", [*CODECS, 5, 6, 7])
@given(st.binary(max_size=60), st.integers(0, 40))
def test_garbage_is_refused_and_nothing_else_is_raised(
    codec: int, garbage: bytes, kept: int
) -> None:
    begin = ENCODE.get(codec, zstd_encode)(b"a text of some length")[:kept]
    with contextlib.suppress(InflationError):
        inflate(codec, memoryview(begin + garbage))


@pytest.mark.parametrize("claimed", [b"\xff\xff\xff\xff\x0f", b"\xff\xff\xff\x7f"])
def test_a_snappy_block_cannot_claim_memory_that_it_does_not_fill(
    claimed: bytes,
) -> None:
    with pytest.raises(InflationError):
        inflate(SNAPPY, memoryview(claimed + b"x"))
