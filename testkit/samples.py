"""Records of the contract as JSON, and how to change one thing about them.

The base case of the worked cases: everything fresh, everything good.
"""

import json
from typing import Any, Final

from streams.processing.partitioner import partition_of

T: Final = 1_773_800_100_000
"""When the refund is asked for, UTC ms."""
NOW: Final = T + 1_000
PARTITIONS: Final = 4
BUYER: Final = "b-77"
NUMBER: Final = partition_of(BUYER, PARTITIONS)
"""The partition of the buyer, and so of the whole case."""
DROP: Final = object()
"""As a field's value: the field is not sent."""

REQUEST: Final[dict[str, Any]] = {
    "event_id": "e-1",
    "action": "open",
    "refund_id": "r-1",
    "refund_version": 1,
    "order_id": "o-1",
    "buyer_id": BUYER,
    "shop_id": "s-1",
    "refund_kind": "refund_only",
    "special_refund_type": 0,
    "refund_fen": 19_900,
    "requested_at_ms": T,
    "expire_at_ms": T + 172_800_000,
    "reason": "11",
}
LINE: Final[dict[str, Any]] = {
    "sku_id": "k-1",
    "category_path": ["clothing", "shirts"],
    "quantity": 1,
    "shipped_count": 0,
    "is_custom": False,
    "is_gift": False,
}
ORDER: Final[dict[str, Any]] = {
    "order_id": "o-1",
    "order_version": 1,
    "buyer_id": BUYER,
    "shop_id": "s-1",
    "currency": "CNY",
    "order_type": 0,
    "ordered_at_ms": T - 3_700_000,
    "paid_at_ms": T - 3_600_000,
    "order_status": "paid",
    "paid_fen": 19_900,
    "refundable_left_fen": 19_900,
    "total_changed_at_ms": None,
    "lines": [LINE],
    "pay_type": 1,
    "presale_stage": "none",
    "delivery_block": 0,
    "risk_code": 0,
    "as_of_ms": NOW,
}
BUYER_FACTS: Final[dict[str, Any]] = {
    "buyer_id": BUYER,
    "quality": [{"from_ms": T - 1_000_000, "value": "quality"}],
    "limits": [],
    "as_of_ms": NOW,
}
SHOP: Final[dict[str, Any]] = {
    "shop_id": "s-1",
    "enabled": True,
    "standing": "good",
    "as_of_ms": NOW,
}
CATEGORY: Final[dict[str, Any]] = {
    "id": "category:virtual",
    "excluded": True,
    "kind": "virtual",
    "as_of_ms": NOW,
}


def encoded(base: dict[str, Any], **changes: object) -> bytes:
    """Return a record as JSON, with some fields changed."""
    merged = {**base, **changes}
    return json.dumps(
        {key: value for key, value in merged.items() if value is not DROP},
        ensure_ascii=False,
    ).encode(errors="backslashreplace")  # half a character stays an escape


def request(**changes: object) -> bytes:
    """Return the base request."""
    return encoded(REQUEST, **changes)


def order(**changes: object) -> bytes:
    """Return the base order."""
    return encoded(ORDER, **changes)


def buyer(**changes: object) -> bytes:
    """Return the base buyer: a quality user without limits."""
    return encoded(BUYER_FACTS, **changes)


def shop(**changes: object) -> bytes:
    """Return the base shop."""
    return encoded(SHOP, **changes)


def category(**changes: object) -> bytes:
    """Return an excluded category."""
    return encoded(CATEGORY, **changes)


def watermark(at_ms: object = NOW) -> bytes:
    """Return a watermark."""
    return encoded({"watermark_ms": at_ms})


def outcome(kind: str, refund_id: str = "r-1", **more: object) -> bytes:
    """Return an outcome of a refund: a payout, or a person's word."""
    return encoded({"refund_id": refund_id, "kind": kind, "at_ms": NOW + 5_000}, **more)


def veto(order_id: str = "o-1", *, on: object = True) -> bytes:
    """Return a veto on an order, or its end."""
    return encoded({"order_id": order_id, "veto": on})


def reviewed(result: str, refund_id: str = "r-1") -> bytes:
    """Return what a person decided."""
    return outcome("reviewed", refund_id, by="clerk", result=result)
