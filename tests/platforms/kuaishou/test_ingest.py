"""From a pushed record, over a real socket, to canonical records."""

import json
from typing import Any

import pytest

from streams.platforms.kuaishou.client import (
    FEE_DETAIL,
    ORDER_DETAIL,
    REFUND_DETAIL,
    Limits,
)
from streams.platforms.kuaishou.ingest import Handled
from streams.platforms.kuaishou.standin import Body, Delay, Status
from tests.platforms.kuaishou.conftest import ASKED_AT_MS, Bench
from tests.platforms.kuaishou.samples import (
    ADDED,
    BUYER,
    FEE,
    ORDER_ID,
    PAID,
    REFUND_ADDED,
    REFUND_ID,
    REFUND_UPDATED,
    SHIPPED,
    changed,
    data_of,
    message,
)

pytestmark = pytest.mark.asyncio

T = 1773800100000
DOWN = Status(404)
OTHER_BUYER = "f1a0000000000000000000000000b002"


def down(bench: Bench) -> None:
    """Let the platform answer nothing any more."""
    world = bench.standin.world
    for table in (world.orders, world.fees, world.refunds):
        table.clear()


def places(handled: Handled) -> list[tuple[str, bool, str | None]]:
    """Topic of every record, whether it is a tombstone, and what it goes by."""
    return [
        (one.topic, one.value is None, one.partition_by) for one in handled.emissions
    ]


def written(handled: Handled) -> list[tuple[str, dict[str, Any]]]:
    return [(one.topic, json.loads(one.value or b"null")) for one in handled.emissions]


def topics(handled: Handled) -> list[str]:
    return [one.topic for one in handled.emissions]


async def test_a_new_refund_becomes_its_order_and_then_its_request(
    bench: Bench,
) -> None:
    handled = await bench.ingest().handle(message(REFUND_ADDED))
    (first, order), (second, request) = written(handled)
    assert (first, second) == ("orders", "requests")
    assert [one.partition_by for one in handled.emissions] == [BUYER, BUYER]
    keys = [one.key for one in handled.emissions]
    assert keys == [str(ORDER_ID).encode(), str(REFUND_ID).encode()]
    event_id = request.pop("event_id")
    assert event_id.startswith("kuaishou:")
    assert request == {
        "action": "open",
        "refund_id": str(REFUND_ID),
        "refund_version": T,
        "order_id": str(ORDER_ID),
        "buyer_id": BUYER,
        "shop_id": "2100000001",
        "refund_kind": "refund_only",
        "special_refund_type": 0,
        "refund_fen": 12500,
        "requested_at_ms": T,
        "expire_at_ms": 1773972900000,
        "reason": "11",
        "refund_status": 10,
        "unavailable": [],
        "withheld": [],
    }
    assert order["paid_fen"] == 12500
    assert order["refundable_left_fen"] == 12500
    assert order["as_of_ms"] == ASKED_AT_MS


async def test_no_record_for_an_ignored_message_and_its_bytes_for_a_dead_letter(
    bench: Bench,
) -> None:
    beat, dead = await bench.ingest().handle_slice([b'{"test":true}', b"\xff{"])
    assert beat.emissions == ()
    (one,) = dead.emissions
    assert (one.topic, one.key, one.value, one.partition_by) == (
        "dead-letters",
        b"",
        b"\xff{",
        "",
    )
    assert bench.standin.calls == []


async def test_copies_of_one_content_would_have_one_event_id(bench: Bench) -> None:
    one = await bench.ingest().handle(message(REFUND_ADDED))
    other = await bench.ingest().handle(message(REFUND_ADDED, eventId="another"))
    assert written(one)[1][1]["event_id"] == written(other)[1][1]["event_id"]


@pytest.mark.parametrize(
    ("method", "unavailable", "topics_written"),
    [
        (ORDER_DETAIL, ["order_status", "paid_amount"], ["orders", "requests"]),
        (FEE_DETAIL, ["paid_amount"], ["orders", "requests"]),
        (REFUND_DETAIL, ["refund_detail"], ["orders", "requests"]),
    ],
)
async def test_what_could_not_be_read_is_named_and_not_guessed(
    bench: Bench, method: str, unavailable: list[str], topics_written: list[str]
) -> None:
    bench.standin.misbehave(method, DOWN)
    handled = await bench.ingest().handle(message(REFUND_ADDED))
    assert topics(handled) == topics_written
    request = written(handled)[-1][1]
    assert request["unavailable"] == unavailable
    assert (request["refund_fen"] is None) is (method == REFUND_DETAIL)
    if method == FEE_DETAIL:
        order = written(handled)[0][1]
        assert order["paid_fen"] is None
        assert order["refundable_left_fen"] is None


