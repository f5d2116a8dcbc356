"""Rules of the options (section 3): a buyer's counts and amounts, time since payment."""

from typing import Final

from streams.families.fast_refund.policy import Policy
from streams.families.fast_refund.reasons.prior_refunds import (
    BUYER_AMOUNT_QUOTA,
    BUYER_COUNT_LIMIT,
    ORDER_ALREADY_AUTO_APPROVED,
    PAYMENT_AGE_OUTSIDE_WINDOW,
)
from streams.families.fast_refund.rules.case import Case, Codes
from streams.families.fast_refund.rules.rule import EMPTY, FULL_PATH, Rule
from streams.processing.reasons import OURS
from streams.processing.rules import Bound, Fact


def buyer_count(case: Case, policy: Policy) -> Codes:
    """Section 3, E-26: fewer than ``buyer_count_max`` approvals in the window."""
    history, most = case.seen.history, policy.buyer_count_max
    if most is None or history is None or history.auto_count < most:
        return ()
    return (BUYER_COUNT_LIMIT,)


def buyer_amount(case: Case, policy: Policy) -> Codes:
    """Section 3, E-26: used plus requested is within ``buyer_amount_quota_fen``; equal passes."""
    history, quota_fen = case.seen.history, policy.buyer_amount_quota_fen
    used_fen = 0 if history is None else history.auto_fen
    unknown = history is not None and history.auto_fen_unknown
    over = quota_fen is not None and used_fen + (case.refund_fen or 0) > quota_fen
    return (BUYER_AMOUNT_QUOTA,) if over or unknown else ()


def one_auto_approval(case: Case, _policy: Policy) -> Codes:
    """Section 3, case 81: no earlier automatic approval on the order, even unpaid.

    Run only with ``one_auto_approval_per_order``.
    """
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


def _counted(policy: Policy | None) -> bool:
    return policy is not None and policy.buyer_count_max is not None


def _quota(policy: Policy | None) -> bool:
    return policy is not None and policy.buyer_amount_quota_fen is not None


def _once(policy: Policy | None) -> bool:
    return policy is not None and policy.one_auto_approval_per_order


def _aged(policy: Policy | None) -> bool:
    return policy is not None and not (
        policy.payment_age_min_ms is None and policy.payment_age_max_ms is None
    )


RULES: Final = (
    Rule(
        check=buyer_count,
        clause=OURS,
        title=(
            "买家自动退款次数未达上限",
            "the buyer is below the count of automatic refunds",
        ),
        fact=Fact(
            "auto_count",
            lambda case: case.seen.history.auto_count if case.seen.history else 0,
        ),
        bound=Bound("须少于{}次", "must be below {}", ("buyer_count_max",)),
        codes=(BUYER_COUNT_LIMIT,),
        on=_counted,
        needs="history",
        fast=FULL_PATH,
    ),
    Rule(
        check=buyer_amount,
        clause=OURS,
        title=("买家自动退款额度充足", "used and asked stay within the buyer's quota"),
        fact=Fact(
            "auto_fen",
            lambda case: case.seen.history.auto_fen if case.seen.history else 0,
        ),
        bound=Bound(
            "与申请合计最多{}",
            "with what is asked at most {}",
            ("buyer_amount_quota_fen",),
        ),
        codes=(BUYER_AMOUNT_QUOTA,),
        on=_quota,
        fast=FULL_PATH,
    ),
    Rule(
        check=one_auto_approval,
        clause=OURS,
        title=("本单未曾自动通过", "no automatic approval on the order before"),
        fact=Fact(
            "approved_on_order",
            lambda case: (
                case.seen.history is not None and case.seen.history.approved_on_order
            ),
        ),
        bound=Bound("须为{}", "must be {}", fixed=False),
        codes=(ORDER_ALREADY_AUTO_APPROVED,),
        on=_once,
        needs="history",
        fast=EMPTY,
    ),
    Rule(
        check=payment_age,
        clause=OURS,
        title=("付款时长在范围内", "the time since payment is in the window"),
        fact=Fact("paid_at_ms", lambda case: case.seen.paid_at_ms),
        bound=Bound(
            "须在申请前{}至{}付款",
            "must be paid {} to {} before the request",
            ("payment_age_min_ms", "payment_age_max_ms"),
        ),
        codes=(PAYMENT_AGE_OUTSIDE_WINDOW,),
        reads_order=True,
        on=_aged,
        fast=FULL_PATH,
    ),
)
"""In the order of the rules text."""
