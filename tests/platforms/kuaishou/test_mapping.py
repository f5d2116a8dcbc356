"""What an order and a refund become, and what is never approved by default."""

import json
from typing import Any

import pytest

from streams.platforms.kuaishou.client import Failure, Unavailable
from streams.platforms.kuaishou.mapping import Answers, emissions, encode
from streams.platforms.kuaishou.memory import Known
from streams.platforms.kuaishou.reading import Reader
from tests.platforms.kuaishou.samples import (
    BUYER,
    CATEGORIES,
    DROP,
    ORDER_ID,
    REFUND_ADDED,
    REFUND_ID,
    REFUND_UPDATED,
    changed,
    data_of,
    load,
    message,
)

T = 1773800100000
Data = dict[str, Any]


def mapped(
    raw: bytes | None = None,
    *,
    order: Data | None = None,
    fee: Data | None = None,
    refund: Data | None = None,
    known: Known | None = None,
) -> list[tuple[str, Data]]:
    raw = raw or message(REFUND_ADDED)
    answers = Answers(
        T + 900,
        order or data_of("open.order.detail"),
        fee or data_of("open.seller.order.fee.detail"),
        refund or data_of("open.seller.order.refund.detail"),
    )
    found = emissions(
        raw, Reader().classify(raw), known or Known(), answers, CATEGORIES
    )
    return [(one.topic, json.loads(one.value or b"null")) for one in found]


def snapshot(
    base: Data | None = None,
    item: Data | None = None,
    fee: Data | None = None,
    known: Known | None = None,
    **order: object,
) -> Data:
    whole = data_of("open.order.detail")
    whole["orderBaseInfo"] = changed(whole["orderBaseInfo"], base or {})
    whole["orderItemInfo"] = changed(whole["orderItemInfo"], item or {})
    fees = changed(data_of("open.seller.order.fee.detail"), fee or {})
    return mapped(order=changed(whole, order), fee=fees, known=known)[0][1]


def request(raw: bytes | None = None, **refund: object) -> Data:
    detail = changed(data_of("open.seller.order.refund.detail"), refund)
    return mapped(raw, refund=detail)[-1][1]


def update(status: int, event_type: int, at_ms: int = T, **info: object) -> bytes:
    fields = {"status": status, "eventType": event_type, "updateTime": at_ms, **info}
    return message(REFUND_UPDATED, info=fields)


def test_the_sample_order_becomes_this_snapshot() -> None:
    assert snapshot() == {
        "order_id": str(ORDER_ID),
        "order_version": T,
        "buyer_id": BUYER,
        "shop_id": "2100000001",
        "currency": "CNY",
        "order_type": 0,
        "ordered_at_ms": 1773799200000,
        "paid_at_ms": 1773799221000,
        "order_status": "paid",
        "back_end_status": "paid",
        "paid_fen": 12500,
        "freight_fen": 0,
        "coupon_shop_fen": 400,
        "coupon_platform_fen": 1000,
        "subsidy_fen": 0,
        "refundable_left_fen": 12500,
        "total_changed_at_ms": None,
        "lines": [
            {
                "sku_id": "21000000000002",
                "item_id": "21000000000001",
                "category_id": "1001",
                "category_path": ["clothing", "shirts"],
                "quantity": 1,
                "shipped_count": 0,
                "is_custom": False,
                "is_gift": False,
            }
        ],
        "pay_type": 1,
        "presale_stage": "none",
        "delivery_block": 0,
        "risk_code": 0,
        "waybill_printed_at_ms": None,
        "waybill_entered_at_ms": None,
        "picked_up_at_ms": None,
        "shipped_at_ms": None,
        "received_at_ms": None,
        "as_of_ms": T + 900,
        "amounts": {
            "buyer_pay_fen": 11500,
            "goods_after_merchant_fen": 12500,
            "fee_freight_fen": 0,
            "platform_subsidy_fen": 1000,
            "merchant_subsidy_fen": 400,
            "goods_fen": 12900,
            "freight_fen": 0,
            "discount_fen": 1400,
            "gov_subsidy_fen": 0,
            "channel_discount_fen": 0,
        },
        "unavailable": [],
        "unreadable": [],
    }


def test_a_shipped_order_of_the_documented_sample_is_no_longer_open() -> None:
    order = load("api_open.order.detail.documented.json")
    found = mapped(order=order)[0][1]
    assert found["back_end_status"] == "shipped"
    assert found["shipped_at_ms"] == 1654661155041
    assert found["waybill_entered_at_ms"] == 1654661155041
    assert found["paid_fen"] is not None
    assert found["lines"][0]["shipped_count"] is None


# Money: the largest reading