async def test_without_any_answer_the_request_goes_by_its_order(bench: Bench) -> None:
    for method in (ORDER_DETAIL, FEE_DETAIL, REFUND_DETAIL):
        bench.standin.misbehave(method, DOWN)
    handled = await bench.ingest().handle(message(REFUND_ADDED))
    (one,) = handled.emissions
    request = json.loads(one.value or b"null")
    assert one.partition_by == str(ORDER_ID)
    assert request["unavailable"] == ["order_status", "paid_amount", "refund_detail"]
    assert (request["buyer_id"], request["refund_fen"]) == (None, None)
    assert request["refund_version"] == T  # the event's own word


async def test_a_buyer_once_read_is_remembered(bench: Bench) -> None:
    ingest = bench.ingest()
    await ingest.handle(message(PAID))
    for method in (ORDER_DETAIL, FEE_DETAIL, REFUND_DETAIL):
        bench.standin.misbehave(method, DOWN)
    handled = await ingest.handle(message(REFUND_ADDED))
    assert handled.emissions[0].partition_by == BUYER


async def test_a_shipped_message_without_an_answer_still_says_shipped(
    bench: Bench,
) -> None:
    bench.standin.misbehave(ORDER_DETAIL, DOWN)
    raw = message(SHIPPED, info={"oid": ORDER_ID})
    ((topic, order),) = written(await bench.ingest().handle(raw))
    assert (topic, order["order_status"], order["back_end_status"]) == (
        "orders",
        "shipped",
        None,
    )
    assert (order["lines"], order["paid_fen"], order["risk_code"]) == ([], None, -1)
    assert order["order_version"] == 1773806400000
    assert order["unavailable"] == ["order_status"]


async def test_an_answer_older_than_the_event_is_no_answer(bench: Bench) -> None:
    update = data_of("open.order.detail")["orderBaseInfo"]["updateTime"]
    for at_ms, known in ((update - 1, "paid"), (update, "paid"), (update + 1, None)):
        raw = message(PAID, info={"updateTime": at_ms})
        ((_, order),) = written(await bench.ingest().handle(raw))
        assert order["back_end_status"] == known


async def test_a_refund_detail_older_than_the_event_is_no_answer(bench: Bench) -> None:
    for at_ms, lost in ((T - 1, []), (T, []), (T + 1, ["refund_detail"])):
        raw = message(REFUND_ADDED, info={"createTime": at_ms})
        request = written(await bench.ingest().handle(raw))[-1][1]
        assert request["unavailable"] == lost


async def test_a_pushed_shipped_against_a_read_paid_is_kept_as_both(
    bench: Bench,
) -> None:
    ingest = bench.ingest()
    await ingest.handle(message(SHIPPED, info={"oid": ORDER_ID, "updateTime": T - 1}))
    order = written(await ingest.handle(message(REFUND_ADDED)))[0][1]
    assert (order["order_status"], order["back_end_status"]) == ("shipped", "paid")


async def test_a_fee_change_is_dated_in_this_and_later_snapshots(bench: Bench) -> None:
    ingest = bench.ingest()
    order = written(await ingest.handle(message(FEE)))[0][1]
    assert order["total_changed_at_ms"] == 1773799212000
    order = written(await ingest.handle(message(REFUND_ADDED)))[0][1]
    assert order["total_changed_at_ms"] == 1773799212000


async def test_a_bad_order_message_vetoes_its_order(bench: Bench) -> None:
    ingest = bench.ingest()
    handled = await ingest.handle(message(PAID, info={"status": 40}))
    ((topic, record),) = written(handled)
    assert topic == "outcomes"
    assert record == {
        "order_id": str(ORDER_ID), "veto": True, "event_id": record["event_id"]
    }  # fmt: skip
    assert handled.emissions[0].partition_by == BUYER
    request = written(await ingest.handle(message(REFUND_ADDED)))[-1][1]
    assert (request["refund_kind"], request["withheld"]) == (None, ["order_marked"])


