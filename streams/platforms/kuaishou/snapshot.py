"""Map an order of the platform to one canonical order snapshot.

Nothing is guessed. Where a canonical field means "none" when it is null, an
unreadable source must not become null: its name goes into ``unreadable`` and
``risk_code`` becomes :data:`UNREADABLE`, a code the rules send to a person.

* ``order_status`` is what pushed events said last, ``back_end_status`` what was
  read; without events the answer is both. A pushed "shipped" against a read
  "paid" is thus a conflict, not an approval.
* Any ``coType`` but 0 means "not an ordinary order", and copies of the platform's
  text disagree which number is which: all are written as virtual (2) but 8,
  cross-border, which keeps its number and loses its currency, as none is stated.
* Amounts: see ``money``.
"""

from collections.abc import Mapping, Sequence
from typing import Final

import msgspec

from streams.platforms.kuaishou import names
from streams.platforms.kuaishou.lines import read_lines
from streams.platforms.kuaishou.memory import Known
from streams.platforms.kuaishou.money import Money, read_money
from streams.platforms.kuaishou.values import as_object, is_text, is_time, is_whole

UNREADABLE: Final = -1
"""Our ``risk_code`` and ``delivery_block`` for "unreadable"."""

Categories = Mapping[str, Sequence[str]]
"""Leaf category id -> path of names or ids from the root to that leaf."""

VIRTUAL: Final = 2
CROSS_BORDER: Final = 8
_DEPOSIT_ACTIVITY: Final = 6


class Sight(msgspec.Struct, frozen=True, kw_only=True):
    """The sources of a snapshot."""

    order_id: int
    shop_id: int | None
    event_at_ms: int
    """Business time of the event that caused the snapshot."""
    known: Known
    order: dict[str, object] | None
    """``data`` of the order detail; None = unavailable."""
    fee: dict[str, object] | None
    asked_at_ms: int
    """When the reads began, UTC ms: the answers are at least that fresh."""
    refund_id: int | None = None
    """The refund in question, if any: every other refund of the order counts as
    earlier."""


def take_snapshot(sight: Sight, categories: Categories) -> dict[str, object]:
    """Build the snapshot; without the order detail it holds only what events said."""
    if sight.order is None:
        return _by_events_alone(sight)
    base = as_object(sight.order.get("orderBaseInfo"))
    money = read_money(sight.order, sight.fee or {})
    unreadable: list[str] = []
    status = base.get("status")
    read_status = (
        names.ORDER_STATUS_NAMES.get(status, "unknown")
        if is_whole(status)
        else "unknown"
    )
    order_type, currency = _order_type(sight.order, unreadable)
    guards = {
        "order_type": order_type,
        "currency": currency,
        "pay_type": _listed(base, "payType", names.PAY_TYPES, unreadable),
        "presale_stage": _presale(base, sight.order),
        "delivery_block": _delivery_block(base, unreadable),
    }
    times = {
        "ordered_at_ms": _time(base, "createTime", unreadable),
        "paid_at_ms": _time(base, "payTime", unreadable),
        "shipped_at_ms": _time(base, "sendTime", unreadable),
        "received_at_ms": _time(base, "recvTime", unreadable),
        "waybill_entered_at_ms": _waybill(sight.order, base, unreadable),
    }
    return {
        **_frame(sight),
        "order_version": base.get("updateTime"),
        "buyer_id": buyer_of(sight.order) or sight.known.buyer_id,
        "order_status": _pushed_status(sight.known) or read_status,
        "back_end_status": read_status,
        **guards,
        **times,
        **_amounts(sight, money),
        "lines": read_lines(sight.order, sight.known.customised_type, categories),
        "risk_code": _risk(base, unreadable),
        "unreadable": unreadable,
        "as_of_ms": sight.asked_at_ms,
    }


def buyer_of(answer: dict[str, object] | None) -> str | None:
    """Return the buyer that an order or refund detail names, or None."""
    if answer is None:
        return None
    base = as_object(answer.get("orderBaseInfo")) or answer
    buyer = base.get("buyerOpenId")
    return buyer if is_text(buyer) else None


def _frame(sight: Sight) -> dict[str, object]:
    return {
        "order_id": str(sight.order_id),
        "shop_id": None if sight.shop_id is None else str(sight.shop_id),
        "total_changed_at_ms": sight.known.total_changed_at_ms,
        "waybill_printed_at_ms": None,
        "picked_up_at_ms": None,
        "unavailable": [
            name
            for name, answer in (
                ("order_status", sight.order),
                ("paid_amount", sight.fee),
            )
            if answer is None
        ],
    }


def _by_events_alone(sight: Sight) -> dict[str, object]:
    """Return a snapshot that no rule can approve: it has no lines and no amounts.

    It is written because it replaces a snapshot that is no longer true.
    """
    return {
        **_frame(sight),
        "order_version": sight.event_at_ms,
        "buyer_id": sight.known.buyer_id,
        "order_status": _pushed_status(sight.known),
        "back_end_status": None,
        "currency": None,
        "order_type": None,
        "paid_fen": None,
        "refundable_left_fen": None,
        "lines": [],
        "risk_code": UNREADABLE,
        "as_of_ms": sight.event_at_ms,
    }


