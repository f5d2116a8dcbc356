"""The hash is Kafka's: checked against aiokafka's slow one."""

import pytest
from aiokafka.partitioner import DefaultPartitioner
from aiokafka.partitioner import murmur2 as slow_murmur2
from hypothesis import example, given
from hypothesis import strategies as st

from streams.kafka.routing import murmur2, partition_of


@given(st.binary(max_size=300))
@example(b"")
@example(b"\xff" * 3)
@example(bytes(range(128)))
@example(b"\x80" * 132)
def test_any_key_hashes_as_aiokafka_hashes_it(key: bytes) -> None:
    assert murmur2(key) == slow_murmur2(key)


@pytest.mark.parametrize(
    ("key", "hashed"),
    [
        # Kafka's own test vectors (UtilsTest.testMurmur2), as unsigned numbers.
        (b"21", -973932308 & 0xFFFFFFFF),
        (b"foobar", -790332482 & 0xFFFFFFFF),
        (b"a-little-bit-long-string", -985981536 & 0xFFFFFFFF),
        (b"a-little-bit-longer-string", -1486304829 & 0xFFFFFFFF),
        (
            b"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8",
            -58897971 & 0xFFFFFFFF,
        ),
        (b"abc", 479470107),
    ],
)
def test_the_vectors_of_kafka_itself_hold(key: bytes, hashed: int) -> None:
    assert murmur2(key) == hashed


@given(st.text(max_size=40), st.integers(1, 64))
def test_a_key_goes_where_kafkas_default_partitioner_sends_it(
    key: str, partitions: int
) -> None:
    numbers = list(range(partitions))
    assert partition_of(key, partitions) == DefaultPartitioner()(
        key.encode(), numbers, numbers
    )