async def test_the_end_of_a_marked_orders_refund_is_told_beside_the_review(
    bench: Bench,
) -> None:
    ingest = bench.ingest()
    await ingest.handle(message(PAID, info={"status": 40}))
    handled = await ingest.handle(message(REFUND_UPDATED))
    assert topics(handled) == ["orders", "outcomes", "requests"]


async def test_a_bad_refund_message_becomes_a_request_only_a_person_can_decide(
    bench: Bench,
) -> None:
    raw = message(REFUND_UPDATED, info={"status": 99})
    request = written(await bench.ingest().handle(raw))[-1][1]
    assert request["refund_kind"] is None
    assert request["special_refund_type"] is None
    assert request["withheld"][0] == "enum_unknown"
    assert request["refund_id"] == str(REFUND_ID)


async def test_records_of_a_slice_keep_their_order_however_slow_the_answers(
    bench: Bench,
) -> None:
    bench.standin.misbehave(REFUND_DETAIL, Delay(60), Delay(1))
    raws = [
        message(REFUND_ADDED),
        message(REFUND_ADDED),
        b"{",
        message(PAID, eventId="p"),
        message(REFUND_ADDED, eventId="r", info={"refundId": REFUND_ID + 1}),
    ]
    found = await bench.ingest().handle_slice(raws)
    kinds = [one.verdict.kind.value for one in found]
    assert kinds == ["accepted", "ignored", "dead_letter", "accepted", "accepted"]
    assert [topics(one) for one in found] == [
        ["orders", "requests"], [], ["dead-letters"], ["orders"], ["orders", "requests"],
    ]  # fmt: skip
    assert written(found[4])[1][1]["unavailable"] == ["refund_detail"]


async def test_a_slice_of_nothing_is_nothing(bench: Bench) -> None:
    assert await bench.ingest().handle_slice([]) == []


async def test_answers_of_any_shape_never_stop_the_ingest(bench: Bench) -> None:
    shapes: list[object] = [
        None,
        [],
        {},
        "x",
        1.5,
        True,
        10**30,
        -1,
        [[1]],
        {"a": None},
    ]
    base = data_of("open.order.detail")
    ids = {"oid": ORDER_ID, "updateTime": T}
    for shape in shapes:
        told = {**dict.fromkeys(base["orderBaseInfo"], shape), **ids}
        order = {**dict.fromkeys(base, shape), "orderBaseInfo": told}
        fee = changed(
            dict.fromkeys(data_of("open.seller.order.fee.detail"), shape),
            {"oid": ORDER_ID},
        )
        refund = dict.fromkeys(data_of("open.seller.order.refund.detail"), shape)
        refund |= {"oid": ORDER_ID, "refundId": REFUND_ID, "updateTime": T}
        for method, data in (
            (ORDER_DETAIL, order),
            (FEE_DETAIL, fee),
            (REFUND_DETAIL, refund),
        ):
            body = json.dumps({"result": 1, "data": data}).encode()
            bench.standin.misbehave(method, Body(body))
        handled = await bench.ingest(Limits()).handle(message(REFUND_ADDED))
        _, request = written(handled)[-1]
        assert request["refund_kind"] is None


# -- where records go --------------------------------------------------------------


async def test_after_a_restart_a_copy_goes_where_the_orders_row_is(
    bench: Bench,
) -> None:
    down(bench)
    first = bench.ingest()
    added = message(ADDED, info={"oid": ORDER_ID, "buyerOpenId": BUYER})
    (order,) = (await first.handle(added)).emissions
    before = await first.handle(message(REFUND_ADDED))
    # The memory of pushes is gone; the topic says whose partition the order is in.
    after = await bench.ingest(None, order.partition_by or "").handle(
        message(REFUND_ADDED)
    )
    assert places(before) == places(after) == [("requests", False, BUYER)]
    assert written(before) == written(after)


async def test_an_order_event_after_a_restart_keeps_the_buyer_in_the_row(
    bench: Bench,
) -> None:
    down(bench)
    handled = await bench.ingest(None, BUYER).handle(
        message(SHIPPED, info={"oid": ORDER_ID})
    )
    ((_, order),) = written(handled)
    assert places(handled) == [("orders", False, BUYER)]
    assert (order["buyer_id"], order["order_status"]) == (BUYER, "shipped")


