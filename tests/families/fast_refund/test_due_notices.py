"""Notices that facts call for: each once, none lost, whatever crashes between."""

import asyncio
from functools import partial
from typing import Any

import msgspec
import pytest
from aiokafka.errors import RebalanceInProgressError

from streams.families.fast_refund.decide import decide
from streams.families.fast_refund.decision_codec import encode_decision
from streams.families.fast_refund.decision_history import Entry, RefundHistory
from streams.families.fast_refund.due_notices import due
from streams.families.fast_refund.model import Facts, Request
from streams.families.fast_refund.policy import Policies
from streams.families.fast_refund.seen import see
from streams.processing.reconcile import ReconcileRequest
from streams.worker.reconciler import DeadLetterWriter
from testkit import samples
from testkit.fakes import turns
from testkit.samples import DROP, NOW, NUMBER
from tests.families.fast_refund.stage import (
    INPUT,
    ORDERS,
    OUTCOMES,
    SHOPS,
    Stage,
    ready,
)
from tests.families.fast_refund.world import SHIPPED, World, policy
from tests.work import Calls

pytestmark = pytest.mark.asyncio

DAY_MS = 86_400_000
DECIDED = NOW
"""Approvals of the base case are decided at this moment, UTC ms."""


def order_of(stage: Stage, **changes: object) -> None:
    version = stage.log.end(ORDERS)
    stage.log.write(ORDERS, samples.order(order_version=version, **changes), b"o-1")


async def approve(stage: Stage) -> None:
    stage.ask()
    await stage.decide()
    await stage.sink.flush()
    assert len(stage.written("refund.approvals")) == 1


async def look(stage: Stage) -> list[dict[str, Any]]:
    await stage.caught_up()
    await stage.look()
    return stage.written("refund.notices")


@pytest.mark.parametrize(
    ("picked_up_at_ms", "kind", "gap_ms"),
    [
        (DECIDED - 1, "race_detected", 1),
        (DECIDED, "race_detected", 0),
        (DECIDED + 1, "ship_after_refund", 1),
        (DECIDED + 30 * DAY_MS, "ship_after_refund", 30 * DAY_MS),
    ],
)
async def test_case_70_goods_that_leave_around_the_decision(
    picked_up_at_ms: int, kind: str, gap_ms: int
) -> None:
    async with ready() as stage:
        await approve(stage)
        order_of(stage, order_status="shipped", picked_up_at_ms=picked_up_at_ms)
        race, *loss = await look(stage)
        assert (race["kind"], race["gap_ms"], race["basis"]) == (
            kind,
            gap_ms,
            "picked_up",
        )
        assert race["handed_over_at_ms"] == picked_up_at_ms
        assert (race["decision_id"], race["refund_id"]) == ("FR:r-1:1", "r-1")
        assert (race["order_id"], race["shop_id"]) == ("o-1", "s-1")
        assert race["text_zh"]
        assert race["text_en"]
        assert "bearer" not in race
        assert [one["kind"] for one in loss] == (
            ["loss_recorded"] if kind == "race_detected" else []
        )


async def test_case_71_a_waybill_entered_late_makes_the_loss_the_merchants() -> None:
    async with ready() as stage:
        await approve(stage)
        order_of(
            stage,
            order_status="shipped",
            picked_up_at_ms=DECIDED - 3_600_000,
            waybill_entered_at_ms=DECIDED + 60_000,
        )
        race, loss = await look(stage)
        assert race["kind"] == "race_detected"
        assert loss["kind"] == "loss_recorded"
        assert (loss["bearer"], loss["amount_fen"]) == ("merchant", 19_900)


async def test_a_shipped_order_without_any_time_is_a_race_of_unknown_basis() -> None:
    async with ready() as stage:
        await approve(stage)
        order_of(stage, order_status="shipped")
        race, loss = await look(stage)
        assert (race["kind"], race["basis"]) == ("race_detected", "unknown")
        assert "gap_ms" not in race
        assert loss["kind"] == "loss_recorded"


