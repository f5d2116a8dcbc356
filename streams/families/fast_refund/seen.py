"""See: reduce the known facts to those that the rules read.

The result is stored with the decision, so that the decision can be judged again without
the facts. Values are kept as they came; only rows of other ids (a snapshot of another
order, a row of another buyer) are left out.
"""

from collections.abc import Callable
from typing import Final

import msgspec

from streams.families.fast_refund.listed import (
    entries_on,
    may_be_listed,
    unnamed_lines,
)
from streams.families.fast_refund.model import (
    NO_HISTORY,
    NOTHING_UNUSUAL,
    Buyer,
    Facts,
    Limit,
    Order,
    Quality,
    RareFields,
    Request,
    Seen,
    Shop,
)
from streams.families.fast_refund.policy import Policy
from streams.families.fast_refund.rules.buyer import KNOWN as MARKS
from streams.families.fast_refund.rules.buyer import QUALITY

NO_BUYER: Final = Buyer(None)
UNREADABLE: Final = "unknown"
"""Recorded where a value that must be readable, such as a veto, is null."""

SIGNALS: Final = (
    "waybill_printed_at_ms",
    "waybill_entered_at_ms",
    "picked_up_at_ms",
    "shipped_at_ms",
)


def see(  # noqa: C901 - calls cost more than they hold here
    request: Request,
    facts: Facts,
    policy: Policy | None,
    decided_at_ms: int,
) -> Seen:
    """Collect the facts that rules read for one request (E-11, E-12, E-25, E-31, E-32).

    Long, because it names every field of the record once, in order.

    Parameters
    ----------
    request
        Fields of a wrong JSON type are None and named in ``faults``.
    facts
        As the tables hold them; rows of other ids are ignored (E-1, E-12).
    policy
        In force for the request; None = no policy. The result does not depend on it, so
        that the record can be judged under another policy too.
    decided_at_ms
        UTC ms; limits and the quality mark are read at this moment.
    """
    # Case 68.
    if facts.unavailable or request.unavailable:
        return _see_without(request, facts, policy, decided_at_ms)
    order = facts.order
    faults = request.faults
    buyer_id, shop_id = request.buyer_id, request.shop_id
    taken_buyer: str | None = None
    taken_shop: str | None = None
    buyer_conflict = shop_conflict = False
    # E-1, E-11: no snapshot of exactly this order.
    absent = order is None or order.order_id != request.order_id or not order.order_id
    if absent or order is None:
        order = NO_ORDER
    else:
        # E-12: a missing id is the snapshot's; a different one is a conflict.
        if buyer_id is None:
            buyer_id = taken_buyer = _taken(order.buyer_id, "buyer_id", faults)
        elif order.buyer_id != buyer_id:
            buyer_conflict = order.buyer_id is not None
        if shop_id is None:
            shop_id = taken_shop = _taken(order.shop_id, "shop_id", faults)
        elif order.shop_id != shop_id:
            shop_conflict = order.shop_id is not None

    buyer, shop, catalog = facts.buyer, facts.shop, facts.catalog
    quality: object = None
    quality_now: object = None
    buyer_as_of_ms: object = None
    limits: tuple[str, ...] | None = None
    # E-12: a row with another id is no row.
    if buyer is not None and buyer_id is not None and buyer.buyer_id == buyer_id:
        # FR-1.4a, R-07.
        quality, quality_now = _qualities(
            buyer.quality, request.requested_at_ms, decided_at_ms
        )
        buyer_as_of_ms = facts.buyer_as_of_ms
        # FR-1.7(1)b.
        if buyer.limits != ():
            limits = _limits(buyer.limits, decided_at_ms)
    elif buyer is not None and not _is_id(buyer.buyer_id):
        # E-32: a row without a readable id makes the limits unknown.
        limits = NOBODYS
    # E-12, E-32: another shop's row is no row; one without a readable id is unknown.
    if shop is not None and (shop_id is None or shop.shop_id != shop_id):
        shop = None if _is_id(shop.shop_id) else NOBODYS_SHOP
    history, vetoed = facts.history, facts.order_vetoed
    goods, rare_fields = order.goods, order.rare_fields
    # FR-1.7(2)b, E-23, E-33.
    listed = None
    if catalog is not None and catalog.listed and may_be_listed(catalog.names, goods):
        listed = entries_on(catalog.listed, goods)
    return Seen(
        order.order_version,
        order.order_status,
        order.paid_fen,
        order.refundable_left_fen,
        None if absent else facts.order_as_of_ms,
        quality,
        quality_now,
        buyer_as_of_ms,
        None if shop is None else shop.standing,
        goods.shipped_counts,
        goods.quantities,
        goods.paths,
        goods.customs,
        goods.skus,
        order.currency,
        None if catalog is None else catalog.as_of_ms,
        facts.lists_as_of_ms,
        request.refund_kind,
        request.special_refund_type,
        request.action,
        absent,
        rare_fields.back_end_status,
        rare_fields.order_type,
        order.paid_at_ms,
        rare_fields.total_changed_at_ms,
        order.pay_type,
        rare_fields.presale_stage,
        rare_fields.delivery_block,
        rare_fields.risk_code,
        rare_fields.waybill_printed_at_ms,
        rare_fields.waybill_entered_at_ms,
        rare_fields.picked_up_at_ms,
        rare_fields.shipped_at_ms,
        None if rare_fields is NOTHING_UNUSUAL else _signals(rare_fields),
        buyer_conflict,
        shop_conflict,
        limits,
        None if shop is None else shop.enabled,
        None if shop is None else shop.as_of_ms,
        listed,
        catalog is None,
        # FR-1.7(1)a, E-22: a veto that is null is unknown, not "no".
        None if vetoed is False else UNREADABLE if vetoed is None else vetoed,
        None if history is NO_HISTORY or history == NO_HISTORY else history,
        facts.breaker,
        None,
        faults or None,
        request.lines or None,
        taken_buyer,
        taken_shop,
        facts.expected_partition,
        facts.pause,
        # E-29, inlined for a single line: a call costs as much as the rest.
        None
        if len(skus := goods.skus) == 1 and type(skus[0]) is str and skus[0]
        else unnamed_lines(catalog, goods),
    )


