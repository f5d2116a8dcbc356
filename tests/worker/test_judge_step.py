"""Slices are judged in turns with other work, after the facts that they name are there."""

import asyncio
from typing import Final

import pytest

from streams.families.fast_refund import shared_tables
from streams.families.fast_refund.policy import Policies
from streams.processing.partitioner import partition_of
from streams.processing.reconcile import ReconcileRequest
from testkit import samples
from testkit.fakes import turns
from testkit.samples import NOW, NUMBER, PARTITIONS
from tests.families.fast_refund.stage import (
    BUYERS,
    INPUT,
    ORDERS,
    OUTPUTS,
    SHOPS,
    ready,
)
from tests.families.fast_refund.world import answers_to, policy

pytestmark = pytest.mark.asyncio

COUNTED: Final = {"buyer_count_max": 1, "buyer_count_window_ms": 86_400_000}
MORE_BUYERS = [f"b-{number}" for number in range(100, 200)]


def home(buyer_id: str) -> int:
    return partition_of(buyer_id, PARTITIONS)


async def test_an_order_written_just_before_its_request_is_waited_for() -> None:
    async with ready() as stage:
        stage.facts_consumer.pause(ORDERS)
        stage.log.write(ORDERS, samples.order(order_id="o-9"))
        stage.ask(order_id="o-9")
        deciding = asyncio.create_task(stage.decide())
        await turns(50)
        assert not deciding.done()
        stage.facts_consumer.resume(ORDERS)
        await asyncio.wait_for(deciding, 5)
        await stage.sink.flush()
        assert len(stage.written("refund.approvals")) == 1


async def test_a_buyer_written_just_before_the_request_is_waited_for() -> None:
    async with ready() as stage:
        stage.facts_consumer.pause(BUYERS)
        buyer_id = next(one for one in MORE_BUYERS if home(one) == NUMBER)
        stage.log.write(BUYERS, samples.buyer(buyer_id=buyer_id), b"b")
        for order_id in ("o-8", "o-9"):
            row = samples.order(order_id=order_id, buyer_id=buyer_id)
            stage.log.write(ORDERS, row, order_id.encode())
        stage.ask(order_id="o-8", buyer_id=buyer_id)
        stage.ask(refund_id="r-2", order_id="o-9", buyer_id=None)  # it is the order's
        deciding = asyncio.create_task(stage.decide())
        await turns(50)
        assert not deciding.done()
        stage.facts_consumer.resume(BUYERS)
        await asyncio.wait_for(deciding, 5)
        await stage.sink.flush()
        assert len(stage.written("refund.approvals")) == 2


async def test_a_shop_written_just_before_the_request_is_waited_for() -> None:
    """No row would have meant that it is covered."""
    async with ready() as stage:
        stage.facts_consumer.pause(SHOPS)
        stage.log.write(SHOPS, samples.shop(shop_id="s-9", enabled=False), b"s-9")
        stage.log.write(ORDERS, samples.order(order_id="o-9", shop_id="s-9"), b"o-9")
        stage.ask(order_id="o-9", shop_id="s-9")
        deciding = asyncio.create_task(stage.decide())
        await turns(50)
        assert not deciding.done()
        stage.facts_consumer.resume(SHOPS)
        await asyncio.wait_for(deciding, 5)
        await stage.sink.flush()
        (found,) = stage.written("refund.reviews")
        assert found["reason_codes"] == ["SHOP_EXCLUDED"]


async def test_the_shop_of_an_order_that_is_missing_too_is_looked_for() -> None:
    async with ready() as stage:
        stage.facts_consumer.pause(SHOPS)
        stage.log.write(SHOPS, samples.shop(shop_id="s-9", enabled=False), b"s-9")
        stage.log.write(ORDERS, samples.order(order_id="o-9", shop_id="s-9"), b"o-9")
        stage.ask(order_id="o-9", shop_id=None)
        deciding = asyncio.create_task(stage.decide())
        await turns(50)
        assert not deciding.done()
        stage.facts_consumer.resume(SHOPS)
        await asyncio.wait_for(deciding, 5)
        await stage.sink.flush()
        assert stage.written("refund.reviews")[0]["reason_codes"] == ["SHOP_EXCLUDED"]