async def test_goods_that_leave_after_the_watch_are_no_race() -> None:
    async with ready() as stage:
        await approve(stage)
        order_of(stage, picked_up_at_ms=DECIDED + 30 * DAY_MS + 1)
        assert await look(stage) == []


async def test_how_long_an_approval_is_watched_is_a_matter_of_policy() -> None:
    async with ready() as stage:
        await approve(stage)
        tables = stage.facts.tables[NUMBER]
        order_of(stage, picked_up_at_ms=DECIDED + 30 * DAY_MS)
        await stage.caught_up()
        short = policy(race_watch_days=29)
        assert list(due(tables, "r-1", short, NOW)) == []
        assert [one.kind for one in due(tables, "r-1", SHIPPED, NOW)] == [
            "ship_after_refund"
        ]
        assert [one.kind for one in due(tables, "r-1", None, NOW)] == [
            "ship_after_refund"
        ]


async def test_case_72_a_failed_payout_of_an_approval_becomes_a_persons() -> None:
    async with ready() as stage:
        await approve(stage)
        offset = stage.log.write(OUTCOMES, samples.outcome("payout_failed"), b"r-1")
        stage.now_ms += 10_000
        assert await look(stage) == []
        (record,) = stage.records("refund.reviews")
        (found,) = stage.written("refund.reviews")
        approval = stage.written("refund.approvals")[0]
        assert found == {
            **approval,
            "decision_id": "FR:r-1:1:refund_failed",
            "outcome": "manual_review",
            "reason_codes": ["REFUND_FAILED"],
            "payout_key": None,
            "decided_at_ms": stage.now_ms,
            "review_deadline_ms": found["review_deadline_ms"],
        }
        assert record.key == b"r-1"
        headers = dict(record.headers)
        assert headers["ce_id"] == b"FR:r-1:1:refund_failed"
        assert headers["ce_type"] == b"refund.manual_review.v1"
        assert headers["source_topic"] == b"refund.outcomes"
        assert headers["source_offset"] == str(offset).encode()
        assert stage.counted.kinds == ["manual_review"]


async def test_a_payout_that_failed_and_then_succeeded_needs_nobody() -> None:
    async with ready() as stage:
        await approve(stage)
        stage.log.write(OUTCOMES, samples.outcome("payout_failed"), b"r-1")
        stage.log.write(OUTCOMES, samples.outcome("payout_succeeded"), b"r-1")
        await look(stage)
        assert stage.written("refund.reviews") == []


async def test_a_failed_payout_of_what_a_person_approved_has_no_follow_up() -> None:
    async with ready() as stage:
        stage.ask(refund_fen=19_901)
        await stage.decide()
        stage.log.write(OUTCOMES, samples.reviewed("approved"), b"r-1")
        stage.log.write(OUTCOMES, samples.outcome("payout_failed"), b"r-1")
        order_of(stage, order_status="shipped")
        assert await look(stage) == []
        assert len(stage.written("refund.reviews")) == 1


async def test_case_62_a_withdrawal_after_the_approval_is_told() -> None:
    async with ready() as stage:
        await approve(stage)
        stage.ask(action="withdraw", refund_version=2)
        await stage.decide()
        await stage.sink.flush()
        (notice,) = await look(stage)
        assert notice["kind"] == "withdrawn_after_approval"
        assert notice["decision_id"] == "FR:r-1:1"
        stage.ask(refund_version=3)  # whatever comes later does not undo it
        await stage.decide()
        assert len(await look(stage)) == 1


async def test_a_withdrawal_before_the_approval_is_not_told() -> None:
    async with ready() as stage:
        stage.ask(action="withdraw")
        await stage.decide()
        stage.ask(refund_version=2)
        await stage.decide()
        await stage.sink.flush()
        assert len(stage.written("refund.approvals")) == 1
        assert await look(stage) == []


