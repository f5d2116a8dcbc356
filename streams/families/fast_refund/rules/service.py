"""Rules on the service: its policy, pause, breaker and look-ups."""

from typing import Final

from streams.families.fast_refund.model import Seen
from streams.families.fast_refund.policy import Policy
from streams.families.fast_refund.reasons.amount import REFUND_AMOUNT_INVALID
from streams.families.fast_refund.reasons.service import (
    BREAKER_OPEN,
    DEPENDENCY_UNAVAILABLE,
    POLICY_NOT_LOADED,
    SERVICE_PAUSED,
)
from streams.families.fast_refund.rules.case import Case, Codes
from streams.families.fast_refund.rules.rule import EMPTY, FULL_PATH, Rule
from streams.processing.reasons import OURS
from streams.processing.rules import Bound, Fact

AMOUNT_NAMES: Final = ("refund_fen", "refund_amount", "refund_detail")


def policy_in_force(_case: Case, _policy: Policy) -> Codes:
    """E-15, E-16: a policy is in force. Run only when none is, so it never holds."""
    return (POLICY_NOT_LOADED,)


def service_running(_case: Case, _policy: Policy) -> Codes:
    """FR-Q3: the policy does not pause the service. Run only under one that does."""
    return (SERVICE_PAUSED,)


def service_not_paused(case: Case, _policy: Policy) -> Codes:
    """FR-Q3: no pause of the operator is in force at the decision, whatever the policy says."""
    return () if case.seen.pause is None else (SERVICE_PAUSED,)


def breaker(case: Case, _policy: Policy) -> Codes:
    """Section 3, E-27: neither the shop's nor the global breaker is open."""
    return () if case.seen.breaker is None else (BREAKER_OPEN,)


def look_ups(case: Case, _policy: Policy) -> Codes:
    """Case 68: every read-through answered.

    Facts that could not be read are blank in ``seen``, so that their own codes follow;
    only the requested amount belongs to the request and is handled here.
    """
    seen = case.seen
    failed = seen.unavailable
    if failed is None:
        return ()
    if not seen.order_absent and any(name in failed for name in AMOUNT_NAMES):
        return (DEPENDENCY_UNAVAILABLE, REFUND_AMOUNT_INVALID)
    return (DEPENDENCY_UNAVAILABLE,)


def _pause(seen: Seen) -> object:
    pause = seen.pause
    return {"published_at_ms": pause} if isinstance(pause, int) else pause


def _no_policy(policy: Policy | None) -> bool:
    return policy is None


def _paused(policy: Policy | None) -> bool:
    return policy is not None and policy.service_paused


RULES: Final = (
    Rule(
        check=policy_in_force,
        clause=OURS,
        title=("规则已生效", "a policy is in force"),
        fact=Fact("policy", lambda _: None),
        codes=(POLICY_NOT_LOADED,),
        on=_no_policy,
        fast=FULL_PATH,
    ),
    Rule(
        check=service_running,
        clause="FR-Q3",
        title=("服务未暂停", "the service is not paused"),
        fact=Fact("service_paused", lambda _: True),
        bound=Bound("须为{}", "must be {}", fixed=False),
        codes=(SERVICE_PAUSED,),
        on=_paused,
        fast=FULL_PATH,
    ),
    Rule(
        check=service_not_paused,
        clause="FR-Q3",
        title=("运营未暂停服务", "the operator has not paused the service"),
        fact=Fact("pause", lambda case: _pause(case.seen)),
        codes=(),
        needs="pause",
        fast=EMPTY,
    ),
    Rule(
        check=breaker,
        clause=OURS,
        title=("限额保护未触发", "no breaker is open"),
        fact=Fact("breaker", lambda case: case.seen.breaker),
        codes=(BREAKER_OPEN,),
        needs="breaker",
        fast=EMPTY,
    ),
    Rule(
        check=look_ups,
        clause=OURS,
        title=("查询服务可用", "every look-up answered"),
        fact=Fact("unavailable", lambda case: case.seen.unavailable),
        codes=(DEPENDENCY_UNAVAILABLE,),
        needs="unavailable",
        fast=EMPTY,
    ),
)
"""In the order of the rules text."""
