"""Shorten the facts quoted in a decision so that it fits its topic.

A snapshot may have thousands of lines, and a row a text of a megabyte. A decision that
would not fit its topic leaves out every long field and names it. A fact that is left
out cannot be judged again from the record, so it counts as unknown: a person decides.
"""

from typing import Final

import msgspec

from streams.families.fast_refund.model import Request, Seen
from streams.families.fast_refund.seen import UNREADABLE

QUOTED_MAX_BYTES: Final = 1_024
"""Largest size of one quoted field, as JSON: fifty fields are at most 50 KiB."""

_ASKED: Final = {
    "action": "action",
    "refund_kind": "refund_kind",
    "unavailable": "unavailable",
    "asked_skus": "lines",
}
"""Fields that quote the request -> their names there."""

_UNKNOWN: Final[dict[str, object]] = {
    "shop_standing": UNREADABLE,
    "shop_enabled": UNREADABLE,
    "order_vetoed": UNREADABLE,
}
"""Replacements for facts whose null would mean "none" (E-6)."""

_WITHOUT_ORDER: Final[dict[str, object]] = {
    "order_version": None,
    "order_status": None,
    "paid_fen": None,
    "refundable_left_fen": None,
    "order_as_of_ms": None,
    "shipped_counts": (),
    "quantities": (),
    "paths": (),
    "customs": (),
    "skus": (),
    "currency": None,
    "order_absent": True,
    "back_end_status": None,
    "order_type": None,
    "paid_at_ms": None,
    "total_changed_at_ms": None,
    "pay_type": None,
    "presale_stage": None,
    "delivery_block": None,
    "risk_code": None,
    "waybill_printed_at_ms": None,
    "waybill_entered_at_ms": None,
    "picked_up_at_ms": None,
    "shipped_at_ms": None,
    "ship_signals": None,
    "listed": None,
    "buyer_conflict": False,
    "shop_conflict": False,
    "unnamed_lines": None,
}
"""Fields of ``seen`` without an order; without one nothing is approved."""


def cut(request: Request, seen: Seen) -> tuple[Request, Seen]:
    """Return request and ``seen`` without fields that are too long to be quoted.

    Long texts of the request become format faults (REQUEST_INVALID). With a long order
    fact the whole order is left out, because the columns of its lines belong together
    (ORDER_DETAIL_UNKNOWN). If nothing is too long, both are returned unchanged.
    """
    long = tuple(name for name in Seen.__struct_fields__ if _is_long(seen, name))
    if not long:
        return request, seen
    changes: dict[str, object] = {"cut": long}
    asked = [_ASKED[name] for name in long if name in _ASKED]
    if asked:
        faults = (*(seen.request_faults or ()), *asked)
        changes["request_faults"] = faults
        request = msgspec.structs.replace(
            request, faults=faults, **dict.fromkeys(asked)
        )
    if len(asked) < len(long):
        changes |= _WITHOUT_ORDER
    for name in long:
        changes[name] = _WITHOUT_ORDER.get(name, _UNKNOWN.get(name))
    return request, msgspec.structs.replace(seen, **changes)


def _is_long(seen: Seen, name: str) -> bool:
    value = getattr(seen, name)
    return bool(value) and len(msgspec.json.encode(value)) > QUOTED_MAX_BYTES
