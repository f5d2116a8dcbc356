"""Notices that facts call for: each once, none lost, whatever crashes between."""

from functools import partial

import msgspec
import pytest

from streams.families.fast_refund.decide import decide
from streams.families.fast_refund.decision_codec import encode_decision
from streams.families.fast_refund.decision_history import Entry, RefundHistory
from streams.families.fast_refund.due_notices import due
from streams.families.fast_refund.model import Facts, Request
from streams.families.fast_refund.policy import Policies
from streams.families.fast_refund.seen import see
from testkit import samples
from testkit.samples import DROP, NOW, NUMBER
from tests.families.fast_refund.stage import (
    ORDERS,
    OUTCOMES,
    SHOPS,
    approve,
    look,
    order_of,
    ready,
)
from tests.families.fast_refund.world import SHIPPED, World, policy
from tests.work import Calls

pytestmark = pytest.mark.asyncio

DAY_MS = 86_400_000
DECIDED = NOW
"""Approvals of the base case are decided at this moment, UTC ms."""


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


T0 = DECIDED - 5_000


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