@pytest.mark.parametrize(
    ("base", "fee", "paid_fen"),
    [
        ({}, {"buyerPay": 12499}, 12500),
        ({}, {"buyerPay": 12500}, 12500),
        ({}, {"buyerPay": 12501}, 12501),
        ({}, {"totalFee": 29999}, 29999),
        ({"expressFee": 800}, {}, 13300),
        ({}, {"expressFee": 800}, 13300),
        ({"totalFee": 31400}, {}, 30000),
        ({"governmentDiscount": 500}, {}, 13000),
        ({"payChannelDiscount": 500}, {}, 13000),
        ({"governmentDiscount": None, "payChannelDiscount": DROP}, {}, 12500),
    ],
)
def test_the_paid_amount_is_the_largest_reading(
    base: Data, fee: Data, paid_fen: int
) -> None:
    assert snapshot(base, fee=fee)["paid_fen"] == paid_fen


@pytest.mark.parametrize("bad", [DROP, None, -1, 12500.0, "12500", True])
@pytest.mark.parametrize(
    ("where", "field"),
    [("fee", "buyerPay"), ("fee", "totalFee"), ("fee", "expressFee"), ("fee", "platformBearAmount"),
     ("fee", "merchantBearAmount"), ("base", "totalFee"), ("base", "expressFee"),
     ("base", "discountFee")],
)  # fmt: skip
def test_an_amount_with_a_part_missing_is_unknown(
    where: str, field: str, bad: object
) -> None:
    found = snapshot({field: bad}) if where == "base" else snapshot(fee={field: bad})
    assert found["paid_fen"] is None


@pytest.mark.parametrize("field", ["tradeInPayAfterPromoAmount", "allowanceExpressFee"])
@pytest.mark.parametrize(
    ("value", "known"), [(0, True), (None, True), (1, False), ("0", False)]
)
def test_an_undescribed_part_makes_the_amount_unknown(
    field: str, value: object, *, known: bool
) -> None:
    assert (snapshot({field: value})["paid_fen"] is not None) is known


def test_amounts_of_any_size_are_kept() -> None:
    assert snapshot(fee={"buyerPay": 10**30})["paid_fen"] == 10**30
    assert encode({"a": 2**64}) == b'{"a":18446744073709551616}'


@pytest.mark.parametrize(
    ("entries", "left"),
    [
        ([], 12500), (None, 12500), (DROP, 12500),
        ([{"refundId": REFUND_ID, "refundStatus": 60}], 12500),
        ([{"refundId": 5, "refundStatus": 10}], 12500),
        ([{"refundId": 5, "refundStatus": 70}], 12500),
        ([{"refundId": 5, "refundStatus": 50}], None),
        ([{"refundId": 5, "refundStatus": 60}], None),
        ([{"refundId": 5, "refundStatus": "60"}], None),
        ([{"refundId": 5}], None), ([7], None), ("x", None),
    ],
)  # fmt: skip
def test_after_another_refund_nobody_knows_what_is_left(
    entries: object, left: int | None
) -> None:
    assert snapshot(orderRefundList=entries)["refundable_left_fen"] == left


# Guards: what is unknown is never "none"


@pytest.mark.parametrize(
    ("base", "unreadable"),
    [
        ({"payType": DROP}, "payType"), ({"payType": 0}, "payType"), ({"payType": "1"}, "payType"),
        ({"payType": 4}, "payType"), ({"riskCode": DROP}, "riskCode"),
        ({"riskCode": "10001"}, "riskCode"), ({"coType": DROP}, "coType"),
        ({"coType": True}, "coType"),
        ({"disableDeliveryReasonCode": DROP}, "disableDeliveryReasonCode"),
        ({"disableDeliveryReasonCode": 1}, "disableDeliveryReasonCode"),
        ({"payTime": 1773799221}, "payTime"), ({"sendTime": "x"}, "sendTime"),
    ],
)  # fmt: skip
def test_a_guard_that_cannot_be_read_becomes_a_risk(
    base: Data, unreadable: str
) -> None:
    found = snapshot(base)
    assert found["risk_code"] == -1
    assert found["unreadable"] == [unreadable]


def test_a_risk_code_of_the_platform_is_kept() -> None:
    assert snapshot({"riskCode": 10001})["risk_code"] == 10001
    assert snapshot({"riskCode": 10001, "payType": 0})["risk_code"] == 10001


@pytest.mark.parametrize(
    ("kind", "order_type", "currency"),
    [
        (0, 0, "CNY"),
        (1, 2, "CNY"),
        (2, 2, "CNY"),
        (3, 2, "CNY"),
        (14, 2, "CNY"),
        (8, 8, None),
    ],
)
def test_an_order_that_is_not_ordinary_is_written_as_virtual_or_cross_border(
    kind: int, order_type: int, currency: str | None
) -> None:
    found = snapshot({"coType": kind})
    assert (found["order_type"], found["currency"]) == (order_type, currency)