async def test_case_45_a_merchants_switch_is_ignored_and_told() -> None:
    async with ready() as stage:
        value = samples.shop(enabled=False, by="merchant")
        offset = stage.log.write(SHOPS, value, b"s-1")
        (notice,) = await look(stage)
        assert notice["kind"] == "merchant_switch_ignored"
        assert notice["shop_id"] == "s-1"
        (record,) = stage.records("refund.notices")
        headers = dict(record.headers)
        assert record.key == b"s-1"
        assert headers["source_topic"] == b"refund.shops"
        assert headers["source_partition"] == str(NUMBER).encode()
        assert headers["source_offset"] == str(offset).encode()
        await approve(stage)


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


T0 = DECIDED - 5_000


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


async def test_what_is_missing_of_two_notices_is_added() -> None:
    async with ready() as first:
        await approve(first)
        await first.source.stop()
        order_of(first, picked_up_at_ms=T0)
        await first.caught_up()
        first.facts.tables[NUMBER].ledger.note("loss_recorded:FR:r-1:1")
        await first.look()
        assert [one["kind"] for one in first.written("refund.notices")] == [
            "race_detected"
        ]
        log = first.log
    async with ready(log) as second:
        kinds = [one["kind"] for one in await look(second)]
    assert kinds == ["race_detected", "loss_recorded"]


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


async def test_a_change_of_an_order_costs_the_same_however_many_approvals_it_has() -> (
    None
):
    """Before its goods have left there is nothing to look for."""
    spent = []
    for many in (1, 90):
        async with ready() as stage:
            again = policy(prior_refund_states=["failed"])
            stage.shared.policies = Policies((again,))
            for number in range(many):
                stage.ask(refund_id=f"r-{number}")
            await stage.decide()
            order_of(stage, delivery_block=1)
            await stage.caught_up()
            wanted = stage.reconcile_queue[-1]
            assert wanted.groups == ("o-1",)
            spent.append(Calls().of(partial(stage.reconciler.look, wanted)))
    assert spent[0] == spent[1]


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


async def test_an_approval_without_an_order_has_no_race() -> None:
    world = World()
    request = Request(refund_id="r-1", refund_version=1, action="open")
    decision = msgspec.structs.replace(
        decide(request, see(request, Facts(), None, NOW), None, NOW),
        outcome="auto_approve",
    )
    ledger = world.tables.ledger
    ledger.remember(
        Entry(
            "r-1",
            1,
            None,
            None,
            "decided",
            "auto_approve",
            NOW,
            None,
            withdraws=False,
            reason_codes=(),
            value=encode_decision(decision),
        )
    )
    assert list(due(world.tables, "r-1", SHIPPED, NOW)) == []
    assert list(due(world.tables, "r-9", SHIPPED, NOW)) == []
    world.tables.apply_outcome(None, samples.outcome("payout_failed"), 3)
    (found,) = due(world.tables, "r-1", SHIPPED, NOW)
    assert (found.kind, found.key) == ("manual_review", "r-1")


async def test_a_tombstone_of_the_order_calls_for_nothing() -> None:
    async with ready() as stage:
        await approve(stage)
        stage.log.write(ORDERS, None, b"o-1")
        assert await look(stage) == []


async def test_a_notice_of_an_approval_without_an_order_id_is_keyed_by_the_refund() -> (
    None
):
    world = World()
    judged = world.slice([world.record(samples.request())])
    assert judged.approved == 1
    approval = world.tables.ledger.approval("r-1")
    assert approval is not None
    world.tables.ledger = RefundHistory()
    world.tables.ledger.remember(msgspec.structs.replace(approval, order_id=None))
    world.slice([world.record(samples.request(action="withdraw", order_id=DROP))])
    (found,) = due(world.tables, "r-1", SHIPPED, NOW)
    assert (found.kind, found.key) == ("withdrawn_after_approval", "r-1")


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
