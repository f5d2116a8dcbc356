"""What ingesting tells the metrics and the log."""

import logging

import pytest
from aiokafka import TopicPartition

from streams.kafka.slices import Slice
from streams.metrics import table
from streams.platforms.kuaishou.ingest import Handled
from streams.platforms.kuaishou.names import Kind, Reason
from streams.platforms.kuaishou.reading import Verdict
from streams.worker.ingest_counters import IngestCounters
from testkit.fakes import FakeRecord
from tests.worker.told import Told


@pytest.fixture
def told(caplog: pytest.LogCaptureFixture) -> Told:
    caplog.set_level(logging.INFO)
    return Told()


def test_a_dead_event_is_counted_and_logged_with_its_place(
    told: Told, caplog: pytest.LogCaptureFixture
) -> None:
    events = TopicPartition("events", 0)
    piece = Slice(
        events, [FakeRecord("events", 0, at, None, b"{}") for at in (4, 5)], 0, 0
    )
    IngestCounters(told.metrics, "events", lambda: 0, told.limited).ingested(
        piece,
        [
            Handled(Verdict(Kind.IGNORED, Reason.HEARTBEAT), ()),
            Handled(Verdict(Kind.DEAD_LETTER, Reason.TAG_MISSING), ()),
        ],
    )
    for kind in Kind:
        expected = kind in {Kind.IGNORED, Kind.DEAD_LETTER}
        assert told.metrics.value(table.EVENTS, "events", kind.value) == expected
    assert told.metrics.value(table.DEAD_LETTERS, "events", "tag_missing") == 1
    (line,) = caplog.messages
    assert line.endswith("for example tag_missing at events/0@5")
