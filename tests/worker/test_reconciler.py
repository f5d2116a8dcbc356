"""Notices and letters are written by the owner of a partition, each once, in turns."""

import asyncio

import pytest
from aiokafka.errors import RebalanceInProgressError

from streams.families.fast_refund.policy import Policies
from streams.processing.reconcile import ReconcileRequest
from streams.worker.reconciler import DeadLetterWriter
from testkit import samples
from testkit.fakes import turns
from testkit.samples import NOW, NUMBER
from tests.families.fast_refund.stage import (
    INPUT,
    ORDERS,
    OUTCOMES,
    SHOPS,
    approve,
    look,
    order_of,
    ready,
)
from tests.families.fast_refund.world import policy

pytestmark = pytest.mark.asyncio

T0 = NOW - 5_000  # shortly before approvals are decided


async def test_every_notice_is_written_once_however_often_it_is_looked_for() -> None:
    async with ready() as stage:
        await approve(stage)
        stage.log.write(SHOPS, samples.shop(by="merchant"), b"s-1")
        stage.log.write(OUTCOMES, samples.outcome("payout_failed"), b"r-1")
        stage.ask(action="withdraw")
        await stage.decide()
        for seconds in range(3):
            order_of(stage, order_status="shipped", picked_up_at_ms=T0 + seconds)
            stage.reconcile_queue.append(
                ReconcileRequest(NUMBER, ("r-1", "r-1"), ("o-1", "o-1"))
            )
            await look(stage)
        kinds = [one["kind"] for one in stage.written("refund.notices")]
        assert sorted(kinds) == [
            "loss_recorded",
            "merchant_switch_ignored",
            "race_detected",
            "withdrawn_after_approval",
        ]
        assert len(stage.written("refund.reviews")) == 1


async def test_a_notice_lost_in_a_crash_is_written_by_the_next_worker_and_only_once() -> (
    None
):
    async with ready() as first:
        await approve(first)
        await first.source.stop()
        log = first.log
        order_of(first, picked_up_at_ms=T0)
        log.write(OUTCOMES, samples.outcome("payout_failed"), b"r-1")
        log.write(SHOPS, samples.shop(by="merchant"), b"s-1")
    for _ in range(3):  # the first one writes, the others find it written
        async with ready(log) as later:
            assert later.reconcile_queue  # reconciliation after the load
            notices = await look(later)
            assert sorted(one["kind"] for one in notices) == [
                "loss_recorded",
                "merchant_switch_ignored",
                "race_detected",
            ]
            assert len(later.written("refund.reviews")) == 1


async def test_headers_and_key_of_a_notice_are_those_of_the_contract() -> None:
    async with ready() as stage:
        await approve(stage)
        order_of(stage, picked_up_at_ms=T0)
        await look(stage)
        (record, _) = stage.records("refund.notices")
        headers = dict(record.headers)
        assert record.key == b"o-1"
        assert (headers.pop("ce_time") or b"").endswith(b"Z")
        assert headers == {
            "ce_specversion": b"1.0",
            "ce_id": b"race:FR:r-1:1",
            "ce_type": b"refund.race_detected.v1",
            "ce_source": b"/refund.requests",
            "content-type": b"application/json",
            "source_topic": b"refund.orders",
            "source_partition": str(NUMBER).encode(),
            "source_offset": b"-1",
        }


async def test_a_bad_fact_becomes_one_dead_letter_with_its_bytes() -> None:
    async with ready() as stage:
        original = [("a", b"\xff"), ("a", b"\xff")]
        offset = stage.log.write(ORDERS, b"no json \xff", b"o-1", original)
        await look(stage)
        stage.reconcile_queue.append(ReconcileRequest(NUMBER))
        await look(stage)
        (letter,) = stage.records("refund.dead-letters")
        assert (letter.key, letter.value) == (b"o-1", b"no json \xff")
        assert list(letter.headers[:2]) == original
        added = dict(letter.headers[2:])
        assert added["refund_dlq_stage"] == b"fact"
        assert added["refund_dlq_topic"] == b"refund.orders"
        assert added["refund_dlq_offset"] == str(offset).encode()
        assert stage.counted.dead == [("refund.orders", "not_json")]
        assert stage.facts.bad.get(NUMBER, {}) == {}  # nothing is kept of it
        log = stage.log
    async with ready(log) as second:
        await look(second)
        assert len(second.records("refund.dead-letters")) == 1


async def test_a_fact_that_no_client_can_take_apart_leaves_a_cut_letter() -> None:
    async with ready() as stage:
        stage.log.write_unread(ORDERS, b"o-1", b"{}")
        await look(stage)
        (letter,) = stage.records("refund.dead-letters")
        assert (letter.key, letter.value) == (b"o-1", b"{}")
        added = dict(letter.headers)
        assert added["refund_dlq_error"] == b"undecodable"
        assert added["refund_dlq_cut"] == b"headers"
        assert stage.facts.tables[NUMBER].orders.keys() == set()