async def test_facts_that_are_there_are_not_looked_for() -> None:
    async with ready() as stage:
        asked = len(stage.facts_consumer.ends_asked)
        for number in range(5):
            stage.ask(refund_id=f"r-{number}")
        stage.ask(refund_id="r-none", order_id=None, buyer_id=None, shop_id=None)
        await stage.decide()
        assert len(stage.facts_consumer.ends_asked) == asked


async def test_a_shop_without_a_row_is_looked_for_once_and_a_buyer_now_and_then() -> (
    None
):
    async with ready() as stage:
        for number, shop_id in enumerate(("s-8", "s-9", "s-8", "s-9")):
            order_id = f"o-{number + 10}"
            row = samples.order(order_id=order_id, shop_id=shop_id)
            stage.log.write(ORDERS, row, order_id.encode())
        await stage.caught_up()
        told = stage.facts_consumer.ends_asked
        before = len(told)
        for number, shop_id in enumerate(("s-8", "s-9", "s-8", "s-9")):
            stage.ask(
                refund_id=f"r-{number}", order_id=f"o-{number + 10}", shop_id=shop_id
            )
            await stage.decide()
        assert told[before:] == [{"refund.shops"}] * 2
        nobody = next(one for one in MORE_BUYERS if home(one) == NUMBER)
        for number in range(3):
            stage.ask(refund_id=f"r-{number + 10}", buyer_id=nobody)
            await stage.decide()
        assert told[before + 2 :] == [{"refund.buyers"}]
        stage.clock_ms += 5_000
        stage.ask(refund_id="r-20", buyer_id=nobody)
        await stage.decide()
        assert told[before + 2 :] == [{"refund.buyers"}] * 2
        await stage.sink.flush()
        assert len(stage.written("refund.approvals")) == 4


async def test_buyers_are_looked_for_at_every_poll_while_that_helps() -> None:
    async with ready() as stage:
        buyers = [one for one in MORE_BUYERS if home(one) == NUMBER][:3]
        for number, buyer_id in enumerate(buyers):
            order_id = f"o-{number + 10}"
            row = samples.order(order_id=order_id, buyer_id=buyer_id)
            stage.log.write(ORDERS, row, order_id.encode())
            await stage.caught_up()
            stage.facts_consumer.pause(BUYERS)
            stage.log.write(BUYERS, samples.buyer(buyer_id=buyer_id), buyer_id.encode())
            stage.ask(
                refund_id=f"r-{number + 10}", order_id=order_id, buyer_id=buyer_id
            )
            deciding = asyncio.create_task(stage.decide())
            await turns(50)
            assert not deciding.done()
            stage.facts_consumer.resume(BUYERS)
            await asyncio.wait_for(deciding, 5)
        await stage.sink.flush()
        assert len(stage.written("refund.approvals")) == len(buyers)


async def test_a_missing_order_is_looked_for_however_fruitless_buyers_were() -> None:
    async with ready() as stage:
        nobody = next(one for one in MORE_BUYERS if home(one) == NUMBER)
        stage.ask(buyer_id=nobody)
        await stage.decide()
        told = stage.facts_consumer.ends_asked
        before = len(told)
        stage.ask(refund_id="r-2", order_id="o-none", buyer_id=nobody)
        await stage.decide()
        assert told[before:] == [{"refund.orders", "refund.buyers", "refund.outcomes"}]


