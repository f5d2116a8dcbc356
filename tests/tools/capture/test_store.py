import json
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.errors import UsageError
from streams.tools.capture.manifest import Asked, Manifest, Part, Span, load, save
from streams.tools.capture.record import Captured
from streams.tools.capture.store import FORMATS, Capture, write_part

maybe = st.none() | st.binary(max_size=40) | st.text(max_size=20).map(str.encode)
records = st.lists(
    st.builds(
        Captured,
        topic=st.just("refund.requests"),
        partition=st.just(3),
        offset=st.integers(0, 2**62),
        timestamp=st.integers(-1, 2**50),
        timestamp_type=st.sampled_from((0, 1)),
        key=maybe,
        value=maybe,
        headers=st.lists(st.tuples(st.text(max_size=9), maybe), max_size=3).map(tuple),
    ),
    min_size=1,
    max_size=300,
)


def record(
    topic: str, partition: int, offset: int, at_ms: int, value: bytes | None = b"{}"
) -> Captured:
    return Captured(f"refund.{topic}", partition, offset, at_ms, 0, b"k", value)


def stored(folder: Path, found: Sequence[Captured], form: str = "parquet") -> Capture:
    """A finished capture of these records, one part a partition and 100 offsets."""
    lanes: dict[tuple[str, int, int], list[Captured]] = {}
    for one in found:
        lane = (one.topic, one.partition, one.offset // 100)
        lanes.setdefault(lane, []).append(one)
    parts = [write_part(folder, form, lane) for lane in lanes.values()]
    spans: dict[tuple[str, int], Span] = {}
    for one in found:
        end = one.offset + 1
        spans[one.topic, one.partition] = Span(
            topic=one.topic, partition=one.partition, start=0, end=end, next=end
        )
    topics = tuple(dict.fromkeys(one.topic for one in found))
    save(folder, manifest(topics, list(spans.values()), parts, form))
    return Capture(folder)


def manifest(
    topics: tuple[str, ...], spans: list[Span], parts: list[Part], form: str
) -> Manifest:
    return Manifest(
        app_version="1",
        created_at_ms=1,
        cluster_id="c",
        prefix="refund.",
        partitions=4,
        asked=Asked(
            topics=topics,
            from_ms=None,
            until_ms=None,
            ranges=(),
            facts="whole",
            format=form,
            redaction=None,
        ),
        spans=spans,
        parts=parts,
    )


@pytest.mark.parametrize("form", FORMATS)
@given(found=records)
def test_what_is_written_is_read_byte_for_byte(
    form: str, found: list[Captured]
) -> None:
    with TemporaryDirectory() as folder:
        part = write_part(Path(folder), form, found)
        assert list(FORMATS[form].read(Path(folder) / part.file)) == found
        assert part.records == len(found)


def test_a_part_is_parquet_with_zstd_and_the_promised_columns(tmp_path: Path) -> None:
    part = write_part(tmp_path, "parquet", [record("requests", 1, 7, 5)])
    assert part.file == "refund.requests-1-00000000000000000007.parquet"
    with pq.ParquetFile(tmp_path / part.file) as file:
        assert file.schema_arrow.names == [
            "topic",
            "partition",
            "offset",
            "timestamp_ms",
            "timestamp_type",
            "key",
            "value",
            "headers",
        ]
        columns = file.metadata.row_group(0)
        assert {columns.column(n).compression for n in range(columns.num_columns)} == {
            "ZSTD"
        }


def test_json_lines_keep_text_readable_and_bytes_whole(tmp_path: Path) -> None:
    part = write_part(
        tmp_path,
        "jsonl",
        [Captured("t", 0, 1, 2, 0, b"\xff", "价".encode(), (("h", None), ("e", b"")))],
    )
    line = json.loads((tmp_path / part.file).read_text("utf-8"))
    assert line["key"] == {"base64": "/w=="}
    assert line["value"] == "价"
    assert line["headers"] == [["h", None], ["e", ""]]


def test_records_come_by_time_and_facts_before_requests_of_the_same_moment(
    tmp_path: Path,
) -> None:
    capture = stored(
        tmp_path,
        [
            record("requests", 0, 0, 10),
            record("requests", 0, 1, 30),
            record("requests", 1, 0, 20),
            record("orders", 0, 0, 30),
            record("orders", 0, 1, 15),  # late by its timestamp; the log has it second
            record("approvals", 0, 0, 11),
        ],
    )
    found = [(one.topic, one.offset) for one in capture.records(("requests", "orders"))]
    assert found == [
        ("refund.requests", 0),
        ("refund.requests", 0),
        ("refund.orders", 0),
        ("refund.orders", 1),
        ("refund.requests", 1),
    ]


def test_parts_are_read_in_the_order_of_their_offsets(tmp_path: Path) -> None:
    capture = stored(tmp_path, [record("requests", 0, n, 1) for n in (205, 3, 101)])
    assert [one.offset for one in capture.partition("requests", 0)] == [3, 101, 205]


def test_an_interrupted_capture_is_refused(tmp_path: Path) -> None:
    span = Span(topic="refund.orders", partition=0, start=0, end=5, next=3)
    save(tmp_path, manifest(("refund.orders",), [span], [], "parquet"))
    with pytest.raises(UsageError, match="interrupted, 1 partitions are incomplete"):
        Capture(tmp_path)


def test_a_folder_without_a_capture_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="name the folder of a capture"):
        load(tmp_path / "nothing")
    (tmp_path / "manifest.json").write_text("{}")
    with pytest.raises(UsageError, match="not the manifest of a capture"):
        load(tmp_path)


@pytest.mark.parametrize("form", FORMATS)
def test_a_damaged_part_is_named(tmp_path: Path, form: str) -> None:
    capture = stored(tmp_path, [record("orders", 0, 0, 1)], form)
    (path,) = tmp_path.glob("*orders*")
    path.write_bytes(b"not a part")
    with pytest.raises(UsageError, match=path.name):
        list(capture.records(("orders",)))


def test_a_part_that_lost_records_is_refused(tmp_path: Path) -> None:
    capture = stored(tmp_path, [record("orders", 0, n, 1) for n in range(2)], "jsonl")
    (path,) = tmp_path.glob("*orders*")
    path.write_bytes(path.read_bytes().splitlines(keepends=True)[0])
    with pytest.raises(UsageError, match="1 of 2 records"):
        list(capture.records(("orders",)))