async def test_a_buyer_told_by_the_refund_alone_is_kept_for_the_next_start(
    bench: Bench,
) -> None:
    bench.standin.misbehave(ORDER_DETAIL, DOWN)
    handled = await bench.ingest().handle(message(REFUND_ADDED))
    assert places(handled) == [("orders", False, BUYER), ("requests", False, BUYER)]
    row = written(handled)[0][1]
    assert (row["order_version"], row["order_status"], row["paid_fen"]) == (
        0,
        None,
        None,
    )
    assert row["buyer_id"] == BUYER
    bench.standin.misbehave(ORDER_DETAIL, DOWN)
    again = await bench.ingest(None, BUYER).handle(message(REFUND_ADDED))
    assert places(again) == [("requests", False, BUYER)]  # the row is there


async def test_an_order_detail_without_a_buyer_takes_the_refunds(bench: Bench) -> None:
    detail = data_of("open.order.detail")
    detail["orderBaseInfo"] = changed(detail["orderBaseInfo"], {"buyerOpenId": None})
    body = json.dumps({"result": 1, "data": detail}).encode()
    bench.standin.misbehave(ORDER_DETAIL, Body(body))
    handled = await bench.ingest().handle(message(REFUND_ADDED))
    assert places(handled) == [("orders", False, BUYER), ("requests", False, BUYER)]
    assert written(handled)[0][1]["buyer_id"] == BUYER


async def test_an_order_whose_buyer_becomes_known_leaves_no_row_behind(
    bench: Bench,
) -> None:
    ingest = bench.ingest(None, str(ORDER_ID))
    moved = await ingest.handle(message(PAID))
    assert places(moved) == [
        ("orders", True, str(ORDER_ID)),
        ("orders", False, BUYER),
    ]
    stays = await ingest.handle(message(REFUND_ADDED))
    assert places(stays) == [("orders", False, BUYER), ("requests", False, BUYER)]


async def test_an_order_that_changes_its_buyer_ends_the_old_row_and_goes_to_a_person(
    bench: Bench,
) -> None:
    """What was decided for the old buyer is in a partition that nobody here reads."""
    handled = await bench.ingest(None, OTHER_BUYER).handle(message(REFUND_ADDED))
    assert places(handled) == [
        ("orders", True, OTHER_BUYER),
        ("outcomes", False, BUYER),
        ("orders", False, BUYER),
        ("requests", False, BUYER),
    ]
    assert written(handled)[1][1]["veto"] is True


async def test_a_move_that_a_crash_cut_short_is_finished(bench: Bench) -> None:
    ingest = bench.ingest(None, OTHER_BUYER, BUYER)
    handled = await ingest.handle(message(PAID))
    assert places(handled)[0] == ("orders", True, OTHER_BUYER)
    assert places(handled)[-1] == ("orders", False, BUYER)


async def test_without_an_answer_a_copy_goes_to_one_of_the_rows_and_always_the_same(
    bench: Bench,
) -> None:
    down(bench)
    for rows in ((OTHER_BUYER, BUYER), (BUYER, OTHER_BUYER)):
        handled = await bench.ingest(None, *rows).handle(message(REFUND_ADDED))
        assert places(handled) == [("requests", False, BUYER)]


async def test_what_one_push_of_a_slice_learns_counts_for_the_next_one(
    bench: Bench,
) -> None:
    bench.standin.misbehave(ORDER_DETAIL, Delay(1), DOWN)
    bench.standin.misbehave(REFUND_DETAIL, DOWN)
    paid, refund = await bench.ingest().handle_slice(
        [message(PAID), message(REFUND_ADDED)]
    )
    assert places(paid) == [("orders", False, BUYER)]
    assert places(refund) == [("requests", False, BUYER)]


async def test_a_veto_of_an_unknown_buyers_order_is_put_into_every_partition(
    bench: Bench,
) -> None:
    """Whoever the buyer turns out to be, the veto is there."""
    down(bench)
    bad = message(PAID, info={"status": 40})
    assert places(await bench.ingest().handle(bad)) == [("outcomes", False, None)]
    known = await bench.ingest(None, BUYER).handle(bad)
    assert places(known) == [("outcomes", False, BUYER)]
