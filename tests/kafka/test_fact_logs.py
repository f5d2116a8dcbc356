"""A watermark counts only once its log was found unchanged after it was read."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

import pytest
from aiokafka import TopicPartition
from aiokafka.errors import KafkaConnectionError, UnknownTopicOrPartitionError

from faults.waiting import eventually
from streams.errors import TopicsError
from streams.families.fast_refund.family import FastRefundProcess
from streams.families.fast_refund.freshness import lists_as_of
from streams.families.fast_refund.policy import Policies
from streams.kafka.fact_logs import FactLogs
from streams.kafka.incarnations import Expected, Incarnations
from streams.kafka.table_reader import TableReader
from streams.processing.watermarks import Watermarks
from testkit import samples
from testkit.fakes import FakeConsumer, FakeLog, turns
from testkit.samples import NOW, NUMBER, PARTITIONS
from tests.families.fast_refund.stage import FACTS
from tests.families.fast_refund.world import SITE

pytestmark = pytest.mark.asyncio

ORDERS, BUYERS, OUTCOMES = FACTS.owned(NUMBER)
CATALOG = TopicPartition("refund.catalog", 0)
MARK = b"__watermark__"
LATER = NOW + 1_000


class Bench:
    """Facts of one partition, and who looks after their logs."""

    def __init__(self) -> None:
        self.ms = NOW
        self.log = FakeLog(lambda: self.ms)
        process = FastRefundProcess(SITE, Policies())
        self.shared = process.shared
        self.facts = TableReader(
            FakeConsumer(self.log, reset="earliest"),
            FACTS,
            process,
            lambda *_: None,
            lambda _: None,
        )
        expected = {
            name: Expected(partitions=PARTITIONS, advice="do it")
            for name in FACTS.fact_names()
        }
        expected[FACTS.policies.topic] = Expected(partitions=1, advice="do it")
        self.incarnations = Incarnations(self.log.topics_now, expected, lambda: self.ms)
        self.asking = FakeConsumer(self.log, "read_uncommitted")
        self.logs = FactLogs(self.facts, self.incarnations, self.asking)
        for where in (*FACTS.owned(NUMBER), *FACTS.shared()):
            if where.topic != FACTS.policies.topic:
                self.mark(where, NOW)

    def mark(self, where: TopicPartition, at_ms: int) -> None:
        self.log.write(where, samples.watermark(at_ms), MARK)

    async def load(self) -> None:
        await self.incarnations.look()
        await asyncio.wait_for(self.facts.load([NUMBER]), 5)
        await self.logs.look_patiently()

    async def read(self) -> None:
        """Return when everything written so far is read."""

        async def all_read() -> bool:
            return await self.facts.behind() == 0

        await eventually(all_read, 5)
        await turns()

    async def problems(self) -> tuple[str, ...]:
        with pytest.raises(TopicsError) as refused:
            await self.logs.look()
        return refused.value.problems

    @property
    def orders_ms(self) -> int | None:
        marks: Watermarks = self.facts.tables[NUMBER].order_marks
        return marks.ms

    @property
    def lists_ms(self) -> int | None:
        return lists_as_of(self.facts.tables[NUMBER], self.shared)


@contextlib.asynccontextmanager
async def loaded() -> AsyncIterator[Bench]:
    bench = Bench()
    task = asyncio.create_task(bench.facts.run())
    try:
        await bench.load()
        yield bench
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError, TopicsError):
            await task


async def test_what_was_loaded_counts_once_a_look_has_followed() -> None:
    async with loaded() as bench:
        assert bench.orders_ms == NOW
        assert bench.lists_ms == NOW


async def test_a_watermark_that_is_read_later_waits_for_a_look() -> None:
    async with loaded() as bench:
        bench.mark(ORDERS, LATER)
        await bench.read()
        assert bench.orders_ms == NOW
        await bench.logs.look()
        assert bench.orders_ms == LATER


async def test_a_feed_that_says_it_is_behind_is_believed_at_once() -> None:
    async with loaded() as bench:
        bench.log.write(ORDERS, samples.watermark(NOW - 90_000), MARK + b":slow")
        await bench.read()
        assert bench.orders_ms == NOW - 90_000
        bench.log.write(ORDERS, None, MARK + b":slow")  # its end lifts the bound
        await bench.read()
        assert bench.orders_ms == NOW - 90_000
        await bench.logs.look()
        assert bench.orders_ms == NOW


async def test_the_first_watermark_of_a_partition_waits_for_a_look_too() -> None:
    async with loaded() as bench:
        bench.log.write(BUYERS, None, MARK)
        await bench.read()
        await bench.logs.look()
        assert bench.lists_ms is None
        bench.log.write(BUYERS, samples.watermark(LATER), MARK)
        await bench.read()
        assert bench.facts.tables[NUMBER].buyer_marks.ms is None
        await bench.logs.look()
        assert bench.facts.tables[NUMBER].buyer_marks.ms == LATER


async def test_a_watermark_that_is_read_during_a_look_waits_for_the_next() -> None:
    """The topic may have been changed between the broker's answer and the watermark."""
    async with loaded() as bench:
        ask = bench.incarnations.look

        async def meanwhile() -> None:
            await ask()
            bench.mark(ORDERS, LATER)
            await bench.read()

        bench.incarnations.look = meanwhile  # type: ignore[method-assign]
        await bench.logs.look()
        assert bench.orders_ms == NOW
        bench.incarnations.look = ask  # type: ignore[method-assign]
        await bench.logs.look()
        assert bench.orders_ms == LATER