NO_ORDER: Final = Order("", *(None,) * 8)
"""Stands for an unknown order: every field without a value."""


NOBODYS: Final = ("unknown",)
"""E-32: the limits of a buyer row without a readable id."""
NOBODYS_SHOP: Final = Shop(None, standing=UNREADABLE)
"""E-32: stands for a shop row without a readable id."""


def _is_id(value: object) -> bool:
    """Whether a row's id is readable; the codec has already replaced broken texts."""
    return type(value) is str and value != ""


def _qualities(
    entries: tuple[Quality, ...], requested_at_ms: int | None, decided_at_ms: int
) -> tuple[object, object]:
    """R-07, E-14: return the mark at T (without T, at the decision) and at the decision.

    An entry without a readable start or value could hold at any moment, so the quality
    is unknown (E-31). Beside an unknown mark, ``quality`` does not count either.
    """
    # E-14.
    if requested_at_ms is None:
        requested_at_ms = decided_at_ms
    if len(entries) == 1:  # nearly all
        from_ms, value = entries[0].from_ms, entries[0].value
        if (
            type(from_ms) is int
            and from_ms <= requested_at_ms
            and from_ms <= decided_at_ms
            and value in MARKS
        ):
            return value, value
    doubtful = False
    for entry in entries:
        # E-31.
        if type(entry.from_ms) is not int or type(entry.value) is not str:
            return UNREADABLE, UNREADABLE
        doubtful = doubtful or entry.value not in MARKS
    then, now = quality_at(entries, requested_at_ms), quality_at(entries, decided_at_ms)
    if doubtful:
        then, now = (UNREADABLE if mark == QUALITY else mark for mark in (then, now))
    return then, now


def quality_at(entries: tuple[Quality, ...], at_ms: int) -> object:
    """R-06, E-13, E-31: return the value that began last at or before a moment, UTC ms.

    The position in the list decides only between equal starts: the later one counts.
    None = no such entry.
    """
    value: object = None
    began_ms: int | None = None
    for entry in entries:
        from_ms = entry.from_ms
        if type(from_ms) is not int or from_ms > at_ms:
            continue
        # E-31: of equal starts the later entry counts.
        if began_ms is None or from_ms >= began_ms:
            began_ms, value = from_ms, entry.value
    return value


def _taken(value: object, name: str, faults: tuple[str, ...] | None) -> str | None:
    """E-12: return the snapshot's id in place of a missing one; a wrong type is not missing."""
    if type(value) is not str or (faults is not None and name in faults):
        return None
    return value


def _limits(
    limits: tuple[Limit, ...] | None, decided_at_ms: int
) -> tuple[str, ...] | None:
    """FR-1.7(1)b, E-22, E-25, E-30: return the limits that run at the decision."""
    # E-30.
    if limits is None:
        return ("unknown",)
    running = {_running(limit, decided_at_ms) for limit in limits}
    return tuple(sorted(name for name in running if name is not None)) or None


def _running(limit: Limit, decided_at_ms: int) -> str | None:
    kind, from_ms, until_ms = limit.kind, limit.from_ms, limit.until_ms
    # E-22.
    if kind not in ("limited", "cancelled"):
        return "unknown"
    # E-25: [from_ms, until_ms); `cancelled` has no end, whatever until_ms says.
    if kind == "limited" and until_ms is not None:
        if type(until_ms) is not int:
            return "unknown"
        if until_ms <= decided_at_ms:
            return None
    if from_ms is not None and type(from_ms) is not int:
        return "unknown"
    # E-25: neither kind holds before its start.
    if from_ms is not None and from_ms > decided_at_ms:
        return None
    return "limited" if kind == "limited" else "cancelled"