@pytest.mark.parametrize(
    ("method", "order_type", "risk"),
    [
        ("logistics", 0, 0),
        (None, 0, 0),
        ("certificate", 2, 0),
        ("drone", 0, -1),
        (5, 0, -1),
    ],
)
def test_an_e_voucher_is_virtual_and_an_unknown_delivery_a_risk(
    method: object, order_type: int, risk: int
) -> None:
    service = {"serviceRuleInfo": {"deliveryMethod": method}}
    found = snapshot(item={"serviceInfo": service})
    assert (found["order_type"], found["risk_code"]) == (order_type, risk)


@pytest.mark.parametrize(("code", "order_type"), [(0, 0), (None, 0), (1, 2), ("0", 2)])
def test_a_store_code_hints_at_a_voucher(code: object, order_type: int) -> None:
    assert snapshot(item={"goodStoreCode": code})["order_type"] == order_type


@pytest.mark.parametrize(
    ("base", "order", "stage"),
    [
        ({}, {}, "none"), ({"preSale": 1}, {}, "final_paid"), ({"preSale": 2}, {}, "unknown"),
        ({"preSale": DROP}, {}, "unknown"), ({"preSale": False}, {}, "unknown"),
        ({"allActivityType": [1, 6]}, {}, "deposit_paid"), ({"allActivityType": 6}, {}, "unknown"),
        ({}, {"orderStepInfo": {"payStepType": 1}}, "deposit_paid"),
        ({"orderStepInfo": [{"step": 30}]}, {}, "deposit_paid"),
        ({}, {"orderStepInfo": {}}, "none"),
    ],
)  # fmt: skip
def test_any_pre_sale_has_a_stage(base: Data, order: Data, stage: str) -> None:
    assert snapshot(base, **order)["presale_stage"] == stage


@pytest.mark.parametrize(
    ("holds", "block"),
    [([], 0), ([1], 1), ([2], 2), ([1, 2], 2), ([7], 7), ([0], -1), (["1"], -1)],
)
def test_a_hold_is_never_lost(holds: list[object], block: int) -> None:
    assert snapshot({"disableDeliveryReasonCode": holds})["delivery_block"] == block


def test_a_waybill_on_an_unshipped_order_is_dated_by_the_last_change() -> None:
    found = snapshot(orderLogisticsInfo=[{"expressNo": "1", "expressCode": "9999"}])
    assert (found["order_status"], found["waybill_entered_at_ms"]) == ("paid", T)


@pytest.mark.parametrize(
    ("status", "name"),
    [(0, "unknown"), (10, "awaiting_payment"), (30, "paid"), (40, "shipped"), (50, "signed"),
     (70, "success"), (80, "failed"), (33, "unknown"), ("30", "unknown"), (True, "unknown")],
)  # fmt: skip
def test_a_read_status_gets_its_name(status: object, name: str) -> None:
    found = snapshot({"status": status})
    assert (found["order_status"], found["back_end_status"]) == (name, name)


def test_the_pushed_status_stands_beside_the_read_one() -> None:
    found = snapshot(known=Known(status=80))
    assert (found["order_status"], found["back_end_status"]) == ("failed", "paid")


# Lines


@pytest.mark.parametrize(
    ("detail", "event", "custom"),
    [
        (0, None, False), (0, 0, False), (1, None, True), (0, 1, True), (None, 0, False),
        (None, 1, True), (None, None, None), ("0", 0, None), (-1, 0, True),
    ],
)  # fmt: skip
def test_an_item_is_custom_when_either_source_says_so(
    detail: object, event: int | None, *, custom: bool | None
) -> None:
    info = {"customizedItemType": detail}
    found = snapshot(orderCustomizedInfo=info, known=Known(customised_type=event))
    assert found["lines"][0]["is_custom"] is custom


@pytest.mark.parametrize("leaf", [9999, None, "x", True])
def test_a_category_that_is_not_in_the_tree_is_missing(leaf: object) -> None:
    found = snapshot(item={"itemExtra": {"categoryInfo": {"itemCid": leaf}}})
    assert found["lines"][0]["category_path"] is None


@pytest.mark.parametrize(
    ("gift", "shipped"),
    [
        ({"status": 30, "deliveryNum": 0}, 0), ({"status": 30, "deliveryNum": 1}, 1),
        ({"status": 40, "deliveryNum": 0}, 1), ({"status": 40, "deliveryNum": 3}, 3),
        ({"status": 80, "deliveryNum": 0}, None), ({"status": 30}, None),
        ({"deliveryNum": 0}, None), ({"status": 30, "deliveryNum": -1}, None), (7, None),
    ],
)  # fmt: skip
def test_a_gift_is_a_line_without_a_category(gift: object, shipped: int | None) -> None:
    line = snapshot(subOrderInfo=[gift])["lines"][1]
    assert (line["is_gift"], line["shipped_count"], line["category_path"]) == (
        True,
        shipped,
        None,
    )


