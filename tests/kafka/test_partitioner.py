"""The hash is Kafka's: checked against aiokafka's slow one, and against kafka-clients."""

import re
import subprocess
from pathlib import Path
from typing import Final

import pytest
from aiokafka.partitioner import DefaultPartitioner
from aiokafka.partitioner import murmur2 as slow_murmur2
from hypothesis import example, given
from hypothesis import strategies as st

from streams.processing.partitioner import misplaced, murmur2, partition_of
from testkit.jars import java_program

PAGE: Final = (Path(__file__).parents[2] / "docs" / "topics.md").read_text("utf-8")
COUNTS: Final = (6, 8, 12, 24)
ROWS: Final = re.findall(
    r"^\| (?:`(.+)`|\(empty\)) \| `([0-9a-f]{8})` \| (\d+) \| (\d+) \| (\d+) \| (\d+) \|$",
    PAGE,
    re.MULTILINE,
)
VECTORS: Final = [
    (key, int(hashed, 16), tuple(map(int, numbers))) for key, hashed, *numbers in ROWS
]
"""The table of docs/topics.md: key, hash, its partition of 6, 8, 12 and 24."""

JAVA: Final = """
import java.nio.charset.StandardCharsets;
import org.apache.kafka.clients.producer.internals.BuiltInPartitioner;
import org.apache.kafka.common.utils.Utils;

class Vectors {
    public static void main(String[] keys) {
        for (String name : keys) {
            // The shell's encoding must not matter: keys come as hex.
            byte[] key = java.util.HexFormat.of().parseHex(name.substring(1));
            StringBuilder line = new StringBuilder();
            line.append(Integer.toUnsignedString(Utils.murmur2(key)));
            for (int count : new int[] {6, 8, 12, 24}) {
                line.append(' ');
                line.append(BuiltInPartitioner.partitionForKey(key, count));
            }
            System.out.println(line);
        }
    }
}
"""


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


def test_the_vectors_of_the_page_are_what_we_compute() -> None:
    found = [
        (key, murmur2(key.encode()), tuple(partition_of(key, n) for n in COUNTS))
        for key, _, _ in VECTORS
    ]
    assert found == VECTORS
    keys = {key for key, _, _ in VECTORS}
    assert "" in keys
    assert any(key and key.isascii() for key in keys)
    assert any("\u4e00" <= letter <= "\u9fff" for key in keys for letter in key)


def test_without_the_brackets_of_the_formula_the_vectors_differ() -> None:
    """``%`` binds closer than ``&``, in Java, C and Python; with 8 partitions it hides."""
    for place, count in enumerate(COUNTS):
        loose = [murmur2(key.encode()) & 0x7FFFFFFF % count for key, _, _ in VECTORS]
        right = [numbers[place] for _, _, numbers in VECTORS]
        assert (loose == right) == (count == 8)


def test_the_vectors_of_the_page_are_what_kafka_clients_compute(
    libs: Path, tmp_path: Path
) -> None:
    source = tmp_path / "Vectors.java"
    source.write_text(JAVA, encoding="ascii")
    keys = ["x" + key.encode().hex() for key, _, _ in VECTORS]
    command = [java_program(), "-cp", f"{libs}/*", str(source), *keys]
    answer = subprocess.run(command, capture_output=True, text=True, check=False)
    if "jdk.compiler" in answer.stderr:
        pytest.skip("this Java runs no sources: it comes without a compiler")
    assert answer.returncode == 0, answer.stderr
    found = [list(map(int, line.split())) for line in answer.stdout.splitlines()]
    assert found == [[hashed, *numbers] for _, hashed, numbers in VECTORS]


@pytest.mark.parametrize(
    ("buyer_id", "order_id", "owner"),
    [
        ("b-77", "o-1", "b-77"),
        (None, "o-1", "o-1"),
        ("", "o-1", "o-1"),
        ("", "", None),
        (None, None, None),
        (77, "o-1", None),
        ({}, "o-1", None),
        (0, "o-1", None),
    ],
)
def test_a_record_belongs_to_its_buyer_or_else_to_its_order(
    buyer_id: object, order_id: str | None, owner: str | None
) -> None:
    home = None if owner is None else partition_of(owner, 8)
    for number in range(8):
        wanted = None if number == home else home
        assert misplaced(buyer_id, order_id, number, 8) == wanted