def _signals(rare_fields: RareFields) -> tuple[str, ...] | None:
    """FR-1.6, E-24: return the names of the present waybill and pick-up facts.

    A value of a wrong type counts as present: only null and times up to 0 mean not
    happened.
    """
    there: list[str] = []
    for name in SIGNALS:
        at_ms = getattr(rare_fields, name)
        if at_ms is not None and (type(at_ms) is not int or at_ms > 0):
            there.append(name)
    return tuple(there) or None


def _see_without(
    request: Request, facts: Facts, policy: Policy | None, decided_at_ms: int
) -> Seen:
    """See the remaining facts when read-throughs failed; a failed fact is unknown (case 68).

    Names outside :data:`FAILED` blank nothing: the request goes to a person anyway.
    """
    failed = tuple(
        dict.fromkeys((facts.unavailable or ()) + (request.unavailable or ()))
    )
    facts = msgspec.structs.replace(facts, unavailable=None)
    request = msgspec.structs.replace(request, unavailable=None)
    for name in failed:
        blank = FAILED.get(name)
        if blank is not None:
            facts = blank(facts)
    # FR-Q1: an unread kind is unknown.
    if "refund_kind" in failed or "refund_detail" in failed:
        request = msgspec.structs.replace(
            request, refund_kind=None, special_refund_type=None
        )
    seen = see(request, facts, policy, decided_at_ms)
    return msgspec.structs.replace(seen, unavailable=failed)


def _no_order(facts: Facts) -> Facts:
    return msgspec.structs.replace(facts, order=None)


def _no_buyer(facts: Facts) -> Facts:
    return msgspec.structs.replace(facts, buyer=None, lists_as_of_ms=None)


def _no_quality(facts: Facts) -> Facts:
    buyer = facts.buyer
    if buyer is None:
        return facts
    return msgspec.structs.replace(
        facts, buyer=msgspec.structs.replace(buyer, quality=())
    )


def _no_tree(facts: Facts) -> Facts:
    catalog = facts.catalog
    if catalog is None:
        return facts
    return msgspec.structs.replace(
        facts, catalog=msgspec.structs.replace(catalog, as_of_ms=None)
    )


def _no_lists(facts: Facts) -> Facts:
    return msgspec.structs.replace(facts, lists_as_of_ms=None)


def _no_paths(facts: Facts) -> Facts:
    order = facts.order
    if order is None:
        return facts
    goods = msgspec.structs.replace(order.goods, paths=(None,) * len(order.goods.paths))
    return msgspec.structs.replace(
        facts, order=msgspec.structs.replace(order, goods=goods)
    )


def _order_with(**changes: object) -> Callable[[Facts], Facts]:
    """Return a function that changes fields of the order, rare ones included."""
    odd = {
        name: changes.pop(name)
        for name in RareFields.__struct_fields__
        if name in changes
    }

    def change(facts: Facts) -> Facts:
        order = facts.order
        if order is None:
            return facts
        rare_fields = (
            msgspec.structs.replace(order.rare_fields, **odd)
            if odd
            else order.rare_fields
        )
        order = msgspec.structs.replace(
            order, **{**changes, "rare_fields": rare_fields}
        )
        return msgspec.structs.replace(facts, order=order)

    return change


_no_status: Final = _order_with(order_status=None, back_end_status=None)
_no_amount: Final = _order_with(paid_fen=None)

FAILED: Final[dict[str, Callable[[Facts], Facts]]] = {
    "order": _no_order,
    "order_detail": _no_order,
    "order_status": _no_status,
    "paid_amount": _no_amount,
    "paid_fen": _no_amount,
    "refundable_left_fen": _order_with(refundable_left_fen=None),
    "currency": _order_with(currency=None),
    "category": _no_paths,
    "category_path": _no_paths,
    "catalog": _no_tree,
    "category_tree": _no_tree,
    "buyer": _no_buyer,
    "quality": _no_quality,
    "buyer_quality": _no_quality,
    "lists": _no_lists,
    "limits": _no_lists,
    "buyer_limits": _no_lists,
    "shop": _no_lists,
    "shop_standing": _no_lists,
    "order_veto": _no_lists,
    "order_vetoed": _no_lists,
    # Null would mean "none" in these (E-6), so the value says that it is unknown.
    "order_type": _order_with(order_type=UNREADABLE),
    "pay_type": _order_with(pay_type=UNREADABLE),
    "presale_stage": _order_with(presale_stage=UNREADABLE),
    "delivery_block": _order_with(delivery_block=UNREADABLE),
    "risk_code": _order_with(risk_code=UNREADABLE),
}
"""Name of a fact -> function that blanks it after a failed read-through."""