def test_gifts_that_are_no_list_are_a_line_nobody_can_read() -> None:
    assert snapshot(subOrderInfo="x")["lines"][1]["shipped_count"] is None


# Requests


@pytest.mark.parametrize(
    ("refund", "why"),
    [
        ({"status": 12}, "refund_status"), ({"status": 11}, "refund_status"),
        ({"status": "10"}, "refund_status"), ({"handlingWay": 1}, "handling_way"),
        ({"negotiateStatus": 0}, "negotiate_status"), ({"negotiateStatus": 2}, "negotiate_status"),
        ({"negotiateStatus": 3}, "negotiate_status"),
        ({"negotiateStatus": DROP}, "negotiate_status"),
        ({"receiptStatus": 0}, "receipt_status"), ({"receiptStatus": 2}, "receipt_status"),
        ({"refundType": 2}, "refund_initiator"), ({"refundType": 0}, "refund_initiator"),
        ({"sellerId": 5}, "shop_id"), ({"sellerId": DROP}, "shop_id"),
        ({"productNum": 1}, "product_count"),
    ],
)  # fmt: skip
def test_a_refund_that_is_not_surely_open_keeps_no_kind(refund: Data, why: str) -> None:
    found = request(**refund)
    assert found["refund_kind"] is None
    assert found["withheld"] == [why]
    assert (found["shop_id"] is None) is (why == "shop_id")


@pytest.mark.parametrize(
    ("way", "kind"),
    [
        (1, "return_and_refund"),
        (3, "exchange"),
        (4, "reissue"),
        (5, "repair"),
        (10, "refund_only"),
    ],
)
def test_other_ways_keep_their_names(way: int, kind: str) -> None:
    found = request(message(REFUND_ADDED, info={"handlingWay": way}), handlingWay=way)
    assert found["refund_kind"] == kind


@pytest.mark.parametrize(
    ("told", "kept"), [(1, 1), (0, None), (None, None), (True, None)]
)
def test_the_special_type_must_be_agreed(told: object, kept: int | None) -> None:
    found = request(
        message(REFUND_ADDED, info={"specialRefundType": 1}), specialRefundType=told
    )
    assert found["special_refund_type"] == kept


@pytest.mark.parametrize("fee", [-1, 12500.0, "12500", True, None])
def test_a_refund_amount_that_is_no_amount_is_null(fee: object) -> None:
    assert request(refundFee=fee)["refund_fen"] is None


@pytest.mark.parametrize(
    ("status", "event_type", "action"),
    [
        (10, 4, "edit"),
        (10, 5, "edit"),
        (10, 0, "open"),
        (12, 2, "open"),
        (70, 70, "withdraw"),
    ],
)
def test_updates_become_actions(status: int, event_type: int, action: str) -> None:
    found = request(update(status, event_type), status=status)
    assert found["action"] == action
    assert found["requested_at_ms"] == T


@pytest.mark.parametrize(
    ("status", "kind", "result"),
    [(60, "payout_succeeded", None), (50, "reviewed", "approved")],
)
def test_a_paid_or_executing_refund_is_an_outcome(
    status: int, kind: str, result: str | None
) -> None:
    detail = changed(data_of("open.seller.order.refund.detail"), {"status": status})
    topic, record = mapped(update(status, status), refund=detail)[-1]
    assert topic == "outcomes"
    assert (record["kind"], record["result"], record["at_ms"]) == (kind, result, T)
    assert record["refund_id"] == str(REFUND_ID)


@pytest.mark.parametrize("status", [60, 70])
def test_an_end_needs_no_detail(status: int) -> None:
    raw = update(status, status)
    gone = Unavailable(Failure.TIMEOUT)
    answers = Answers(T, gone, gone, gone)
    (one,) = emissions(
        raw,
        Reader().classify(raw),
        Known(buyer_id="b", placed=("b",)),
        answers,
        CATEGORIES,
    )
    assert (one.topic, one.partition_by) == (
        "outcomes" if status == 60 else "requests",
        "b",
    )


def test_a_newer_end_in_the_detail_is_believed() -> None:
    detail = changed(
        data_of("open.seller.order.refund.detail"), {"status": 60, "updateTime": T + 5}
    )
    topic, record = mapped(refund=detail)[-1]
    assert (topic, record["kind"], record["at_ms"]) == (
        "outcomes",
        "payout_succeeded",
        T + 5,
    )


def test_an_end_the_detail_contradicts_goes_to_a_person() -> None:
    found = request(update(60, 60), status=10)
    assert (found["refund_kind"], found["withheld"]) == (None, ["refund_status"])
