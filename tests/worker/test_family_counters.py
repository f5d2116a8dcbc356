"""What is counted and told once a slice, and once a second, of a family."""

import logging

import pytest
from aiokafka import TopicPartition

from streams.families.fast_refund.tables import PartitionTables
from streams.kafka.strays import Stray
from streams.kafka.table_reader import BadFact
from streams.metrics import table
from streams.processing.slice_result import SliceResult
from streams.records.json_values import Unreadable
from streams.worker.family_counters import FamilyCounters
from streams.worker.gauges import FamilyGauges
from testkit.fakes import FakeLog, FakeRecord
from testkit.samples import NOW
from tests.families.fast_refund.stage import Stage
from tests.worker.told import TOPIC, Told


@pytest.fixture
def told(caplog: pytest.LogCaptureFixture) -> Told:
    caplog.set_level(logging.INFO)
    return Told()


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


@pytest.mark.asyncio
async def test_no_feed_is_late_for_a_spare() -> None:
    stage = Stage(FakeLog(lambda: NOW))
    figures = FamilyGauges(stage.source, stage.facts, stage.process, lambda: NOW)
    assert set(figures.watermarks()) == {"refund.shops"}
    stage.facts.tables[0] = PartitionTables(0, 4)
    assert figures.watermarks()["refund.orders"] is None


def test_decisions_are_counted_once_by_their_leading_reason(told: Told) -> None:
    approved = ("decided", "auto_approve", ("FR_ALL_CONDITIONS_MET",))
    shipped = ("decided", "manual_review", ("ORDER_SHIPPED", "BUYER_NOT_QUALITY"))
    superseded = ("superseded", None, ("SUPERSEDED_BY_VERSION",))
    decided = {approved: 3, shipped: 1, superseded: 2}
    told.counters.judged(0, SliceResult([], decided, [7], {}))
    value = told.metrics.value
    assert value(table.DECISIONS, "FR", "auto_approve", approved[2][0]) == 3
    assert value(table.DECISIONS, "FR", "manual_review", "ORDER_SHIPPED") == 1
    assert value(table.DECISIONS, "FR", "manual_review", "BUYER_NOT_QUALITY") == 0
    assert value(table.REASONS, "FR", "BUYER_NOT_QUALITY") == 1
    assert value(table.REASONS, "FR", "SUPERSEDED_BY_VERSION") == 2
    assert value(table.DISPOSITIONS, "FR", "superseded") == 2
    assert value(table.AUTO_SHARE, "FR") == 0.75
    assert value(table.MANUAL_REVIEW_COUNT, "FR") == 1


def test_what_a_slice_came_to_is_counted_under_its_topic_or_family(told: Told) -> None:
    judged = SliceResult([], {}, [], {}, repeated=5, doubted=1, answered=4, unfit=6)
    told.counters.judged(0, judged)
    told.counters.acknowledged(TOPIC, [3, 4])
    value = told.metrics.value
    assert value(table.REPEATED, "FR") == 5
    assert value(table.DOUBTED, "FR") == 1
    assert value(table.SKIPPED, TOPIC) == 4
    assert value(table.UNFIT, TOPIC) == 6
    assert value(table.SLICES, TOPIC) == 1
    assert value(table.RECORDS, TOPIC) == 2


def test_two_families_are_counted_apart(told: Told) -> None:
    other = FamilyCounters(told.metrics, ("XX", "x"), lambda: 0, told.limited)
    judged = SliceResult([], {("decided", "manual_review", ("A",)): 1}, [7], {})
    told.counters.judged(0, judged)
    for _ in range(2):
        other.judged(0, judged)
    assert told.metrics.value(table.REASONS, "FR", "A") == 1
    assert told.metrics.value(table.REASONS, "XX", "A") == 2
