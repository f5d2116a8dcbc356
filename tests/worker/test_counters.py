"""Dead letters and misrouted records in the log: where, how many, and never whose."""

import logging
from typing import Final

import pytest
from aiokafka import TopicPartition
from prometheus_client import CollectorRegistry

from streams.families.fast_refund.tables import PartitionTables
from streams.kafka.slices import Slice
from streams.kafka.strays import Stray
from streams.kafka.table_reader import BadFact
from streams.metrics import Metrics, table
from streams.platforms.kuaishou.ingest import Handled
from streams.platforms.kuaishou.names import Kind, Reason
from streams.platforms.kuaishou.reading import Verdict
from streams.processing.slice_result import SliceResult
from streams.rate_limit import RateLimitedLog
from streams.records.json_values import Unreadable
from streams.worker.counters import FamilyCounters
from streams.worker.gauges import FamilyGauges
from testkit.fakes import FakeLog, FakeRecord
from testkit.samples import NOW
from tests.families.fast_refund.stage import Stage

TOPIC: Final = "refund.requests"


class Told:
    """Counters whose clock stands still until it is moved."""

    def __init__(self) -> None:
        self.ms = 0
        self.metrics = Metrics(CollectorRegistry(), lambda: 0)
        limited = RateLimitedLog(logging.getLogger("streams.worker"), lambda: self.ms)
        self.counters = FamilyCounters(self.metrics, TOPIC, lambda: 0, limited)


@pytest.fixture
def told(caplog: pytest.LogCaptureFixture) -> Told:
    caplog.set_level(logging.INFO)
    return Told()


@pytest.mark.asyncio
async def test_partitions_count_from_when_they_are_read_and_rebalances_one_by_one(
    told: Told,
) -> None:
    stage = Stage(FakeLog(lambda: NOW))
    look = told.counters.look_at_source
    stage.source.rebalances = 2
    look(TOPIC, stage.source, {})
    assert told.metrics.value(table.PARTITIONS, TOPIC) == 0
    stage.source.read_to[TopicPartition(TOPIC, 0)] = 5
    look(TOPIC, stage.source, {0: (3, 10)})
    assert told.metrics.value(table.PARTITIONS, TOPIC) == 1
    assert told.metrics.value(table.REBALANCES, TOPIC) == 2
    assert told.metrics.value(table.LAG_RECORDS, TOPIC, "0") == 3


@pytest.mark.asyncio
async def test_deleted_records_of_any_topic_that_is_read_are_counted_once(
    told: Told,
) -> None:
    stage = Stage(FakeLog(lambda: NOW))
    stage.source.deleted = 4
    for topic in ("events", "events", TOPIC):
        told.counters.look_at_source(topic, stage.source, {})
    assert told.metrics.value(table.DELETED, "events") == 4
    assert told.metrics.value(table.DELETED, TOPIC) == 4


def test_decisions_are_counted_once_by_their_leading_reason(told: Told) -> None:
    shipped = ("decided", "manual_review", ("ORDER_SHIPPED", "BUYER_NOT_QUALITY"))
    superseded = ("superseded", None, ("SUPERSEDED_BY_VERSION",))
    reasons = {shipped: 1, superseded: 2}
    told.counters.judged(0, SliceResult([], reasons, [7], {}, approved=3))
    value = told.metrics.value
    approved = "FR_ALL_CONDITIONS_MET"
    assert value(table.DECISIONS, "auto_approve", approved) == 3
    assert value(table.DECISIONS, "manual_review", "ORDER_SHIPPED") == 1
    assert value(table.DECISIONS, "manual_review", "BUYER_NOT_QUALITY") == 0
    assert value(table.REASONS, "BUYER_NOT_QUALITY") == 1
    assert value(table.REASONS, "SUPERSEDED_BY_VERSION") == 2
    assert value(table.DISPOSITIONS, "superseded") == 2
    assert value(table.AUTO_SHARE) == 0.75
    assert value(table.MANUAL_REVIEW_COUNT) == 1


def test_what_a_slice_came_to_is_counted_under_its_topic(told: Told) -> None:
    judged = SliceResult([], {}, [], {}, repeated=5, doubted=1, answered=4, unfit=6)
    told.counters.judged(0, judged)
    told.counters.acknowledged(TOPIC, [3, 4])
    told.counters.written("events", [1])
    value = told.metrics.value
    assert value(table.REPEATED) == 5
    assert value(table.DOUBTED) == 1
    assert value(table.SKIPPED, TOPIC) == 4
    assert value(table.UNFIT, TOPIC) == 6
    assert value(table.SLICES, TOPIC) == 1
    assert value(table.RECORDS, TOPIC) == 2
    assert value(table.RECORDS, "events") == 1