async def test_a_row_that_a_shop_gets_later_counts_without_another_look() -> None:
    async with ready() as stage:
        for order_id in ("o-8", "o-9"):
            row = samples.order(order_id=order_id, shop_id="s-9")
            stage.log.write(ORDERS, row, order_id.encode())
        await stage.caught_up()
        stage.ask(order_id="o-8", shop_id="s-9")
        await stage.decide()
        stage.log.write(SHOPS, samples.shop(shop_id="s-9", enabled=False), b"s-9")
        await stage.caught_up()
        stage.ask(refund_id="r-2", order_id="o-9", shop_id="s-9")
        await stage.decide()
        await stage.sink.flush()
        assert len(stage.written("refund.approvals")) == 1
        assert stage.written("refund.reviews")[0]["reason_codes"] == ["SHOP_EXCLUDED"]


async def test_one_look_is_enough_for_all_slices_of_a_poll() -> None:
    async with ready() as stage:
        told = stage.facts_consumer.ends_asked
        pieces = []
        for number in range(3):
            stage.ask(refund_id=f"r-{number}", order_id=f"o-{number + 10}")
            pieces.append(await stage.read())
        before = len(told)
        await stage.driver.handle(pieces)
        assert told[before:] == [{"refund.orders", "refund.buyers", "refund.outcomes"}]
        assert len(stage.counted.slices) == 3


