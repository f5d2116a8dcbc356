"""Well-formed records of the fast refund, as their senders write them.

Every function returns the fields of one record. With the defaults everything is good: a
quality user asks at once for the whole of a paid, unshipped order of a shop in good
standing. Arguments name the differences: a kind of buyer, a standing, or fields
(``changes``). `refund load` and `refund demo` send these records; testkit, benchmark
and fault runs build their cases on them.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple, TypeAlias

import orjson

Fields: TypeAlias = dict[str, Any]
"""The fields of a record before JSON encoding."""

HOUR_MS: Final = 3_600_000
DAY_MS: Final = 24 * HOUR_MS
PAID_FEN: Final = 19_900
"""Paid amount of the worked cases' base order, fen."""
CATEGORY: Final = ("clothing", "shirts")
_QUALITY_SINCE_MS: Final = 90 * DAY_MS
_PAID_BEFORE_MS: Final = 2 * HOUR_MS

UNREADABLE: Final = (b"", b"{", b"not JSON", b"[]", b'{"refund_id":""}', None)
"""Values that are no requests: each becomes a dead letter."""


class Item(NamedTuple):
    """The ids of an order."""

    order_id: str
    buyer_id: str | None
    partition: int
    """Of the buyer."""
    shop_id: str
    paid_fen: int = PAID_FEN
    category: Sequence[str] | None = CATEGORY
    is_custom: bool = False
    sku_id: str = "k-1"


class Ask(NamedTuple):
    """The ids of a request."""

    refund_id: str
    item: Item
    kind: str = "refund_only"


def encoded(fields: Mapping[str, Any]) -> bytes:
    """Return a record's value: its fields as JSON."""
    return orjson.dumps(fields)


def line(item: Item, **changes: object) -> Fields:
    """Return the one line of an order."""
    fields: Fields = {
        "sku_id": item.sku_id,
        "category_path": item.category,
        "quantity": 1,
        "shipped_count": 0,
        "is_custom": item.is_custom,
        "is_gift": False,
    }
    fields.update(changes)
    return fields


def order(item: Item, at_ms: int, **changes: object) -> Fields:
    """Return a snapshot of a paid, unshipped order, as of a moment, UTC ms."""
    fields: Fields = {
        "order_id": item.order_id,
        "order_version": 1,
        "buyer_id": item.buyer_id,
        "shop_id": item.shop_id,
        "currency": "CNY",
        "order_type": 0,
        "ordered_at_ms": at_ms - _PAID_BEFORE_MS,
        "paid_at_ms": at_ms - _PAID_BEFORE_MS + 30_000,
        "order_status": "paid",
        "paid_fen": item.paid_fen,
        "freight_fen": 0,
        "coupon_shop_fen": 0,
        "coupon_platform_fen": 0,
        "subsidy_fen": 0,
        "refundable_left_fen": item.paid_fen,
        "total_changed_at_ms": None,
        "lines": [line(item)],
        "pay_type": 1,
        "presale_stage": "none",
        "delivery_block": 0,
        "risk_code": 0,
        "waybill_printed_at_ms": None,
        "waybill_entered_at_ms": None,
        "picked_up_at_ms": None,
        "shipped_at_ms": None,
        "as_of_ms": at_ms,
    }
    fields.update(changes)
    return fields


def shipped_order(item: Item, at_ms: int) -> Fields:
    """Return the second snapshot of an order: shipped at a moment, UTC ms."""
    return order(
        item,
        at_ms,
        order_version=2,
        order_status="shipped",
        lines=[line(item, shipped_count=1)],
        shipped_at_ms=at_ms,
    )


def request(ask: Ask, at_ms: int, **changes: object) -> Fields:
    """Return a first request for the whole of an order, made at a moment, UTC ms."""
    item = ask.item
    fields: Fields = {
        "event_id": f"e-{ask.refund_id}-1",
        "action": "open",
        "refund_id": ask.refund_id,
        "refund_version": 1,
        "order_id": item.order_id,
        "buyer_id": item.buyer_id,
        "shop_id": item.shop_id,
        "refund_kind": ask.kind,
        "special_refund_type": 0,
        "refund_fen": item.paid_fen,
        "requested_at_ms": at_ms,
        "expire_at_ms": at_ms + 2 * DAY_MS,
        "reason": "11",
    }
    fields.update(changes)
    return fields


def edit(ask: Ask, at_ms: int) -> Fields:
    """Return the second version of a request: half of the order."""
    return request(
        ask, at_ms, **_second(ask), action="edit", refund_fen=ask.item.paid_fen // 2
    )


def withdrawal(ask: Ask, at_ms: int) -> Fields:
    """Return the second version of a request: a withdrawal."""
    return request(ask, at_ms, **_second(ask), action="withdraw")


def _second(ask: Ask) -> Fields:
    return {"event_id": f"e-{ask.refund_id}-2", "refund_version": 2}


def buyer(
    buyer_id: str | None, at_ms: int, kind: str = "quality", **changes: object
) -> Fields:
    """Return the platform's facts about a buyer.

    Parameters
    ----------
    kind
        ``quality``, ``ordinary``, ``revoked`` (a quality user until yesterday) or
        ``limited`` (a quality user under a limit of two days, one of them gone). Any
        other kind counts as a quality user.
    """
    since_ms = at_ms - _QUALITY_SINCE_MS
    value = "ordinary" if kind == "ordinary" else "quality"
    history = [{"from_ms": since_ms, "value": value}]
    if kind == "revoked":
        history.append({"from_ms": at_ms - DAY_MS, "value": "revoked_abuse"})
    limit = {"kind": "limited", "from_ms": at_ms - DAY_MS, "until_ms": at_ms + DAY_MS}
    fields: Fields = {
        "buyer_id": buyer_id,
        "quality": history,
        "limits": [limit] if kind == "limited" else [],
        "as_of_ms": at_ms,
    }
    fields.update(changes)
    return fields


def shop(
    shop_id: str, at_ms: int, standing: str = "good", *, enabled: bool = True
) -> Fields:
    """Return the operator's facts about a shop; a shop that is not enabled is excluded."""
    fields = {"shop_id": shop_id, "enabled": enabled, "standing": standing}
    return fields | {"as_of_ms": at_ms}


def excluded(entry_id: str, at_ms: int, kind: str = "excluded") -> Fields:
    """Return an excluded category or article: ``category:NAME`` or ``sku:ID``."""
    return {"id": entry_id, "excluded": True, "kind": kind, "as_of_ms": at_ms}


def excluded_kind(kind: str, at_ms: int) -> Fields:
    """Return the category of a kind that is never refunded: ``virtual`` or ``custom``."""
    return excluded(f"category:{kind}", at_ms, kind)


def watermark(at_ms: int) -> Fields:
    """Return a feed's statement that everything up to a moment, UTC ms, is written."""
    return {"watermark_ms": at_ms}
