"""Records of a made world, as their senders would write them."""

from collections.abc import Sequence
from typing import NamedTuple

import orjson

_HOUR_MS = 3_600_000
_DAY_MS = 24 * _HOUR_MS


class Item(NamedTuple):
    """An order before anything is said about it."""

    order_id: str
    buyer_id: str
    partition: int
    shop_id: str
    paid_fen: int
    category: Sequence[str] | None
    is_custom: bool
    sku: int


def order(item: Item, at_ms: int, *, version: int = 1, status: str = "paid") -> bytes:
    """Return a snapshot as of a moment, UTC ms."""
    shipped = status == "shipped"
    line = {
        "sku_id": f"k-{item.sku:06d}",
        "category_path": item.category,
        "quantity": 1,
        "shipped_count": int(shipped),
        "is_custom": item.is_custom,
        "is_gift": False,
    }
    return orjson.dumps(
        {
            "order_id": item.order_id,
            "order_version": version,
            "buyer_id": item.buyer_id,
            "shop_id": item.shop_id,
            "currency": "CNY",
            "order_type": 0,
            "ordered_at_ms": at_ms - 2 * _HOUR_MS,
            "paid_at_ms": at_ms - 2 * _HOUR_MS + 30_000,
            "order_status": status,
            "paid_fen": item.paid_fen,
            "freight_fen": 0,
            "coupon_shop_fen": 0,
            "coupon_platform_fen": 0,
            "subsidy_fen": 0,
            "refundable_left_fen": item.paid_fen,
            "total_changed_at_ms": None,
            "lines": [line],
            "pay_type": 1,
            "presale_stage": "none",
            "delivery_block": 0,
            "risk_code": 0,
            "waybill_printed_at_ms": None,
            "waybill_entered_at_ms": None,
            "picked_up_at_ms": None,
            "shipped_at_ms": at_ms if shipped else None,
            "as_of_ms": at_ms,
        }
    )


class Ask(NamedTuple):
    """A request before it is written."""

    refund_id: str
    item: Item
    kind: str = "refund_only"


def request(ask: Ask, at_ms: int, *, version: int = 1, action: str = "open") -> bytes:
    """Return a request made at a moment, UTC ms; an edit asks for half."""
    item = ask.item
    return orjson.dumps(
        {
            "event_id": f"e-{ask.refund_id}-{version}",
            "action": action,
            "refund_id": ask.refund_id,
            "refund_version": version,
            "order_id": item.order_id,
            "buyer_id": item.buyer_id,
            "shop_id": item.shop_id,
            "refund_kind": ask.kind,
            "special_refund_type": 0,
            "refund_fen": item.paid_fen // 2 if action == "edit" else item.paid_fen,
            "requested_at_ms": at_ms,
            "expire_at_ms": at_ms + 2 * _DAY_MS,
            "reason": "11",
        }
    )


def buyer(buyer_id: str, kind: str, at_ms: int) -> bytes:
    """Return what the platform says of a buyer of some kind."""
    marked = at_ms - 90 * _DAY_MS
    value = "ordinary" if kind == "ordinary" else "quality"
    quality = [{"from_ms": marked, "value": value}]
    if kind == "revoked":
        quality.append({"from_ms": at_ms - _DAY_MS, "value": "revoked_abuse"})
    limit = {"kind": "limited", "from_ms": at_ms - _DAY_MS, "until_ms": at_ms + _DAY_MS}
    return orjson.dumps(
        {
            "buyer_id": buyer_id,
            "quality": quality,
            "limits": [limit] if kind == "limited" else [],
            "as_of_ms": at_ms,
        }
    )


def shop(shop_id: str, standing: str, at_ms: int) -> bytes:
    """Return what the operator says of a shop."""
    fields = {"shop_id": shop_id, "enabled": True, "standing": standing}
    return orjson.dumps(fields | {"as_of_ms": at_ms})


def category(name: str, at_ms: int) -> bytes:
    """Return an excluded category."""
    fields = {"id": f"category:{name}", "excluded": True, "kind": name}
    return orjson.dumps(fields | {"as_of_ms": at_ms})


def watermark(at_ms: int) -> bytes:
    """Return a feed's word that all up to a moment is written."""
    return orjson.dumps({"watermark_ms": at_ms})