async def test_vetoes_are_as_old_as_the_last_look_too() -> None:
    async with loaded() as bench:
        bench.log.write(OUTCOMES, None, MARK)  # that feed ends: then the poll counts
        await bench.read()
        await bench.logs.look()
        tables = bench.facts.tables[NUMBER]
        known_ms = tables.vetoes_known_ms
        bench.ms = LATER
        bench.log.write(OUTCOMES, samples.veto("o-1"), b"o-1")
        await bench.read()
        assert tables.ledger.veto_of("o-1") is True  # a veto itself counts at once
        assert tables.vetoes_known_ms == known_ms
        await bench.logs.look()
        assert tables.vetoes_known_ms == LATER


CHANGES = {
    "outcomes made anew": (OUTCOMES, "deleted and recreated while in use"),
    "orders made anew": (ORDERS, "deleted and recreated while in use"),
    "catalog made anew": (CATALOG, "deleted and recreated while in use"),
}


@pytest.mark.parametrize("name", CHANGES)
async def test_nothing_vouches_for_facts_of_a_topic_made_anew_and_the_process_ends(
    name: str,
) -> None:
    where, told = CHANGES[name]
    async with loaded() as bench:
        bench.log.make_anew(where)
        for _ in range(3):  # longer than the old one: its position is in range
            bench.mark(where, LATER)
        bench.mark(BUYERS, LATER)
        await bench.read()
        assert bench.lists_ms == NOW
        (problem,) = await bench.problems()
        assert problem.startswith(f"{where.topic}: {told}")
        assert bench.lists_ms == NOW


@pytest.mark.parametrize("topic", [ORDERS.topic, CATALOG.topic, FACTS.policies.topic])
async def test_nothing_vouches_for_facts_of_a_topic_with_more_partitions(
    topic: str,
) -> None:
    """Watermarks of the old partitions go on; facts may be in the new ones."""
    async with loaded() as bench:
        bench.log.partitions[topic] = 9
        bench.mark(ORDERS, LATER)
        await bench.read()
        (problem,) = await bench.problems()
        assert problem.startswith(f"{topic}: 9 partitions now")
        assert bench.orders_ms == NOW


async def test_while_nobody_knows_nothing_newer_counts_and_nothing_is_forgotten() -> (
    None
):
    async with loaded() as bench:
        bench.mark(ORDERS, LATER)
        await bench.read()
        bench.log.partitions[ORDERS.topic] = 0  # a broker that does not know it (yet)
        with pytest.raises(UnknownTopicOrPartitionError):
            await bench.logs.look()
        bench.mark(ORDERS, LATER + 1)
        await bench.read()
        assert bench.orders_ms == NOW
        del bench.log.partitions[ORDERS.topic]
        await bench.logs.look()
        assert bench.orders_ms == LATER + 1


async def test_a_log_that_begins_again_before_where_it_was_read_to_ends_the_process() -> (
    None
):
    """Also on brokers that tell no ids: the client begins at the oldest record again."""
    bench = Bench()
    for _ in range(5):
        bench.mark(ORDERS, NOW)
    task = asyncio.create_task(bench.facts.run())
    await bench.load()
    bench.log.make_anew(ORDERS)
    bench.mark(ORDERS, LATER)
    with pytest.raises(TopicsError, match="was read to offset 6 and continues at 0"):
        await asyncio.wait_for(task, 5)


async def test_compacted_facts_whose_beginning_was_deleted_end_the_process() -> None:
    """Somebody has set another clean-up: what goes is known to nobody."""
    async with loaded() as bench:
        bench.log.starts[CATALOG] = 1
        bench.log.starts[OUTCOMES] = 1  # retention, as it must be
        problem = ""
        for _ in range(10):
            try:
                await bench.logs.look()
            except TopicsError as refused:
                (problem,) = refused.problems
        assert problem.startswith(
            f"{CATALOG.topic}/0: facts up to offset 0 were deleted"
        )


async def test_who_must_know_looks_until_a_broker_answers(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("streams.kafka.incarnations._ASK_AGAIN_S", 0)
    async with loaded() as bench:
        bench.mark(ORDERS, LATER)
        await bench.read()
        bench.asking.fail("beginning_offsets", *[KafkaConnectionError()] * 3)
        for _ in range(30):
            await bench.logs.look_patiently()
        assert bench.asking.failures["beginning_offsets"] == []
        assert bench.orders_ms == LATER


async def test_marks_of_a_partition_that_went_away_are_forgotten() -> None:
    async with loaded() as bench:
        bench.mark(ORDERS, LATER)
        await bench.read()
        await asyncio.wait_for(bench.facts.load([]), 5)

        async def gone() -> bool:
            return not bench.facts.tables

        await eventually(gone, 5)
        assert bench.facts.held.marks == []
