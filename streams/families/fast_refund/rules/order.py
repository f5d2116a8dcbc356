"""Rules on the order: is it there, unshipped, and a settled purchase."""

from typing import Final

from streams.families.fast_refund.model import Seen
from streams.families.fast_refund.policy import Policy
from streams.families.fast_refund.reasons.order import (
    GROUP_BUY_PENDING,
    ORDER_DETAIL_UNKNOWN,
    ORDER_PARTLY_SHIPPED,
    ORDER_RISK_FLAGGED,
    ORDER_SHIPPED,
    ORDER_STATUS_CONFLICT,
    ORDER_STATUS_OTHER,
    ORDER_STATUS_STALE,
    ORDER_STATUS_UNKNOWN,
    PAY_LATER,
    PAYMENT_RISK_REVIEW,
    PRESALE,
    SHIP_SIGNAL_PRESENT,
)
from streams.families.fast_refund.rules.case import Case, Codes
from streams.processing.reasons import Reason

PAID: Final = "paid"
SHIPPED: Final = ("shipped", "signed", "success")
OTHER: Final = ("awaiting_payment", "failed")
KNOWN: Final = (PAID, *SHIPPED, *OTHER)

PAY_LATER_TYPE: Final = 88
GROUP_BUY: Final = 1
RISK_REVIEW: Final = 2


def order_detail(case: Case, _policy: Policy) -> Codes:
    """E-1, E-11: there is a snapshot of this very order."""
    return (ORDER_DETAIL_UNKNOWN,) if case.seen.order_absent else ()


def order_status(case: Case, policy: Policy) -> Codes:
    """FR-1.4c: the back end shows the order as unshipped.

    A direct back-end read outranks the feed (E-8). Pieces are counted only while
    the status is ``paid`` (E-7). Staleness adds its code and hides none (E-2).

    Parameters
    ----------
    case
        Status, direct read and counts, with the age of the snapshot.
    policy
        ``order_status_max_age_ms`` is inclusive; ``line_level_unshipped`` narrows
        the counts to the asked lines.
    """
    seen, age_ms = case.seen, case.order_age_ms
    feed, status = seen.order_status, seen.back_end_status
    if status is None:
        status = feed
    if age_ms is None or status not in KNOWN:
        return (ORDER_STATUS_UNKNOWN,)
    codes: Codes = ()
    if status == PAID:
        counted = _counted(seen, policy)
        if counted is not None:
            codes = (counted,)
        if feed is not status and feed != PAID and feed in KNOWN:
            codes += (ORDER_STATUS_CONFLICT,)
    else:
        shipped = status in SHIPPED
        codes = (ORDER_SHIPPED if shipped else ORDER_STATUS_OTHER,)
    if age_ms > policy.order_status_max_age_ms and case.has_policy:
        codes += (ORDER_STATUS_STALE,)
    return codes


def effective_status(seen: Seen) -> object:
    """R-05, E-8: the direct read when there is one, else the feed."""
    back_end = seen.back_end_status
    return seen.order_status if back_end is None else back_end


def _counted(seen: Seen, policy: Policy) -> Reason | None:
    """E-5 to E-7: what the shipped pieces say of a paid order."""
    counts, quantities = seen.shipped_counts, seen.quantities
    if policy.line_level_unshipped and seen.asked_skus is not None:
        places = _asked_lines(seen, seen.asked_skus)
        counts = tuple([counts[place] for place in places])
        quantities = tuple([quantities[place] for place in places])
    if not counts:
        return ORDER_STATUS_UNKNOWN
    for quantity in quantities:
        if type(quantity) is not int or quantity < 1:
            return ORDER_STATUS_UNKNOWN
    for count in counts:
        if type(count) is not int or count != 0:
            return _shipped_pieces(counts, quantities)
    return None


def _shipped_pieces(
    counts: tuple[object, ...], quantities: tuple[object, ...]
) -> Reason:
    """Say how much is counted shipped, once some count is not plainly 0.

    One unreadable count leaves open whether all or some was shipped, so it speaks
    alone.
    """
    every = True
    for count, quantity in zip(counts, quantities, strict=True):
        if type(count) is not int or type(quantity) is not int or count < 0:
            return ORDER_STATUS_UNKNOWN
        every = every and count >= quantity
    return ORDER_STATUS_CONFLICT if every else ORDER_PARTLY_SHIPPED


def _asked_lines(seen: Seen, asked: tuple[str, ...]) -> list[int]:
    """Places of the asked lines; none when an asked one is not in the order.

    A line that names no article might be one of them, so it counts as asked.
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

    Run only with ``waybill_soft_veto``; otherwise the signals are just recorded.
    """
    seen = case.seen
    if seen.ship_signals is None or case.order_age_ms is None:
        return ()
    if effective_status(seen) != PAID:
        return ()
    return (SHIP_SIGNAL_PRESENT,)


def pay_later(case: Case, _policy: Policy) -> Codes:
    """R-12, E-6, E-22: the money has been collected; null means ordinary payment."""
    pay_type = case.seen.pay_type
    if pay_type is None or (type(pay_type) is int and pay_type != PAY_LATER_TYPE):
        return ()
    return (PAY_LATER,)


def presale(case: Case, _policy: Policy) -> Codes:
    """R-12, E-6: no pre-sale of any stage; null means none."""
    stage = case.seen.presale_stage
    return () if stage is None or stage == "none" else (PRESALE,)


def delivery_block(case: Case, _policy: Policy) -> Codes:
    """R-12, E-22: no pending group buy, risk review or block we do not know."""
    block = case.seen.delivery_block
    if block is None:
        return ()
    if type(block) is not int:
        return (ORDER_RISK_FLAGGED,)
    if block == 0:
        return ()
    if block == GROUP_BUY:
        return (GROUP_BUY_PENDING,)
    if block == RISK_REVIEW:
        return (PAYMENT_RISK_REVIEW,)
    return (ORDER_RISK_FLAGGED,)


def risk_code(case: Case, _policy: Policy) -> Codes:
    """Case 54, E-22: no risk mark on the order; null and 0 mean none."""
    risk = case.seen.risk_code
    if risk is None or (type(risk) is int and risk == 0):
        return ()
    return (ORDER_RISK_FLAGGED,)
