"""Rules on what happened before: other refunds, counts, time since payment."""

from streams.families.fast_refund.policy import Policy
from streams.families.fast_refund.reasons.prior_refunds import (
    BUYER_AMOUNT_QUOTA,
    BUYER_COUNT_LIMIT,
    OPEN_REFUND_ON_ORDER,
    ORDER_ALREADY_AUTO_APPROVED,
    PAYMENT_AGE_OUTSIDE_WINDOW,
    PRIOR_REFUND_ON_ORDER,
)
from streams.families.fast_refund.rules.case import Case, Codes


def other_refunds(case: Case, _policy: Policy) -> Codes:
    """R-11, E-21: no other refund of the order is paid, being paid or open."""
    history = case.seen.history
    if history is None:
        return ()
    codes: Codes = ()
    if history.prior_refund:
        codes = (PRIOR_REFUND_ON_ORDER,)
    if history.open_refund:
        codes += (OPEN_REFUND_ON_ORDER,)
    return codes


def buyer_count(case: Case, policy: Policy) -> Codes:
    """Section 3, E-26: fewer than ``buyer_count_max`` approvals in the window."""
    history, most = case.seen.history, policy.buyer_count_max
    if most is None or history is None or history.auto_count < most:
        return ()
    return (BUYER_COUNT_LIMIT,)


def buyer_amount(case: Case, policy: Policy) -> Codes:
    """Section 3, E-26: used and asked together stay within the quota; equal passes."""
    history, quota_fen = case.seen.history, policy.buyer_amount_quota_fen
    used_fen = 0 if history is None else history.auto_fen
    unknown = history is not None and history.auto_fen_unknown
    over = quota_fen is not None and used_fen + (case.refund_fen or 0) > quota_fen
    return (BUYER_AMOUNT_QUOTA,) if over or unknown else ()


def one_auto_approval(case: Case, _policy: Policy) -> Codes:
    """Section 3, case 81: no earlier automatic approval on the order, even unpaid."""
    history = case.seen.history
    if history is not None and history.approved_on_order:
        return (ORDER_ALREADY_AUTO_APPROVED,)
    return ()


def payment_age(case: Case, policy: Policy) -> Codes:
    """Section 3, E-26: T less ``paid_at_ms`` lies in [min, max] and is not negative."""
    paid_at_ms = case.seen.paid_at_ms
    if type(paid_at_ms) is not int:
        return (PAYMENT_AGE_OUTSIDE_WINDOW,)
    age_ms = case.at_ms - paid_at_ms
    low_ms, high_ms = policy.payment_age_min_ms or 0, policy.payment_age_max_ms
    if age_ms < low_ms or (high_ms is not None and age_ms > high_ms):
        return (PAYMENT_AGE_OUTSIDE_WINDOW,)
    return ()
