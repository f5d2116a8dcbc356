"""Records of the contract as JSON, and how to change one thing about them.

The base case of the worked cases: everything fresh, everything good.
"""

import json
from typing import Final

from streams.processing.partitioner import partition_of
from streams.tools.traffic import records

T: Final = 1_773_800_100_000
"""When the refund is asked for, UTC ms."""
NOW: Final = T + 1_000
PARTITIONS: Final = 4
BUYER: Final = "b-77"
NUMBER: Final = partition_of(BUYER, PARTITIONS)
"""The partition of the buyer, and so of the whole case."""
DROP: Final = object()
"""As a field's value: the field is not sent."""

_ITEM: Final = records.Item("o-1", BUYER, NUMBER, "s-1")
LINE: Final = records.line(_ITEM)
ORDER: Final = records.order(_ITEM, NOW, paid_at_ms=T - 3_600_000)
REQUEST: Final = records.request(records.Ask("r-1", _ITEM), T, event_id="e-1")
BUYER_FACTS: Final = records.buyer(BUYER, NOW)
SHOP: Final = records.shop("s-1", NOW)
CATEGORY: Final = records.excluded_kind("virtual", NOW)


def encoded(base: records.Fields, **changes: object) -> bytes:
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
    return encoded(records.watermark(NOW), watermark_ms=at_ms)


def outcome(kind: str, refund_id: str = "r-1", **more: object) -> bytes:
    """Return an outcome of a refund: a payout, or a person's word."""
    return encoded({"refund_id": refund_id, "kind": kind, "at_ms": NOW + 5_000}, **more)


def veto(order_id: str = "o-1", *, on: object = True) -> bytes:
    """Return a veto on an order, or its end."""
    return encoded({"order_id": order_id, "veto": on})


def reviewed(result: str, refund_id: str = "r-1") -> bytes:
    """Return what a person decided."""
    return outcome("reviewed", refund_id, by="clerk", result=result)
