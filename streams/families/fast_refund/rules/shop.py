"""Rules on the shop and on the lists that only the operator writes.

A merchant's attempt to switch the service is no fact (FR-Q3, case 45): no rule can read
it.
"""

from typing import Final

from streams.families.fast_refund.policy import Policy
from streams.families.fast_refund.reasons.service import LISTS_NOT_READY
from streams.families.fast_refund.reasons.shop import (
    SHOP_EXCLUDED,
    SHOP_STANDING_RESTRICTED,
    SHOP_UNKNOWN,
)
from streams.families.fast_refund.rules.case import Case, Codes
from streams.families.fast_refund.rules.rule import ASKED, Rule
from streams.processing.reasons import Reason, State
from streams.processing.rules import Bound, Fact

LEVELS: Final = ("good", "watch", "restricted", "excluded")


def shop(case: Case, _policy: Policy) -> Codes:
    """FR-1.2a, E-12: the shop is known; every known shop is covered."""
    if case.shop_id and not case.seen.shop_conflict:
        return ()
    return (SHOP_UNKNOWN,)


def shop_eligible(case: Case, policy: Policy) -> Codes:
    """FR-1.7(2)a, FR-Q3, R-09, R-31: the shop is neither switched off nor of too bad a standing.

    No row, no switch and no standing mean covered and good (E-22).
    """
    seen = case.seen
    return eligible(seen.shop_enabled, seen.shop_standing, policy)


def eligible(enabled: object, standing: object, policy: Policy) -> Codes:
    """FR-1.7(2)a: return the reasons that the operator's switch and the shop's standing give."""
    codes: Codes = ()
    if enabled is not None and enabled is not True:
        off = enabled is False
        codes = (SHOP_EXCLUDED if off else LISTS_NOT_READY,)
    if standing is None or standing == "good":
        return codes
    if standing not in LEVELS:
        return (*codes, LISTS_NOT_READY)
    if standing == "excluded":
        return (*codes, SHOP_EXCLUDED)
    if LEVELS.index(standing) >= LEVELS.index(policy.standing_gate_min_level):
        return (*codes, SHOP_STANDING_RESTRICTED)
    return codes


def lists(case: Case, policy: Policy) -> Codes:
    """FR-1.7: limit, shop and SKU tables and the veto feed are loaded and fresh.

    A veto that is seen nevertheless keeps its own code beside this one.
    """
    age_ms = case.lists_age_ms
    if age_ms is None or (age_ms > policy.lists_max_age_ms and case.has_policy):
        return (LISTS_NOT_READY,)
    return ()


def _lists_state(_reason: Reason, case: Case) -> State:
    return "unknown" if case.lists_age_ms is None else "stale"


RULES: Final = (
    Rule(
        check=shop,
        clause="FR-1.2a",
        title=("店铺明确", "it is known which shop it is"),
        fact=Fact("shop_id", lambda case: case.shop_id),
        codes=(SHOP_UNKNOWN,),
        fast=ASKED,
    ),
    Rule(
        check=shop_eligible,
        clause="FR-1.7(2)a",
        title=("店铺支持本服务", "the shop has the service"),
        fact=Fact(
            "shop_standing",
            lambda case: {
                "enabled": case.seen.shop_enabled,
                "standing": case.seen.shop_standing,
            },
        ),
        bound=Bound(
            "须好于 {}", "must be better than {}", ("standing_gate_min_level",)
        ),
        codes=(
            SHOP_EXCLUDED,
            SHOP_STANDING_RESTRICTED,
        ),
        fast=ASKED,
    ),
    Rule(
        check=lists,
        clause="FR-1.7",
        title=("名单数据已加载且未过期", "the lists are loaded and fresh"),
        fact=Fact(
            "lists_as_of_ms",
            lambda case: case.seen.lists_as_of_ms,
            age_ms=lambda case: case.lists_age_ms,
            max_age="lists_max_age_ms",
        ),
        codes=(LISTS_NOT_READY,),
        fast=ASKED,
        state=_lists_state,
    ),
)
"""In the order of the rules text."""