async def test_a_partition_that_is_not_ours_is_left_to_its_owner() -> None:
    async with ready() as stage:
        await approve(stage)
        order_of(stage, picked_up_at_ms=T0)
        await stage.caught_up()
        del stage.answered[NUMBER]
        assert await look(stage) == []
        stage.reconciler.look(ReconcileRequest(NUMBER + 1, ("r-1",)))
        await stage.sink.flush()
        assert stage.written("refund.notices") == []


async def test_between_two_assignments_nothing_is_noticed_and_nothing_forgotten() -> (
    None
):
    """Somebody else may have the partition then, and see the same facts."""
    async with ready() as stage:
        await approve(stage)
        await stage.consumer.rebalance()
        order_of(stage, order_status="shipped")
        assert await look(stage) == []
        assert stage.counted.kinds == []
        assert ReconcileRequest(NUMBER, groups=("o-1",)) in stage.held
        await stage.assign()
        stage.reconcile_queue[:] = stage.held
        assert len(await look(stage)) == 2


async def test_a_worker_that_slept_notices_nothing_before_the_group_confirms_it() -> (
    None
):
    async with ready() as stage:
        await approve(stage)
        order_of(stage, order_status="shipped")
        await stage.caught_up()
        stage.source.offsets.track_slice(INPUT, 2).release()
        stage.now_ms += 3_600_000
        stage.consumer.fail("commit", RebalanceInProgressError())
        looking = asyncio.ensure_future(stage.look())
        await turns(20)
        assert not looking.done()
        assert stage.written("refund.notices") == []
        await stage.consumer.rebalance()  # they went to somebody else meanwhile
        await asyncio.wait_for(looking, 5)
        assert stage.written("refund.notices") == []
        assert stage.held


async def test_the_many_approvals_of_an_order_are_looked_at_in_turns_with_other_work() -> (
    None
):
    async with ready() as stage:
        many = 450
        again = policy(prior_refund_states=["failed"])
        stage.shared.policies = Policies((again,))
        for number in range(many):
            stage.ask(refund_id=f"r-{number}")
        while stage.counted.latencies_ms == [] or stage.source.read_to[INPUT] < many:
            await stage.decide()
            await stage.sink.flush()
        assert len(stage.written("refund.approvals")) == many
        stage.reconcile_queue.clear()
        order_of(stage, order_status="shipped")
        await stage.caught_up()
        (wanted,) = stage.reconcile_queue
        looking = asyncio.create_task(stage.look())
        seen = set()
        while not looking.done():
            seen.add(len(stage.counted.kinds))
            await asyncio.sleep(0)
        assert seen >= {0, 400, 800}  # a race and a loss of each, 200 at a time
        assert len(stage.written("refund.notices")) == 2 * many
        stage.reconcile_queue.append(wanted)
        await stage.look()
        assert len(stage.written("refund.notices")) == 2 * many


async def test_approvals_not_looked_at_yet_wait_when_the_partition_is_taken_away() -> (
    None
):
    async with ready() as stage:
        again = policy(prior_refund_states=["failed"])
        stage.shared.policies = Policies((again,))
        many = [f"r-{number}" for number in range(450)]
        stage.reconcile_queue[:] = [ReconcileRequest(NUMBER, tuple(many))]
        looking = asyncio.create_task(stage.look())
        await asyncio.sleep(0)
        await stage.consumer.rebalance()
        await asyncio.wait_for(looking, 5)
        held = [one for wanted in stage.held for one in wanted.keys]
        assert held in (many[200:], many[400:])


async def test_a_rebalance_waits_for_the_notices_under_way() -> None:
    """Else the next owner does not find them and writes them again."""
    async with ready() as stage:
        await approve(stage)
        order_of(stage, order_status="shipped")
        await stage.caught_up()
        stage.producer.held = True
        looking = asyncio.ensure_future(stage.look())
        await turns(20)
        revoking = asyncio.ensure_future(stage.consumer.rebalance())
        await turns(20)
        assert not revoking.done()
        stage.producer.held = False
        stage.producer.acknowledge()
        await asyncio.wait_for(revoking, 5)
        await asyncio.wait_for(looking, 5)
        assert len(stage.written("refund.notices")) == 2


async def test_a_worker_that_does_not_watch_buries_bad_facts_and_notices_nothing() -> (
    None
):
    async with ready() as stage:
        await approve(stage)
        order_of(stage, picked_up_at_ms=T0)
        stage.log.write(ORDERS, b"no json", b"o-2")
        await stage.caught_up()
        await stage.look(DeadLetterWriter(stage.transport, stage.duties))
        (letter,) = stage.records("refund.dead-letters")
        assert letter.value == b"no json"
        assert stage.facts.bad.get(NUMBER, {}) == {}
        assert stage.records("refund.notices") == []
        stage.reconcile_queue.append(ReconcileRequest(NUMBER + 1))  # of another worker
        await stage.look(DeadLetterWriter(stage.transport, stage.duties))
        assert len(stage.records("refund.dead-letters")) == 1
