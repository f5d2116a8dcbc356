"""Scenarios of one buyer, one order and one request, each with one thing about it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from streams.tools.traffic import records
from testkit.scenarios.script import APPROVED, Fields, Scenario, Script

LINE: Final = records.line(records.Item("", "", 0, ""))


@dataclass(frozen=True)
class Single:
    """One buyer, one order, one request."""

    codes: frozenset[str] | None
    """All reasons of the decision; None = any: they hang on the clock."""
    order: Fields | None = field(default_factory=dict)
    """What differs from the base case; None = no snapshot."""
    buyer: Fields | None = field(default_factory=dict)
    request: Fields = field(default_factory=dict)
    era: str = "now"


def _one(codes: str, **parts: Any) -> Single:  # noqa: ANN401 - fields of Single
    return Single(frozenset(codes.split()) or APPROVED, **parts)


def _line(**changes: object) -> Fields:
    return {"lines": [LINE | changes]}


def _paid(fen: int) -> dict[str, Any]:
    return {
        "order": {"paid_fen": fen, "refundable_left_fen": fen},
        "request": {"refund_fen": fen},
    }


def _quality(*history: tuple[int, str]) -> Fields:
    return {"quality": [{"from_ms": at, "value": value} for at, value in history]}


SINGLE: Final[Mapping[str, Single]] = {
    "good_standing": _one(""),
    "one_fen": _one("", **_paid(1)),
    "just_under_limit": _one("", **_paid(29_999)),
    "at_limit": _one("PAID_AT_OR_OVER_LIMIT", **_paid(30_000)),
    "paid_nothing": _one("PAID_AMOUNT_INVALID REFUND_AMOUNT_INVALID", **_paid(0)),
    "paid_amount_unknown": _one("PAID_AMOUNT_UNKNOWN", order={"paid_fen": None}),
    "total_changed": _one("PAID_AMOUNT_CHANGED", order={"total_changed_at_ms": "T+1"}),
    "foreign_currency": _one("CURRENCY_NOT_CNY", order={"currency": "USD"}),
    "more_than_paid": _one("REFUND_AMOUNT_INVALID", request={"refund_fen": 19_901}),
    "shipped": _one("ORDER_SHIPPED", order={"order_status": "shipped"}),
    "awaiting_payment": _one(
        "ORDER_STATUS_OTHER", order={"order_status": "awaiting_payment"}
    ),
    "unknown_status": _one("ORDER_STATUS_UNKNOWN", order={"order_status": 33}),
    "contradicting_status": _one(
        "ORDER_STATUS_CONFLICT",
        order={"order_status": "shipped", "back_end_status": "paid"},
    ),
    "partly_shipped": _one(
        "ORDER_PARTLY_SHIPPED", order={"lines": [LINE, LINE | {"shipped_count": 1}]}
    ),
    "custom_made": _one("CATEGORY_CUSTOM", order=_line(is_custom=True)),
    "virtual_goods": _one(
        "CATEGORY_VIRTUAL", order=_line(category_path=["virtual", "codes"])
    ),
    "excluded_category": _one(
        "CATEGORY_EXCLUDED", order=_line(category_path=["food", "wine"])
    ),
    "excluded_sku": _one("SKU_EXCLUDED", order=_line(sku_id="k-no")),
    "unknown_sku": _one("SKU_UNKNOWN", order=_line(sku_id=None)),
    "unknown_category": _one("CATEGORY_UNKNOWN", order=_line(category_path=None)),
    "ordinary_buyer": _one("BUYER_NOT_QUALITY", buyer=_quality((1, "ordinary"))),
    "unknown_buyer": _one("BUYER_QUALITY_UNKNOWN", buyer=None),
    "quality_revoked": _one(
        "BUYER_QUALITY_REVOKED",
        buyer={
            "quality": [
                {"from_ms": 1, "value": "quality"},
                {"from_ms": "T+1", "value": "revoked_abuse"},
            ]
        },
    ),
    "limited_buyer": _one(
        "BUYER_LIMITED", buyer={"limits": [{"kind": "limited", "from_ms": 1}]}
    ),
    "cancelled_buyer": _one(
        "BUYER_CANCELLED", buyer={"limits": [{"kind": "cancelled", "from_ms": 1}]}
    ),
    "nameless_buyer": _one(
        "BUYER_UNKNOWN BUYER_QUALITY_UNKNOWN",
        order={"buyer_id": None},
        buyer=None,
        request={"buyer_id": None},
    ),
    "excluded_shop": _one(
        "SHOP_EXCLUDED", order={"shop_id": "s-off"}, request={"shop_id": "s-off"}
    ),
    "restricted_shop": _one(
        "SHOP_STANDING_RESTRICTED",
        order={"shop_id": "s-low"},
        request={"shop_id": "s-low"},
    ),
    "watched_shop": _one(
        "", order={"shop_id": "s-watch"}, request={"shop_id": "s-watch"}
    ),
    "odd_standing": _one(
        "LISTS_NOT_READY", order={"shop_id": "s-odd"}, request={"shop_id": "s-odd"}
    ),
    "unknown_shop": _one(
        "SHOP_UNKNOWN", order={"shop_id": None}, request={"shop_id": None}
    ),
    "pay_later": _one("PAY_LATER", order={"pay_type": 88}),
    "presale": _one("PRESALE", order={"presale_stage": "final_paid"}),
    "group_buy": _one("GROUP_BUY_PENDING", order={"delivery_block": 1}),
    "payment_risk": _one("PAYMENT_RISK_REVIEW", order={"delivery_block": 2}),
    "risky_order": _one("ORDER_RISK_FLAGGED", order={"risk_code": 10_001}),
    "unknown_order": _one("ORDER_DETAIL_UNKNOWN", order=None),
    "exchange": _one("NOT_REFUND_ONLY", request={"refund_kind": "exchange"}),
    "price_protection": _one("PRICE_PROTECTION", request={"special_refund_type": 1}),
    "unknown_kind": _one("REFUND_KIND_UNKNOWN", request={"refund_kind": None}),
    "no_moment": _one("EVENT_TIME_UNKNOWN", request={"requested_at_ms": None}),
    "from_the_future": _one(
        "EVENT_IN_FUTURE", request={"requested_at_ms": "T+3600000"}
    ),
    "amount_as_text": _one(
        "REQUEST_INVALID REFUND_AMOUNT_INVALID", request={"refund_fen": "19900"}
    ),
    "unknown_action": _one("REQUEST_INVALID", request={"action": "shout"}),
    "source_unavailable": _one(
        "DEPENDENCY_UNAVAILABLE ORDER_STATUS_UNKNOWN",
        request={"unavailable": ["order_status"]},
    ),
    "before_any_policy": _one(
        "POLICY_NOT_LOADED", request={"requested_at_ms": 1_500_000_000_000}
    ),
    "service_paused": _one("SERVICE_PAUSED", era="paused"),
    "stale_facts": Single(None, era="impatient"),
    "waybill_printed": _one(
        "SHIP_SIGNAL_PRESENT", order={"waybill_printed_at_ms": 5}, era="strict"
    ),
    "paid_long_ago": _one(
        "PAYMENT_AGE_OUTSIDE_WINDOW", order={"paid_at_ms": 5}, era="strict"
    ),
    "three_reasons": _one(
        "ORDER_SHIPPED PAID_AT_OR_OVER_LIMIT BUYER_NOT_QUALITY",
        order={"order_status": "signed", "paid_fen": 30_000},
        buyer=_quality((1, "ordinary")),
    ),
}
"""By name: requests whose decision hangs on one fact each."""


def single(case: Single) -> Scenario:
    """Return the scenario of one request."""

    def written(number: int, now_ms: int) -> Script:
        script = Script(number, now_ms, case.era)
        if case.request.get("buyer_id", "") is None:
            script.buyer_id = None
        if case.buyer is not None:
            script.buyer(case.buyer)
        if case.order is not None:
            script.order(**case.order)
        script.request(case.codes, **case.request)
        return script

    return written
