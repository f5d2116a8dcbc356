"""Rules on money: the paid amount and the requested amount. Integers only."""

from typing import Final

from streams.families.fast_refund.policy import Policy
from streams.families.fast_refund.reasons.amount import (
    CURRENCY_NOT_CNY,
    PAID_AMOUNT_CHANGED,
    PAID_AMOUNT_INVALID,
    PAID_AMOUNT_STALE,
    PAID_AMOUNT_UNKNOWN,
    PAID_AT_OR_OVER_LIMIT,
    REFUND_AMOUNT_INVALID,
)
from streams.families.fast_refund.rules.case import Case, Codes
from streams.families.fast_refund.rules.rule import ASKED, EMPTY, Rule
from streams.processing.reasons import OURS
from streams.processing.rules import Bound, Fact

CURRENCY: Final = "CNY"


def paid_amount(case: Case, policy: Policy) -> Codes:
    """FR-1.4b: the order was paid less than the limit.

    The amount of the whole order counts, not of the part to refund (R-01, case 9).

    Parameters
    ----------
    case
        ``paid_fen``, with the age of the snapshot.
    policy
        ``paid_limit_fen`` is exclusive: exactly the limit goes to a person.
        ``paid_amount_max_age_ms`` is inclusive: a fact of that very age is fresh.
    """
    paid_fen, age_ms = case.seen.paid_fen, case.order_age_ms
    if paid_fen is None or age_ms is None:
        return (PAID_AMOUNT_UNKNOWN,)
    codes: Codes = ()
    if type(paid_fen) is not int or paid_fen <= 0:
        codes = (PAID_AMOUNT_INVALID,)
    elif paid_fen >= policy.paid_limit_fen and case.has_policy:
        codes = (PAID_AT_OR_OVER_LIMIT,)
    if age_ms > policy.paid_amount_max_age_ms and case.has_policy:
        codes += (PAID_AMOUNT_STALE,)
    return codes


def paid_amount_kept(case: Case, _policy: Policy) -> Codes:
    """FR-1.4b, cases 12 and 13: the total did not change in (T, decision].

    Not evaluated without T (E-14). An unreadable moment may lie in that interval.
    """
    changed_at_ms, at_ms = case.seen.total_changed_at_ms, case.requested_at_ms
    if changed_at_ms is None or at_ms is None:
        return ()
    if type(changed_at_ms) is int and not at_ms < changed_at_ms <= case.decided_at_ms:
        return ()
    return (PAID_AMOUNT_CHANGED,)


def currency(case: Case, _policy: Policy) -> Codes:
    """FR-1.4b, E-27: the limit is in yuan, so the order is in CNY, byte for byte."""
    return () if case.seen.currency == CURRENCY else (CURRENCY_NOT_CNY,)


def refund_amount(case: Case, policy: Policy) -> Codes:
    """Case 14: the requested amount is positive and at most what is left.

    With ``whole_order_only`` everything that is left must be requested.
    """
    asked, left = case.refund_fen, case.seen.refundable_left_fen
    if asked is None or type(left) is not int or not 0 < asked <= left:
        return (REFUND_AMOUNT_INVALID,)
    if policy.whole_order_only and asked < left:
        return (REFUND_AMOUNT_INVALID,)
    return ()


RULES: Final = (
    Rule(
        check=paid_amount,
        clause="FR-1.4b",
        title=("实付金额低于限额", "the order was paid less than the limit"),
        fact=Fact(
            "paid_fen",
            lambda case: case.seen.paid_fen,
            age_ms=lambda case: case.order_age_ms,
            max_age="paid_amount_max_age_ms",
        ),
        bound=Bound("须低于{}", "must be below {}", ("paid_limit_fen",)),
        codes=(
            PAID_AT_OR_OVER_LIMIT,
            PAID_AMOUNT_INVALID,
            PAID_AMOUNT_UNKNOWN,
            PAID_AMOUNT_STALE,
        ),
        reads_order=True,
        fast=ASKED,
    ),
    Rule(
        check=paid_amount_kept,
        clause="FR-1.4b",
        title=("申请后订单金额未变动", "the total did not change after the request"),
        fact=Fact("total_changed_at_ms", lambda case: case.seen.total_changed_at_ms),
        codes=(PAID_AMOUNT_CHANGED,),
        reads_order=True,
        needs="total_changed_at_ms",
        fast=EMPTY,
        judged=lambda case: case.requested_at_ms is not None,
    ),
    Rule(
        check=currency,
        clause="FR-1.4b",
        title=("币种为人民币", "the currency is CNY"),
        fact=Fact("currency", lambda case: case.seen.currency),
        bound=Bound("须为 {}", "must be {}", fixed=CURRENCY),
        codes=(CURRENCY_NOT_CNY,),
        reads_order=True,
        fast=ASKED,
    ),
    Rule(
        check=refund_amount,
        clause=OURS,
        title=("申请金额有效", "the amount asked is within what is left"),
        fact=Fact("refund_fen", lambda case: case.refund_fen),
        bound=Bound(
            "须大于 0，最多{}",
            "must be above 0, at most {}",
            fact="refundable_left_fen",
            read=lambda case: case.seen.refundable_left_fen,
        ),
        codes=(REFUND_AMOUNT_INVALID,),
        reads_order=True,
        fast=ASKED,
    ),
)
"""In the order of the rules text."""
