"""Map a refund of the platform to canonical requests and outcomes.

A refund-only request is open only while status and way are both 10 and the detail
agrees that a buyer asked, that the seller has not answered and that no goods were
received. When any of that is otherwise or unknown the record keeps what is known
but withholds ``refund_kind`` (and says why in ``withheld``): rules send a request
of unknown kind to a person. Other ways keep their names; those are out of scope.

Ends: 60 is an outcome ``payout_succeeded``; 50, approved and being paid, is an outcome
``reviewed`` / ``approved``; 70, closed, is a ``withdraw``. That 70 marks a withdrawal
is an assumption: no other number could.
"""

from collections.abc import Callable
from typing import Final

import msgspec

from streams.platforms.kuaishou import names
from streams.platforms.kuaishou.events import RefundChanged, Suspect
from streams.platforms.kuaishou.names import Reason, RefundEvent, RefundStatus, Tag
from streams.platforms.kuaishou.values import is_money, is_time, is_whole, read_id

_EDITS: Final = frozenset({RefundEvent.MODIFIED, RefundEvent.BUYER_AGREED})
_OPEN_STATES: Final = (
    ("negotiateStatus", 1, "negotiate_status"),
    ("receiptStatus", 1, "receipt_status"),
    ("refundType", 1, "refund_initiator"),
)


class Case(msgspec.Struct, frozen=True, kw_only=True):
    """One refund message with the answers about it."""

    event: RefundChanged | Suspect
    refund_id: int
    detail: dict[str, object] | None
    """``data`` of the refund detail; None = unavailable."""
    unavailable: tuple[str, ...]
    buyer_id: str | None


def refund_records(case: Case) -> list[dict[str, object]]:
    """Return the records of one refund message: at least one, requests or outcomes.

    Outcomes have ``kind``; requests have ``action``.
    """
    event = case.event
    if isinstance(event, Suspect):
        told = _told_of_marked(case, event)
        return [*told, _request(case, _action(event.tag, None))]
    status, at_ms = _current(case, event)
    if status == RefundStatus.CLOSED:
        return [_request(case, "withdraw")]
    ended = _ended(case, status, at_ms)
    return ended or [_request(case, _action(event.tag, event.event_type))]


def _told_of_marked(case: Case, event: Suspect) -> list[dict[str, object]]:
    """Return the end of a refund that goes to a person only because of its order's mark."""
    good = event.refund
    if good is None or event.problems != (Reason.ORDER_MARKED,):
        return []
    return _ended(case, good.status, good.at_ms)


def _current(case: Case, event: RefundChanged) -> tuple[int | None, int]:
    """Return the state by the newest source; None when an end is contradicted."""
    if case.detail is None:
        return event.status, event.at_ms
    status, at_ms = case.detail.get("status"), case.detail.get("updateTime")
    if not is_whole(status) or not is_time(at_ms):
        return None, event.at_ms
    if event.status in names.ENDED and status != event.status:
        return None, event.at_ms
    return status, at_ms if status != event.status else event.at_ms


def _ended(case: Case, status: int | None, at_ms: int) -> list[dict[str, object]]:
    if status == RefundStatus.SUCCEEDED:
        kind, result = "payout_succeeded", None
    elif status == RefundStatus.EXECUTING:
        kind, result = "reviewed", "approved"
    else:
        return []
    return [
        {
            "refund_id": str(case.refund_id),
            "kind": kind,
            "by": "kuaishou",
            "result": result,
            "at_ms": at_ms,
            "order_id": str(case.event.order_id),
            "buyer_id": case.buyer_id,
            "event_id": event_id(case.event.content_id),
        }
    ]


def event_id(content_id: str) -> str:
    """Return our id of a message; equal for copies, whatever their platform ids."""
    return f"kuaishou:{content_id}"


def _action(tag: Tag, event_type: int | None) -> str:
    if tag is Tag.REFUND_ADDED:
        return "open"
    return "open" if event_type is not None and event_type not in _EDITS else "edit"


def _request(case: Case, action: str) -> dict[str, object]:
    event, detail = case.event, case.detail
    known = detail or {}
    version = known.get("updateTime") if detail is not None else event.at_ms
    withheld = _withheld(event, detail)
    shop_id = event.shop_id
    if "shop_id" in withheld:
        shop_id = None
    return {
        "event_id": event_id(event.content_id),
        "action": action,
        "refund_id": str(case.refund_id),
        "refund_version": version if is_time(version) else None,
        "order_id": str(event.order_id),
        "buyer_id": case.buyer_id,
        "shop_id": None if shop_id is None else str(shop_id),
        "refund_kind": _kind(event, withheld),
        "special_refund_type": _special(event, detail),
        "refund_fen": _where(is_money, known.get("refundFee")),
        "requested_at_ms": event.at_ms,
        "expire_at_ms": _where(is_time, known.get("expireTime")),
        "reason": str(known["refundReason"])
        if is_whole(known.get("refundReason"))
        else None,
        "refund_status": event.status if isinstance(event, RefundChanged) else None,
        "unavailable": list(case.unavailable),
        "withheld": withheld,
    }


def _where(check: Callable[[object], bool], value: object) -> object:
    return value if check(value) else None


def _kind(event: RefundChanged | Suspect, withheld: list[str]) -> str | None:
    if isinstance(event, Suspect) or "handling_way" in withheld:
        return None
    only_refund = event.handling_way == names.HandlingWay.REFUND_ONLY
    if only_refund and withheld:
        return None
    return names.REFUND_KIND_NAMES[event.handling_way]


def _special(
    event: RefundChanged | Suspect, detail: dict[str, object] | None
) -> int | None:
    if isinstance(event, Suspect):
        return None
    if detail is None:
        return event.special_refund_type
    told = detail.get("specialRefundType")
    agreed = is_whole(told) and told == event.special_refund_type
    return event.special_refund_type if agreed else None


def _withheld(
    event: RefundChanged | Suspect, detail: dict[str, object] | None
) -> list[str]:
    """Return why this is no open refund-only request, by event and detail."""
    if isinstance(event, Suspect):
        return [str(problem) for problem in event.problems]
    found: list[str] = []
    if event.status != RefundStatus.APPLIED:
        found.append("refund_status")
    if detail is None:
        return found
    if not _same(detail.get("handlingWay"), event.handling_way):
        found.append("handling_way")
    if not _same(detail.get("status"), RefundStatus.APPLIED):
        found.append("refund_status")
    found += [
        name
        for field, open_state, name in _OPEN_STATES
        if not _same(detail.get(field), open_state)
    ]
    if read_id(detail.get("sellerId")) != event.shop_id:
        found.append("shop_id")
    if detail.get("productNum") is not None and not _same(detail.get("productNum"), 0):
        found.append("product_count")  # 0 for physical goods
    return list(dict.fromkeys(found))


def _same(value: object, wanted: int) -> bool:
    return is_whole(value) and value == wanted