def placeholder(order_id: int, buyer_id: str) -> dict[str, object]:
    """Return a row with only the buyer of an order; no rule approves it.

    Every other version replaces it.
    """
    return {
        "order_id": str(order_id),
        "order_version": 0,
        "buyer_id": buyer_id,
        "shop_id": None,
        "currency": None,
        "order_status": None,
        "paid_fen": None,
        "refundable_left_fen": None,
        "lines": [],
        "risk_code": UNREADABLE,
        "as_of_ms": 0,
    }


def _pushed_status(known: Known) -> str | None:
    return None if known.status is None else names.ORDER_STATUS_NAMES.get(known.status)


def _amounts(sight: Sight, money: Money) -> dict[str, object]:
    parts = money.parts
    return {
        "paid_fen": money.paid_fen,
        "freight_fen": money.freight_fen,
        "coupon_shop_fen": parts["merchant_subsidy_fen"],
        "coupon_platform_fen": parts["platform_subsidy_fen"],
        "subsidy_fen": parts["gov_subsidy_fen"],
        "refundable_left_fen": None
        if _refunded_before(sight)
        else money.refundable_fen,
        "amounts": parts,
    }


def _refunded_before(sight: Sight) -> bool:
    """Whether another refund took, or may have taken, part of the money."""
    order = sight.order or {}
    for name in ("orderRefundList", "orderDetailRefundList"):
        entries = order.get(name)
        if entries is None:
            continue
        if not isinstance(entries, list):
            return True
        for entry in map(as_object, entries):
            status = entry.get("refundStatus")
            if not is_whole(status) or status not in names.REFUND_STATUSES:
                return True
            other = str(entry.get("refundId")) != str(sight.refund_id)
            if other and status in (
                names.RefundStatus.EXECUTING,
                names.RefundStatus.SUCCEEDED,
            ):
                return True
    return False


def _time(source: dict[str, object], name: str, unreadable: list[str]) -> int | None:
    value = source.get(name)
    if is_time(value):
        return value
    if value is not None and not (is_whole(value) and value == 0):
        unreadable.append(name)
    return None


def _listed(
    source: dict[str, object], name: str, allowed: frozenset[int], unreadable: list[str]
) -> int | None:
    value = source.get(name)
    if is_whole(value) and value in allowed:
        return value
    unreadable.append(name)
    return None


def _order_type(
    order: dict[str, object], unreadable: list[str]
) -> tuple[int | None, str | None]:
    kind = as_object(order.get("orderBaseInfo")).get("coType")
    item = as_object(order.get("orderItemInfo"))
    store = item.get("goodStoreCode")
    rules = as_object(as_object(item.get("serviceInfo")).get("serviceRuleInfo"))
    delivery = rules.get("deliveryMethod")
    if not is_whole(kind):
        unreadable.append("coType")
        return None, "CNY"
    if kind == CROSS_BORDER:
        return CROSS_BORDER, None
    if delivery not in (
        None,
        "logistics",
        "certificate",
    ):  # absent = logistics, by the platform's text
        unreadable.append("deliveryMethod")
    if kind != 0 or delivery == "certificate":
        return VIRTUAL, "CNY"
    if store is not None and not (is_whole(store) and store == 0):
        return VIRTUAL, "CNY"
    return 0, "CNY"


def _presale(base: dict[str, object], order: dict[str, object]) -> str:
    """Return the stage; every name but ``none`` goes to a person."""
    steps = order.get("orderStepInfo") or base.get("orderStepInfo")
    activities = base.get("allActivityType") or []
    if steps or (isinstance(activities, list) and _DEPOSIT_ACTIVITY in activities):
        return "deposit_paid"
    stock = base.get("preSale")
    if not is_whole(stock) or stock not in (0, 1) or not isinstance(activities, list):
        return "unknown"
    return "final_paid" if stock == 1 else "none"


def _delivery_block(base: dict[str, object], unreadable: list[str]) -> int:
    """Return 0 for none, the more serious of the known blocks, or another number unchanged."""
    holds = base.get("disableDeliveryReasonCode")
    if not isinstance(holds, list):
        unreadable.append("disableDeliveryReasonCode")
        return UNREADABLE
    if not holds:
        return 0
    codes = [code for code in holds if is_whole(code) and code != 0]
    return max(codes) if len(codes) == len(holds) else UNREADABLE


def _waybill(
    order: dict[str, object], base: dict[str, object], unreadable: list[str]
) -> int | None:
    """Return the time of an existing waybill, which is not given: ship time, else last change."""
    parcels = order.get("orderLogisticsInfo")
    if not parcels:
        return None
    if not isinstance(parcels, list):
        unreadable.append("orderLogisticsInfo")
    sent, changed = base.get("sendTime"), base.get("updateTime")
    if is_time(sent):
        return sent
    return changed if is_time(changed) else None


def _risk(base: dict[str, object], unreadable: list[str]) -> int:
    code = base.get("riskCode")
    if not is_whole(code):
        unreadable.append("riskCode")
        return UNREADABLE
    return UNREADABLE if unreadable and code == 0 else code
