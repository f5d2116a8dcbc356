"""What any service that reads slices tells the metrics."""

import logging

import pytest
from aiokafka import TopicPartition

from streams.metrics import table
from streams.worker.counters import SourceCounters
from testkit.fakes import FakeLog
from testkit.samples import NOW
from tests.families.fast_refund.stage import Stage
from tests.worker.told import TOPIC, Told


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
    look(stage.source, {})
    assert told.metrics.value(table.PARTITIONS, TOPIC) == 0
    stage.source.read_to[TopicPartition(TOPIC, 0)] = 5
    look(stage.source, {0: (3, 10)})
    assert told.metrics.value(table.PARTITIONS, TOPIC) == 1
    assert told.metrics.value(table.REBALANCES, TOPIC) == 2
    assert told.metrics.value(table.LAG_RECORDS, TOPIC, "0") == 3


@pytest.mark.asyncio
async def test_deleted_records_of_any_topic_that_is_read_are_counted_once(
    told: Told,
) -> None:
    stage = Stage(FakeLog(lambda: NOW))
    stage.source.deleted = 4
    events = SourceCounters(told.metrics, "events", lambda: 0, told.limited)
    for counters in (events, events, told.counters):
        counters.look_at_source(stage.source, {})
    assert told.metrics.value(table.DELETED, "events") == 4
    assert told.metrics.value(table.DELETED, TOPIC) == 4


@pytest.mark.asyncio
async def test_lag_of_partitions_that_left_is_forgotten(told: Told) -> None:
    source = Stage(FakeLog(lambda: NOW)).source
    look, value = told.counters.look_at_source, told.metrics.value
    events = SourceCounters(told.metrics, "events", lambda: 0, told.limited)
    look(source, {0: (5, 1_500), 1: (1, -3)})
    events.look_at_source(source, {0: (7, 0)})
    assert value(table.LAG_SECONDS, TOPIC, "0") == 1.5
    assert value(table.LAG_SECONDS, TOPIC, "1") == 0
    look(source, {1: (2, 10)})
    assert value(table.LAG_RECORDS, TOPIC, "0") == 0
    assert value(table.LAG_RECORDS, TOPIC, "1") == 2
    assert value(table.LAG_RECORDS, "events", "0") == 7
