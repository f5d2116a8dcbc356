"""Rules on the buyer: a quality user, not limited, and no veto on the order."""

from typing import Final

from streams.families.fast_refund.policy import Policy
from streams.families.fast_refund.reasons.buyer import (
    BUYER_CANCELLED,
    BUYER_LIMITED,
    BUYER_NOT_QUALITY,
    BUYER_QUALITY_REVOKED,
    BUYER_QUALITY_STALE,
    BUYER_QUALITY_UNKNOWN,
    BUYER_UNKNOWN,
    ORDER_VETOED,
)
from streams.families.fast_refund.reasons.service import LISTS_NOT_READY
from streams.families.fast_refund.rules.case import Case, Codes
from streams.families.fast_refund.rules.rule import ASKED, EMPTY, Rule
from streams.processing.rules import Bound, Fact

QUALITY: Final = "quality"
REVOKED: Final = "revoked_abuse"
KNOWN: Final = (QUALITY, "ordinary", REVOKED)

BY_LIMIT: Final = {
    "cancelled": BUYER_CANCELLED,
    "limited": BUYER_LIMITED,
}


def buyer(case: Case, _policy: Policy) -> Codes:
    """FR-1.4a, E-12: the buyer is known, and request and order agree."""
    if case.buyer_id and not case.seen.buyer_conflict:
        return ()
    return (BUYER_UNKNOWN,)


def buyer_limits(case: Case, _policy: Policy) -> Codes:
    """FR-1.7(1)b, E-30: at the decision the buyer is neither limited nor cancelled."""
    limits = case.seen.limits
    if limits is None:
        return ()
    return tuple(BY_LIMIT.get(name, LISTS_NOT_READY) for name in limits)


def buyer_quality(case: Case, policy: Policy) -> Codes:
    """FR-1.3a, FR-1.4a, R-07: a quality user at T, and not revoked at the decision.

    Both values can give a reason (E-13). ``quality_max_age_ms`` is inclusive; without a
    value nothing is stale (E-3).
    """
    seen = case.seen
    age_ms, now = case.buyer_age_ms, seen.quality_now
    then = seen.quality if policy.quality_pin == "requested_at" else now
    if age_ms is None:
        return (BUYER_QUALITY_UNKNOWN,)
    codes: Codes = ()
    if then != QUALITY or now != QUALITY:
        codes = _not_quality(then, now)
        if codes and codes[0] is BUYER_QUALITY_UNKNOWN:
            return codes
    if age_ms > policy.quality_max_age_ms and case.has_policy:
        codes += (BUYER_QUALITY_STALE,)
    return codes


def _not_quality(then: object, now: object) -> Codes:
    codes: Codes = ()
    if then not in KNOWN or now not in KNOWN:
        codes = (BUYER_QUALITY_UNKNOWN,)
    if then in KNOWN and then != QUALITY:
        codes += (BUYER_NOT_QUALITY,)
    if now == REVOKED:
        codes += (BUYER_QUALITY_REVOKED,)
    return codes


def order_veto(case: Case, _policy: Policy) -> Codes:
    """FR-1.7(1)a, E-22: no order veto is active; an unreadable veto is not "no"."""
    veto = case.seen.order_vetoed
    if veto is None:
        return ()
    if veto is True:
        return (ORDER_VETOED,)
    return (LISTS_NOT_READY,)


RULES: Final = (
    Rule(
        check=buyer,
        clause="FR-1.4a",
        title=("买家身份明确", "it is known who the buyer is"),
        fact=Fact("buyer_id", lambda case: case.buyer_id),
        codes=(BUYER_UNKNOWN,),
        fast=ASKED,
    ),
    Rule(
        check=buyer_limits,
        clause="FR-1.7(1)b",
        title=("买家未被限制", "the buyer is not limited"),
        fact=Fact("buyer_limits", lambda case: case.seen.limits),
        codes=(
            BUYER_CANCELLED,
            BUYER_LIMITED,
        ),
        needs="limits",
        fast=EMPTY,
    ),
    Rule(
        check=buyer_quality,
        clause="FR-1.4a",
        title=("买家属于平台优质用户", "the buyer is a quality user"),
        fact=Fact(
            "buyer_quality",
            lambda case: {
                "requested_at": case.seen.quality,
                "decided_at": case.seen.quality_now,
            },
            age_ms=lambda case: case.buyer_age_ms,
            max_age="quality_max_age_ms",
        ),
        bound=Bound("须为 {}", "must be {}", fixed=QUALITY),
        codes=(
            BUYER_QUALITY_REVOKED,
            BUYER_NOT_QUALITY,
            BUYER_QUALITY_UNKNOWN,
            BUYER_QUALITY_STALE,
        ),
        fast=ASKED,
    ),
    Rule(
        check=order_veto,
        clause="FR-1.7(1)a",
        title=("平台未指定人工审核", "the platform asked for no review of this order"),
        fact=Fact("order_veto", lambda case: case.seen.order_vetoed),
        codes=(ORDER_VETOED,),
        needs="order_vetoed",
        fast=EMPTY,
    ),
)
"""In the order of the rules text."""
