"""Rules on the order: it must be unshipped."""

from typing import Final

from streams.families.fast_refund.model import Seen
from streams.families.fast_refund.policy import Policy
from streams.families.fast_refund.reasons.order import (
    ORDER_PARTLY_SHIPPED,
    ORDER_SHIPPED,
    ORDER_STATUS_CONFLICT,
    ORDER_STATUS_OTHER,
    ORDER_STATUS_STALE,
    ORDER_STATUS_UNKNOWN,
    SHIP_SIGNAL_PRESENT,
)
from streams.families.fast_refund.rules.case import Case, Codes
from streams.families.fast_refund.rules.rule import ASKED, FULL_PATH, Rule
from streams.processing.reasons import Reason
from streams.processing.rules import Bound, Fact

PAID: Final = "paid"
SHIPPED: Final = ("shipped", "signed", "success")
OTHER: Final = ("awaiting_payment", "failed")
KNOWN: Final = (PAID, *SHIPPED, *OTHER)


def order_status(case: Case, policy: Policy) -> Codes:
    """FR-1.3c, FR-1.4c, E-5, E-6, E-9, E-37: the back end shows the order as unshipped.

    A direct back-end read outranks the feed (E-8). Pieces are counted only while
    the status is ``paid`` (E-7). Staleness adds its code and hides none (E-2).

    Parameters
    ----------
    case
        Status, direct read and counts, with the age of the snapshot.
    policy
        ``order_status_max_age_ms`` is inclusive; ``line_level_unshipped`` limits the
        counts to the requested lines.
    """
    seen, age_ms = case.seen, case.order_age_ms
    feed, status = seen.order_status, seen.back_end_status
    # R-05, E-8: a direct back-end read, when given, is the status.
    if status is None:
        status = feed
    # E-4, E-9: an undated or unlisted status is unknown.
    if age_ms is None or status not in KNOWN:
        return (ORDER_STATUS_UNKNOWN,)
    codes: Codes = ()
    if status == PAID:
        # E-7: counts are judged only while the status is `paid`.
        counted = _counted(seen, policy)
        if counted is not None:
            codes = (counted,)
        # E-8: only a read `paid` can conflict with the feed.
        if feed is not status and feed != PAID and feed in KNOWN:
            codes += (ORDER_STATUS_CONFLICT,)
    else:
        shipped = status in SHIPPED
        codes = (ORDER_SHIPPED if shipped else ORDER_STATUS_OTHER,)
    # E-2: staleness adds its code and hides none.
    if age_ms > policy.order_status_max_age_ms and case.has_policy:
        codes += (ORDER_STATUS_STALE,)
    return codes


def effective_status(seen: Seen) -> object:
    """R-05, E-8: the direct read when there is one, else the feed."""
    back_end = seen.back_end_status
    return seen.order_status if back_end is None else back_end


def _counted(seen: Seen, policy: Policy) -> Reason | None:
    """E-5 to E-7: return the reason that the shipped pieces of a paid order give."""
    counts, quantities = seen.shipped_counts, seen.quantities
    # Case 79, E-37.
    if policy.line_level_unshipped and seen.asked_skus is not None:
        places = _asked_lines(seen, seen.asked_skus)
        counts = tuple([counts[place] for place in places])
        quantities = tuple([quantities[place] for place in places])
    # E-5, E-37: no line, or a requested line that the order lacks.
    if not counts:
        return ORDER_STATUS_UNKNOWN
    for quantity in quantities:
        # E-6.
        if type(quantity) is not int or quantity < 1:
            return ORDER_STATUS_UNKNOWN
    for count in counts:
        if type(count) is not int or count != 0:
            return _shipped_pieces(counts, quantities)
    return None


def _shipped_pieces(
    counts: tuple[object, ...], quantities: tuple[object, ...]
) -> Reason:
    """Return the reason for shipped pieces, when some count is not plainly 0.

    With one unreadable count it is unknown whether all or some were shipped, so only
    that reason is given.
    """
    every = True
    for count, quantity in zip(counts, quantities, strict=True):
        # E-6.
        if type(count) is not int or type(quantity) is not int or count < 0:
            return ORDER_STATUS_UNKNOWN
        every = every and count >= quantity
    # Cases 20 to 22; E-6: a count above the quantity is all shipped.
    return ORDER_STATUS_CONFLICT if every else ORDER_PARTLY_SHIPPED


def _asked_lines(seen: Seen, asked: tuple[str, ...]) -> list[int]:
    """Return the indexes of the requested lines; empty when one is not in the order.

    A line that names no article might be one of them, so it counts as requested.
    """
    wanted = set(asked)
    named = {sku for sku in seen.skus if type(sku) is str}
    if not wanted <= named:
        return []
    return [
        place
        for place, sku in enumerate(seen.skus)
        if type(sku) is not str or not sku or sku in wanted
    ]


def ship_signals(case: Case, _policy: Policy) -> Codes:
    """FR-1.6, E-24: no waybill or pick-up while the status is ``paid``.

    Run only with ``waybill_soft_veto``; otherwise the signals are only recorded.
    """
    seen = case.seen
    if seen.ship_signals is None or case.order_age_ms is None:
        return ()
    if effective_status(seen) != PAID:
        return ()
    return (SHIP_SIGNAL_PRESENT,)


def _shipped(seen: Seen) -> dict[str, object]:
    return {
        "order_status": effective_status(seen),
        "shipped_counts": seen.shipped_counts,
        "quantities": seen.quantities,
    }


def _soft_veto(policy: Policy | None) -> bool:
    return policy is not None and policy.waybill_soft_veto


RULES: Final = (
    Rule(
        check=order_status,
        clause="FR-1.4c",
        title=("订单未发货", "the order is unshipped"),
        fact=Fact(
            "order_status",
            lambda case: _shipped(case.seen),
            age_ms=lambda case: case.order_age_ms,
            max_age="order_status_max_age_ms",
        ),
        bound=Bound(
            "须为 {}，且没有已发件",
            "must be {}, and no piece shipped",
            fixed=PAID,
        ),
        codes=(
            ORDER_SHIPPED,
            ORDER_PARTLY_SHIPPED,
            ORDER_STATUS_CONFLICT,
            ORDER_STATUS_OTHER,
            ORDER_STATUS_UNKNOWN,
            ORDER_STATUS_STALE,
        ),
        reads_order=True,
        fast=ASKED,
    ),
    Rule(
        check=ship_signals,
        clause="FR-1.6",
        title=("无面单或揽收记录", "no waybill and no pick-up yet"),
        fact=Fact("ship_signals", lambda case: case.seen.ship_signals),
        codes=(SHIP_SIGNAL_PRESENT,),
        reads_order=True,
        on=_soft_veto,
        fast=FULL_PATH,
    ),
)
"""In the order of the rules text."""
