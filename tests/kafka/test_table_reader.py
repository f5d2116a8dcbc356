"""Compacted topics into tables: nothing counts as loaded before it is read to its end."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

import msgspec
import pytest
from aiokafka import TopicPartition
from aiokafka.errors import KafkaConnectionError

from faults.waiting import eventually
from streams.errors import FactsUnreadableError
from streams.families.fast_refund.family import FastRefundProcess
from streams.families.fast_refund.freshness import lists_as_of
from streams.families.fast_refund.policy import Policies
from streams.families.fast_refund.policy_type import POLICY
from streams.families.fast_refund.topics import TOPICS
from streams.kafka.strays import Stray
from streams.kafka.table_reader import TableReader
from streams.kafka.topic_names import FamilyNames
from streams.processing.applied import PARTITION, Applied
from streams.processing.partitioner import partition_of
from streams.processing.policies.book import PolicyBook
from streams.settings import load
from testkit import samples
from testkit.fakes import FakeConsumer, FakeLog, FakeRecord, turns
from testkit.samples import BUYER, NOW, NUMBER, PARTITIONS
from tests.families.fast_refund.world import SHIPPED, SITE

pytestmark = pytest.mark.asyncio

NAMES = FamilyNames(
    TOPICS,
    load({}, None, {"topics.partitions": str(PARTITIONS), "topics.prefix": ""}),
)
ORDERS, BUYERS, OUTCOMES = NAMES.owned(NUMBER)
OTHER = (NUMBER + 1) % PARTITIONS
SHOPS = TopicPartition("shops", NUMBER)
CATALOG = TopicPartition("catalog", 0)
POLICIES = TopicPartition("policies", 0)
MARK = b"__watermark__"


class Bench:
    def __init__(self) -> None:
        self.ms = NOW
        self.log = FakeLog(lambda: self.ms)
        self.consumer = FakeConsumer(self.log)
        self.applied: list[tuple[int, Applied]] = []
        self.bad: list[int] = []
        process = FastRefundProcess(
            msgspec.structs.replace(SITE, topic_prefix=""), Policies()
        )
        self.shared = process.shared
        self.facts = TableReader(
            self.consumer,
            NAMES,
            process,
            lambda number, applied: self.applied.append((number, applied)),
            lambda bad: self.bad.append(bad.where.partition),
        )

    async def load(self, *numbers: int) -> None:
        await asyncio.wait_for(self.facts.load(numbers), 5)

    async def read(self) -> None:
        """Return when everything written so far is applied."""

        async def all_read() -> bool:
            return await self.facts.behind() == 0

        await eventually(all_read, 5)
        await turns()
        self.facts.believe(self.facts.held.take())  # nothing has changed behind it


@contextlib.asynccontextmanager
async def running(bench: Bench) -> AsyncIterator["asyncio.Task[None]"]:
    task = asyncio.create_task(bench.facts.run())
    try:
        yield task
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError, FactsUnreadableError):
            await task


async def test_loading_returns_when_own_and_shared_facts_are_at_their_end() -> None:
    bench = Bench()
    for number in range(50):
        bench.log.write(ORDERS, samples.order(order_id=f"o-{number}"))
    bench.log.write(BUYERS, samples.buyer())
    bench.log.write(OUTCOMES, samples.veto(), b"o-1")
    bench.log.write(SHOPS, samples.shop(), b"s-1")
    bench.log.write(CATALOG, samples.category(), b"category:virtual")
    async with running(bench):
        await bench.load(NUMBER)
        tables = bench.facts.tables[NUMBER]
        assert len(tables.orders) == 50
        assert set(tables.buyers.keys()) == {BUYER}
        assert tables.ledger.veto_of("o-1") is True
        assert set(bench.shared.shops.keys()) == {"s-1"}
        assert set(bench.shared.catalog.listed) == {"category:virtual"}
        assert bench.facts.loaded == {NUMBER}
        assert bench.facts.records_read["orders"] == 50
        assert await bench.facts.behind() == 0


async def test_loading_waits_for_records_that_are_there_but_not_yet_delivered() -> None:
    bench = Bench()
    bench.log.write(ORDERS, samples.order())
    loading = asyncio.create_task(bench.facts.load([NUMBER]))
    await turns(50)
    assert not loading.done()  # nobody reads
    async with running(bench):
        await asyncio.wait_for(loading, 5)


async def test_a_topic_that_ends_in_a_gap_is_read_to_its_end_too() -> None:
    bench = Bench()
    bench.log.write(ORDERS, samples.order())
    bench.log.skip(ORDERS, 5)
    bench.log.starts[BUYERS] = 100
    async with running(bench):
        await bench.load(NUMBER)
    assert set(bench.facts.tables[NUMBER].orders.keys()) == {"o-1"}


async def test_other_partitions_do_not_wait_for_the_end_of_a_poll(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    bench = Bench()
    bench.log.write(ORDERS, samples.order())
    asked = asyncio.Event()
    getmany = bench.consumer.getmany

    async def waits(**options: int) -> dict[TopicPartition, list[FakeRecord]]:
        found = await getmany(**{**options, "timeout_ms": 0})
        if not found:
            asked.set()
            await asyncio.Event().wait()  # nothing ever comes by itself
        return found

    monkeypatch.setattr(bench.consumer, "getmany", waits)
    async with running(bench):
        await asyncio.wait_for(asked.wait(), 5)
        await bench.load(NUMBER)
    assert set(bench.facts.tables[NUMBER].orders.keys()) == {"o-1"}


async def test_polls_that_are_broken_off_lose_no_record() -> None:
    bench = Bench()
    async with running(bench):
        for number in range(60):
            bench.log.write(ORDERS, samples.order(order_id=f"o-{number}"))
            await turns(number % 4)
            await bench.load(NUMBER, *([OTHER] if number % 2 else []))
        await bench.read()
    assert len(bench.facts.tables[NUMBER].orders) == 60
    assert bench.facts.records_read["orders"] == 60


async def test_without_partitions_the_shared_facts_are_read_all_the_same() -> None:
    bench = Bench()
    bench.log.write(SHOPS, samples.shop(), b"s-1")
    async with running(bench):
        await bench.load()
    assert set(bench.shared.shops.keys()) == {"s-1"}
    assert bench.facts.tables == {}


async def test_one_more_partition_does_not_read_the_others_again() -> None:
    bench = Bench()
    bench.log.write(ORDERS, samples.order())
    bench.log.write(SHOPS, samples.shop(), b"s-1")
    async with running(bench):
        await bench.load(NUMBER)
        tables = bench.facts.tables[NUMBER]
        await bench.load(NUMBER, OTHER)
        assert bench.facts.tables[NUMBER] is tables
        assert bench.facts.loaded == {NUMBER, OTHER}
        bench.log.write(ORDERS, samples.order(order_id="o-2"))
        await bench.read()
    assert bench.facts.records_read == {"orders": 2, "shops": 1}
    assert set(tables.orders.keys()) == {"o-1", "o-2"}


async def test_a_partition_that_went_elsewhere_is_dropped_and_no_longer_read() -> None:
    bench = Bench()
    bench.log.write(ORDERS, samples.order())
    async with running(bench):
        await bench.load(NUMBER, OTHER)
        await bench.load(OTHER)

        async def dropped() -> bool:
            return set(bench.facts.tables) == {OTHER}

        await eventually(dropped, 5)
        await turns()
        assert bench.facts.loaded == {OTHER}
        assert ORDERS not in bench.consumer.assignment()
        bench.log.write(ORDERS, samples.order(order_id="o-2"))
        await bench.load(NUMBER, OTHER)  # and comes back: everything is read again
        assert set(bench.facts.tables[NUMBER].orders.keys()) == {"o-1", "o-2"}


async def test_another_load_during_an_assignment_is_not_taken_for_loaded() -> None:
    bench = Bench()
    number = partition_of("b-9", PARTITIONS)
    others = set(range(PARTITIONS)) - {number}
    there = TopicPartition("orders", number)
    bench.log.write(there, samples.order(order_id="o-9", buyer_id="b-9"))
    found: list[set[str]] = []

    async def load_and_see() -> None:
        await bench.facts.load([number])
        found.append(set(bench.facts.tables[number].orders.keys()))

    async with running(bench):
        await bench.load(min(others))
        ask = bench.consumer.position
        overtaking: list[asyncio.Task[None]] = []

        async def slow(where: TopicPartition) -> int:
            if assigning and not overtaking:  # the first position asked for
                overtaking.append(asyncio.create_task(load_and_see()))
                await turns()
            return await ask(where)

        assigning = False
        bench.consumer.position = slow  # type: ignore[method-assign]
        assign = bench.facts._assign  # noqa: SLF001 - the race is inside of it

        async def noting() -> None:
            nonlocal assigning
            assigning = True
            await assign()

        bench.facts._assign = noting  # type: ignore[method-assign]  # noqa: SLF001
        overtaken = asyncio.create_task(bench.facts.load(others))
        async with asyncio.timeout(5):
            while not found:  # noqa: ASYNC110 - a list tells nobody
                await asyncio.sleep(0)
        assert found == [{"o-9"}]
        overtaken.cancel()


async def test_tombstones_end_rows_and_feeds() -> None:
    bench = Bench()
    bench.log.write(ORDERS, samples.order(), b"o-1")
    bench.log.write(BUYERS, samples.buyer(), BUYER.encode())
    bench.log.write(SHOPS, samples.shop(), b"s-1")
    bench.log.write(CATALOG, samples.category(), b"category:virtual")
    bench.log.write(ORDERS, samples.watermark(), MARK)
    for where, key in (
        (ORDERS, b"o-1"),
        (BUYERS, BUYER.encode()),
        (SHOPS, b"s-1"),
        (CATALOG, b"category:virtual"),
        (ORDERS, MARK),
    ):
        bench.log.write(where, None, key)
    async with running(bench):
        await bench.load(NUMBER)
    tables = bench.facts.tables[NUMBER]
    assert not tables.orders.keys() | tables.buyers.keys()
    assert not bench.shared.shops.keys()
    assert not bench.shared.catalog.listed
    assert tables.order_marks.ms is None


async def test_a_bad_record_is_kept_once_however_often_it_is_read() -> None:
    bench = Bench()
    offset = bench.log.write(ORDERS, b"no json", b"o-1")
    shop_offset = bench.log.write(SHOPS, b"[]", b"s-1")
    async with running(bench):
        await bench.load(NUMBER)
        assert set(bench.facts.bad[NUMBER]) == {
            ("orders", offset),
            ("shops", shop_offset),
        }
        kept = bench.facts.bad[NUMBER]["orders", offset]
        assert (kept.record.value, kept.why.error) == (b"no json", "not_json")
        assert bench.bad == [NUMBER, NUMBER]
        await bench.load(OTHER)
        await bench.load(NUMBER)
        assert set(bench.facts.bad[NUMBER]) == {
            ("orders", offset),
            ("shops", shop_offset),  # shared topics are not read again, so it stays
        }


async def test_a_fact_that_is_not_read_takes_away_what_was_known_under_its_key() -> (
    None
):
    """It is no tombstone: a shop without a row would be covered."""
    bench = Bench()
    bench.log.write(ORDERS, samples.order(), b"o-1")
    bench.log.write(BUYERS, samples.buyer(), BUYER.encode())
    bench.log.write(SHOPS, samples.shop(), b"s-1")
    bench.log.write(CATALOG, samples.category(excluded=False), b"category:wine")
    for where in (ORDERS, OUTCOMES):
        bench.log.write_unread(where, b"o-1", samples.order())
    bench.log.write_unread(BUYERS, BUYER.encode(), samples.buyer())
    bench.log.write_unread(SHOPS, b"s-1", samples.shop())
    bench.log.write_unread(CATALOG, b"category:wine", b"{}")
    bench.log.write_unread(ORDERS, MARK, samples.watermark())
    async with running(bench):
        await bench.load(NUMBER)
    tables, shared = bench.facts.tables[NUMBER], bench.shared
    assert not tables.orders.keys()
    buyer, shop = tables.buyers.get(BUYER), shared.shops.get("s-1")
    assert buyer is not None
    assert buyer.limits is None
    assert tables.ledger.veto_of("o-1") == "unreadable"
    assert shop is not None
    assert shop.standing == "unreadable"
    assert shared.catalog.listed.get("category:wine") == ("unreadable",)
    assert tables.order_marks.ms is None
    kept = [bad for found in bench.facts.bad.values() for bad in found.values()]
    assert {bad.why.error for bad in kept} == {"undecodable"}
    assert len(kept) == 6


async def test_changes_are_told_live_only_and_only_of_owned_partitions() -> None:
    bench = Bench()
    bench.log.write(OUTCOMES, samples.outcome("payout_failed"), b"r-1")
    elsewhere = TopicPartition("shops", OTHER)
    async with running(bench):
        await bench.load(NUMBER)
        assert bench.applied == []
        bench.log.write(OUTCOMES, samples.outcome("payout_succeeded", "r-2"), b"r-2")
        bench.log.write(BUYERS, samples.buyer())
        bench.log.write(SHOPS, samples.shop(by="merchant"), b"s-1")
        bench.log.write(elsewhere, samples.shop(by="merchant"), b"s-1")
        await bench.read()
    assert (NUMBER, Applied(key="r-2")) in bench.applied
    assert (NUMBER, PARTITION) in bench.applied
    assert len(bench.applied) == 2


async def test_a_merchants_attempt_is_kept_even_when_it_is_met_while_loading() -> None:
    bench = Bench()
    offset = bench.log.write(SHOPS, samples.shop(by="merchant"), b"s-1")
    async with running(bench):
        await bench.load(NUMBER)
    assert bench.shared.take_switches(NUMBER) == [("s-1", offset)]
    assert not bench.shared.take_switches(NUMBER)
    assert not bench.shared.shops.keys()


async def test_the_veto_feed_is_dated_only_when_it_is_read_to_its_end() -> None:
    bench = Bench()
    async with running(bench):
        await bench.load(NUMBER)
        tables = bench.facts.tables[NUMBER]

        async def dated() -> bool:
            bench.facts.believe(bench.facts.held.take())
            return bool(tables.vetoes_known_ms == bench.ms)

        await eventually(dated, 5)
        bench.consumer.pause(OUTCOMES)  # the broker does not answer any more
        bench.log.write(OUTCOMES, samples.veto(), b"o-1")
        bench.ms += 5_000
        await turns(100)
        assert tables.vetoes_known_ms == NOW
        bench.consumer.resume(OUTCOMES)
        await eventually(dated, 5)
        assert tables.ledger.veto_of("o-1") is True


async def test_a_watermark_never_goes_back() -> None:
    bench = Bench()
    async with running(bench):
        await bench.load(NUMBER)
        for at_ms in (NOW, NOW - 5, NOW + 5, NOW + 4):
            bench.log.write(ORDERS, samples.watermark(at_ms), MARK)
        await bench.read()
    assert bench.facts.tables[NUMBER].order_marks.ms == NOW + 5


async def test_of_several_feeds_the_slowest_counts() -> None:
    bench = Bench()
    async with running(bench):
        await bench.load(NUMBER)
        marks = bench.facts.tables[NUMBER].order_marks
        bench.log.write(ORDERS, samples.watermark(NOW + 9), MARK + b":edge")
        bench.log.write(ORDERS, samples.watermark(NOW + 3), MARK + b":ingest")
        await bench.read()
        assert marks.ms == NOW + 3
        bench.log.write(ORDERS, None, MARK + b":ingest")
        await bench.read()
        assert marks.ms == NOW + 9


async def test_lists_are_known_once_every_feed_of_every_partition_has_spoken() -> None:
    bench = Bench()
    async with running(bench):
        await bench.load(NUMBER)
        tables = bench.facts.tables[NUMBER]
        for topic in ("shops", "catalog"):
            for number in range(PARTITIONS):
                where = TopicPartition(topic, number)
                assert bench.shared.lists_ms is None
                bench.log.write(where, samples.watermark(NOW + number), MARK)
                await bench.read()
        assert bench.shared.lists_ms == NOW
        assert bench.shared.catalog.as_of_ms == NOW
        assert lists_as_of(tables, bench.shared) is None  # buyers have not spoken
        bench.log.write(BUYERS, samples.watermark(NOW - 1), MARK)
        await bench.read()
        assert lists_as_of(tables, bench.shared) == NOW - 1


async def test_reaching_waits_for_what_was_written_before_it() -> None:
    bench = Bench()
    async with running(bench):
        await bench.load(NUMBER)
        bench.consumer.pause(ORDERS)
        bench.log.write(ORDERS, samples.order())
        waiting = asyncio.create_task(bench.facts.reach(NAMES.owned(NUMBER)))
        await turns(100)
        assert not waiting.done()
        bench.consumer.resume(ORDERS)
        await asyncio.wait_for(waiting, 5)
        assert set(bench.facts.tables[NUMBER].orders.keys()) == {"o-1"}


async def test_reaching_a_partition_that_is_gone_does_not_wait() -> None:
    bench = Bench()
    bench.log.write(ORDERS, samples.order())
    async with running(bench):
        await bench.load(OTHER)
        await asyncio.wait_for(bench.facts.reach(NAMES.owned(NUMBER)), 5)


async def test_reaching_waits_for_no_topic_that_was_not_asked_about() -> None:
    bench = Bench()
    async with running(bench):
        await bench.load(NUMBER)
        bench.consumer.pause(ORDERS)
        bench.log.write(ORDERS, samples.order())
        bench.log.write(BUYERS, samples.buyer())
        await asyncio.wait_for(bench.facts.reach([BUYERS]), 5)
        tables = bench.facts.tables[NUMBER]
        assert (set(tables.orders.keys()), set(tables.buyers.keys())) == (
            set(),
            {BUYER},
        )


async def test_records_in_wrong_partitions_are_counted_by_topic_with_the_newest_place() -> (
    None
):
    bench = Bench()
    async with running(bench):
        await bench.load(OTHER)
        orders, buyers, _ = NAMES.owned(OTHER)
        for order_id in ("o-1", "o-2"):
            bench.log.write(orders, samples.order(order_id=order_id), b"o")
        bench.log.write(buyers, samples.buyer(), BUYER.encode())
        away = (partition_of("s-1", PARTITIONS) + 1) % PARTITIONS
        for where in (TopicPartition("shops", away), TopicPartition("catalog", away)):
            bench.log.write(where, samples.watermark(), MARK)
            bench.log.write(where, None, None)
        bench.log.write(TopicPartition("shops", away), samples.shop(), b"s-1")
        await bench.read()
        assert bench.facts.strays.by_topic == {
            "orders": Stray(2, OTHER, 1, NUMBER),
            "buyers": Stray(1, OTHER, 0, NUMBER),
            "shops": Stray(1, away, 2, partition_of("s-1", PARTITIONS)),
        }
        assert set(bench.shared.shops.keys()) == {"s-1"}  # everybody reads all of them
        assert not bench.facts.tables[OTHER].orders.keys()


async def test_orders_in_a_wrong_partition_before_the_start_are_found_too() -> None:
    bench = Bench()
    orders, _, _ = NAMES.owned(OTHER)
    for number in range(2_500):
        row = samples.order(order_id=f"o-{number}")
        bench.log.write(orders, row, f"o-{number}".encode())
    async with running(bench):
        await bench.load(OTHER)

        async def found() -> bool:
            return not bench.facts.tables[OTHER].orders.keys()

        await eventually(found, 5)
        assert bench.facts.strays.by_topic == {
            "orders": Stray(2_500, OTHER, None, NUMBER)
        }
        await bench.load(NUMBER)
        assert OTHER not in bench.facts.tables


async def test_how_far_behind_it_is_can_be_asked_at_any_time() -> None:
    bench = Bench()
    assert await bench.facts.behind() == 0
    async with running(bench):
        await bench.load(NUMBER)
        bench.consumer.pause(ORDERS, BUYERS)
        bench.log.write(ORDERS, samples.order())
        bench.log.write(BUYERS, samples.buyer())
        assert await bench.facts.behind() == 2


async def test_records_of_a_partition_dropped_meanwhile_change_nothing() -> None:
    bench = Bench()
    async with running(bench):
        await bench.load(NUMBER)
        del bench.facts.tables[NUMBER]  # as a drop does, with records on their way
        bench.log.write(ORDERS, samples.order())
        await bench.read()
        assert NUMBER not in bench.facts.tables
    assert bench.applied == []


@pytest.mark.parametrize("method", ["getmany", "end_offsets"])
async def test_a_broker_that_refuses_ends_the_run(method: str) -> None:
    bench = Bench()
    bench.consumer.fail(method, KafkaConnectionError())
    async with running(bench) as run:
        loading = asyncio.create_task(bench.facts.load([NUMBER]))
        with pytest.raises(FactsUnreadableError, match="reading facts failed"):
            await asyncio.wait_for(asyncio.shield(run), 5)
        loading.cancel()


async def test_a_topic_of_policies_whose_head_is_gone_leaves_no_file_in_force(
    caplog: pytest.LogCaptureFixture,
) -> None:
    bench = Bench()
    bench.shared.book = PolicyBook(POLICY, Policies([SHIPPED]))
    bench.log.starts[POLICIES] = 3
    async with running(bench):
        await bench.load(NUMBER)
    assert bench.shared.policies == ()
    assert "oldest records of the policy topic were deleted" in caplog.text


async def test_what_is_new_about_policies_is_logged(
    caplog: pytest.LogCaptureFixture,
) -> None:
    bench = Bench()
    good = {"family": "FR", "version": 2, "effective_from_ms": samples.T}
    said = {"author": "li", "reason": "why", "published_at_ms": NOW}
    bench.log.write(POLICIES, samples.encoded(good | said), b"FR@2")
    bench.log.write(
        POLICIES, samples.encoded(good | {"paid_limit_fen": 20_000}), b"FR@2"
    )
    pause = {"family": "FR", "paused": True, **said}
    bench.log.write(POLICIES, samples.encoded(pause), b"FR:pause")
    with caplog.at_level("INFO"):
        async with running(bench):
            await bench.load(NUMBER)
    told = [(one.levelname, one.getMessage()) for one in caplog.records]
    assert [level for level, _ in told] == ["INFO", "WARNING", "WARNING"]
    for (_, text), part in zip(
        told, ("FR@2 (hash", "FR@2 refused", "paused from now until"), strict=True
    ):
        assert part in text
    assert bench.bad == [0]
    assert bench.shared.pause_at(NOW) == NOW


async def test_a_policy_that_is_written_comes_into_force() -> None:
    bench = Bench()
    async with running(bench):
        await bench.load(NUMBER)
        bench.log.write(
            POLICIES,
            samples.encoded(
                {"family": "FR", "version": 7, "effective_from_ms": samples.T},
            ),
            b"FR",
        )
        await asyncio.wait_for(
            bench.facts.until(lambda: bool(bench.shared.policies)), 5
        )
    assert [policy.version for policy in bench.shared.policies] == [7]