async def test_shops_without_a_row_are_remembered_up_to_a_number(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(shared_tables, "_SOUGHT_MAX", 2)
    names = [f"s-{number + 10}" for number in range(4)]
    async with ready() as stage:
        sizes = []
        for number in range(4):
            stage.ask(refund_id=f"r-{number}", shop_id=f"s-{number + 10}")
            await stage.decide()
            sizes.append(sum(map(stage.shared.sought, names)))
        assert sizes == [1, 2, 1, 2]


async def test_a_partition_taken_away_during_that_wait_is_left_to_its_new_owner() -> (
    None
):
    async with ready() as stage:
        stage.ask(order_id="o-9")
        stage.ask(refund_id="r-2")  # was answered before a restart
        stage.answered[NUMBER].inputs = answers_to(stage.log.records[INPUT][1])
        stage.facts_consumer.pause(ORDERS)
        stage.log.write(ORDERS, samples.order(order_id="o-9"))
        deciding = asyncio.create_task(stage.decide())
        await turns(50)
        await stage.consumer.rebalance()
        stage.facts_consumer.resume(ORDERS)
        await asyncio.wait_for(deciding, 5)
        assert stage.counted.slices == []
        assert set(stage.answered[NUMBER].inputs.offsets()) == {1}  # and is still


async def test_requests_of_a_topic_made_anew_are_decided_though_outputs_name_their_offsets(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with ready() as first:
        first.ask()
        first.ask(refund_id="r-2")
        first.log.write(INPUT, b"nonsense")
        await first.decide()
        await first.sink.flush()
        log = first.log
    log.make_anew(INPUT)
    async with ready(log) as second:
        second.ask(refund_id="r-3")
        second.ask(refund_id="r-2")  # it is there again: answered once
        second.ask(refund_id="r-4")
        await second.decide()
        await second.sink.flush()
        (judged,) = second.counted.slices
        assert (judged.answered, judged.unfit) == (1, 2)
        answered = {
            found["refund_id"]
            for topic in ("refund.approvals", "refund.reviews")
            for found in second.written(topic)
        }
    assert answered == {"r-1", "r-2", "r-3", "r-4"}
    (told,) = [one.message for one in caplog.records if one.levelname == "ERROR"]
    assert "outputs name offsets 0 to 2 but answer other records" in told


async def test_a_slice_that_takes_long_is_judged_in_turns_with_other_work() -> None:
    async with ready() as stage:
        stage.tick_ms = 11  # of two looks at the clock the second one is the last
        for number in range(100):
            stage.ask(refund_id=f"r-{number}")
        deciding = asyncio.create_task(stage.decide())
        seen = set()
        while not deciding.done():
            seen.add(sum(len(one.ages_ms) for one in stage.counted.slices))
            await asyncio.sleep(0)
        assert seen >= {0, 64}  # something else ran before all 100 were judged
        await stage.sink.flush()
        assert stage.source.offsets.to_commit() == {INPUT: 100}
        assert len(stage.counted.latencies_ms) == 100
        outputs = stage.records("refund.approvals") + stage.records("refund.reviews")
        assert len(outputs) == 100


async def test_a_partition_taken_away_between_two_turns_leaves_the_rest_to_its_owner() -> (
    None
):
    async with ready() as stage:
        stage.tick_ms = 100  # one step a turn
        for number in range(100):
            stage.ask(refund_id=f"r-{number}")
        answered = [stage.log.records[INPUT][at] for at in (5, 99)]
        stage.answered[NUMBER].inputs = answers_to(*answered)
        deciding = asyncio.create_task(stage.decide())
        while not stage.counted.slices:  # noqa: ASYNC110 - asked, not told
            await asyncio.sleep(0)
        await stage.consumer.rebalance()
        await asyncio.wait_for(deciding, 5)
        assert sum(len(one.ages_ms) for one in stage.counted.slices) == 31
        assert set(stage.answered[NUMBER].inputs.offsets()) == {99}
        assert stage.log.committed == {INPUT: 32}
        await stage.sink.flush()
        log = stage.log
    async with ready(log) as second:
        assert second.source.read_to == {INPUT: 32}
        await second.decide()
        await second.sink.flush()
        requests = [
            found["refund_id"]
            for topic in ("refund.approvals", "refund.reviews")
            for found in second.written(topic)
        ]
        assert len(requests) == len(set(requests)) == 99  # one had its output before


async def test_in_turns_the_decisions_are_those_of_one_go() -> None:
    """Versions that came together count as together, on both sides of a turn."""
    found = []
    for tick_ms in (0, 11, 100):
        async with ready() as stage:
            stage.tick_ms = tick_ms
            for number in range(70):
                stage.ask(refund_id=f"r-{number % 35}", refund_version=number // 35 + 1)
            stage.ask(refund_id="r-0", action="withdraw")
            await stage.decide()
            await stage.sink.flush()
            found.append([one.value for name in OUTPUTS for one in stage.records(name)])
            codes = [one["reason_codes"] for one in stage.written("refund.skipped")]
            assert ["SUPERSEDED_BY_VERSION"] in codes
    assert found[0] == found[1] == found[2]


async def test_the_first_time_a_policy_counts_other_work_goes_on_meanwhile() -> None:
    async with ready() as stage:
        shared = stage.shared
        for turn, by in enumerate((policy(), policy(**COUNTED))):
            shared.policies = Policies((by,))
            for number in range(6):
                asked = {"order_id": f"o-{turn}", "requested_at_ms": NOW}
                stage.ask(refund_id=f"r-{turn}-{number}", **asked)
            stage.log.write(ORDERS, samples.order(order_id=f"o-{turn}"))
            await stage.caught_up()
            await stage.decide()
        await stage.sink.flush()
        reviews = stage.written("refund.reviews")
        counted = [one for one in reviews if one["order_id"] == "o-1"]
        assert len(counted) == 6
        assert all("BUYER_COUNT_LIMIT" in one["reason_codes"] for one in counted)


async def test_a_partition_taken_away_while_approvals_are_counted_is_left_alone() -> (
    None
):
    async with ready() as stage:
        stage.ask()
        await stage.decide()
        stage.shared.policies = Policies((policy(**COUNTED),))
        stage.ask(refund_id="r-2")
        piece = await stage.read()
        deciding = asyncio.create_task(stage.driver.handle([piece]))
        await asyncio.sleep(0)
        await stage.consumer.rebalance()
        await asyncio.wait_for(deciding, 5)
        assert len(stage.counted.slices) == 1


async def test_what_the_watch_should_look_at_is_told_after_the_acknowledgement() -> (
    None
):
    async with ready() as stage:
        stage.reconcile_queue.clear()
        stage.producer.held = True
        stage.ask(action="withdraw")
        await stage.decide()
        await turns()
        assert stage.reconcile_queue == []
        stage.producer.acknowledge()
        await stage.sink.flush()
        assert stage.reconcile_queue == [ReconcileRequest(NUMBER, ("r-1",))]