@pytest.mark.asyncio
async def test_lag_of_partitions_that_left_is_forgotten(told: Told) -> None:
    source = Stage(FakeLog(lambda: NOW)).source
    look, value = told.counters.look_at_source, told.metrics.value
    look(TOPIC, source, {0: (5, 1_500), 1: (1, -3)})
    look("events", source, {0: (7, 0)})
    assert value(table.LAG_SECONDS, TOPIC, "0") == 1.5
    assert value(table.LAG_SECONDS, TOPIC, "1") == 0
    look(TOPIC, source, {1: (2, 10)})
    assert value(table.LAG_RECORDS, TOPIC, "0") == 0
    assert value(table.LAG_RECORDS, TOPIC, "1") == 2
    assert value(table.LAG_RECORDS, "events", "0") == 7


def test_a_dead_request_is_counted_and_logged_with_its_place(
    told: Told, caplog: pytest.LogCaptureFixture
) -> None:
    judged = SliceResult([], {}, [], {"not_json": 3}, dead_at={"not_json": 17})
    told.counters.judged(2, judged)
    told.counters.judged(2, judged)
    assert told.metrics.value(table.DEAD_LETTERS, TOPIC, "not_json") == 6
    (line,) = caplog.messages
    assert line == (
        "records that cannot be read became dead letters: 3 (not_json 3); "
        "for example not_json at refund.requests/2@17"
    )


def test_a_misrouted_request_is_counted_and_logged_with_its_place(
    told: Told, caplog: pytest.LogCaptureFixture
) -> None:
    judged = SliceResult([], {}, [], {}, misrouted=2, misrouted_at=9)
    told.counters.judged(1, judged)
    assert told.metrics.value(table.MISROUTED, TOPIC) == 2
    (line,) = caplog.messages
    assert line.endswith(
        "2 (partition 2); for example partition at refund.requests/1@9"
    )


@pytest.mark.asyncio
async def test_misrouted_facts_are_counted_and_told_once_a_minute_with_an_example(
    told: Told, caplog: pytest.LogCaptureFixture
) -> None:
    stage = Stage(FakeLog(lambda: NOW))
    strays = stage.facts.strays.by_topic
    look = told.counters.look_at_strays
    strays["refund.orders"] = Stray(3, 2, 17, 5)
    look(strays)
    look(strays)
    strays["refund.orders"] = Stray(10, 2, 30, 5)
    look(strays)
    assert told.metrics.value(table.MISROUTED, "refund.orders") == 10
    (line,) = caplog.messages
    assert line.endswith(
        "3 (refund.orders 3); for example refund.orders at refund.orders/2@17"
    )
    told.ms = 60_000
    told.counters.limited.tick()
    assert "7 within 60 s" in caplog.messages[1]
    strays["refund.orders"] = Stray(11, 2, None, 5)  # found among the loaded ones
    look(strays)
    told.ms = 120_000
    told.counters.limited.tick()
    assert caplog.messages[2].endswith("(refund.orders 1)")


@pytest.mark.asyncio
async def test_misrouted_facts_are_shown_with_a_place_and_where_they_belong() -> None:
    stage = Stage(FakeLog(lambda: NOW))
    stage.facts.strays.by_topic["refund.orders"] = Stray(3, 2, 17, 5)
    figures = FamilyGauges(stage.source, stage.facts, stage.process, lambda: NOW)
    assert figures.misrouted() == {
        "refund.orders": {
            "count": 3,
            "partition": 2,
            "offset": 17,
            "expected_partition": 5,
        }
    }


def test_a_bad_fact_is_logged_when_it_is_read(
    told: Told, caplog: pytest.LogCaptureFixture
) -> None:
    where = TopicPartition("refund.orders", 1)
    told.counters.bad_fact(
        BadFact(
            where,
            FakeRecord("refund.orders", 1, 5, None, b"{"),
            Unreadable("not_json", "x"),
        )
    )
    (line,) = caplog.messages
    assert line.endswith("1 (not_json 1); for example not_json at refund.orders/1@5")


def test_a_dead_event_is_counted_and_logged_with_its_place(
    told: Told, caplog: pytest.LogCaptureFixture
) -> None:
    events = TopicPartition("events", 0)
    piece = Slice(
        events, [FakeRecord("events", 0, at, None, b"{}") for at in (4, 5)], 0, 0
    )
    told.counters.ingested(
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


@pytest.mark.asyncio
async def test_no_feed_is_late_for_a_spare() -> None:
    stage = Stage(FakeLog(lambda: NOW))
    figures = FamilyGauges(stage.source, stage.facts, stage.process, lambda: NOW)
    assert set(figures.watermarks()) == {"refund.shops"}
    stage.facts.tables[0] = PartitionTables(0, 4)
    assert figures.watermarks()["refund.orders"] is None
