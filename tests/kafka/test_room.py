"""How much each output topic takes, and what follows from it."""

import pytest

from streams.kafka.batches import RecordBatches
from streams.kafka.room import DEFAULT_BYTES, LEAST_BYTES, Room
from streams.platforms.registry import installed
from streams.records.record_format import NO_HEADERS
from streams.settings import load
from streams.settings.topics import written_by

TOPICS = ("approvals", "reviews")


def test_a_topic_that_is_not_told_takes_what_kafka_says_by_default() -> None:
    assert Room().of("approvals") == DEFAULT_BYTES - 128
    assert Room({"approvals": 200_000}).of("approvals") == 200_000 - 128
    assert Room().batch() == DEFAULT_BYTES


def test_a_decision_fits_whichever_topic_it_goes_to() -> None:
    room = Room({"approvals": 500_000, "reviews": 200_000, "dead-letters": 131_072})
    assert room.decision(TOPICS) == 200_000 - 128 - 4_096
    assert room.batch() == 131_072


@pytest.mark.parametrize(("most", "count"), [(LEAST_BYTES, 0), (LEAST_BYTES - 1, 1)])
def test_a_topic_that_takes_too_little_is_told_in_a_line(most: int, count: int) -> None:
    room = Room({"approvals": most, "reviews": 1_000_000})
    lines = list(room.problems())
    assert len(lines) == count
    assert all(f"approvals: max.message.bytes={most}" in line for line in lines)


def test_no_batch_is_larger_than_the_smallest_topic_takes() -> None:
    batches = RecordBatches("lz4", lambda: 0, most=LEAST_BYTES)
    for batch in (batches.quick(), batches.full()):
        while batch.add([(b"k", b"v" * 5_000, NO_HEADERS)]):
            pass
        assert 1 < batch.record_count() <= LEAST_BYTES // 5_000
    assert batches.full_bytes == LEAST_BYTES


def test_a_worker_asks_for_the_topics_that_its_agents_write() -> None:
    rows = installed(load({}, None, {}))
    assert [row.name for row in written_by(rows, ("decide", "watch"))] == [
        "approvals",
        "reviews",
        "skipped",
        "notices",
        "dead-letters",
    ]
    assert [row.name for row in written_by(rows, ("ingest",))] == [
        "requests",
        "orders",
        "outcomes",
        "dead-letters",
    ]
