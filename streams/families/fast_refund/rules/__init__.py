"""The rules of the fast refund: one function per condition or veto.

Every rule has one signature, ``(case, policy) -> codes``, and no rule knows
another. :data:`RULES` is the whole list, in the order of the rules text;
:func:`active_rules` leaves out options that are off, so that they cost nothing.
"""

from collections.abc import Callable
from functools import lru_cache
from typing import Final, TypeAlias

import msgspec

from streams.families.fast_refund.policy import Policy
from streams.families.fast_refund.policy_type import POLICY
from streams.families.fast_refund.rules import (
    amount,
    buyer,
    goods,
    order,
    prior_refunds,
    request,
    shop,
)
from streams.families.fast_refund.rules.case import Case, Codes

Check: TypeAlias = Callable[[Case, Policy], Codes]


class Rule(msgspec.Struct, frozen=True):
    """One rule, and when it runs."""

    check: Check
    reads_order: bool = False
    """E-1: not evaluated without a snapshot of the order."""
    on: Callable[[Policy | None], bool] | None = None
    """None = always; otherwise whether the policy asks for it."""
    needs: str | None = None
    """A field of ``seen``, of :data:`UNUSUAL` or :data:`ABSENT`; without it the rule holds."""


class Active(msgspec.Struct, frozen=True):
    """The rules of one policy, ready to run."""

    policy: Policy
    """The policy itself, or the default readings when none is in force (E-16)."""
    name: str | None
    """``FR@1``; None when none is in force."""
    policy_hash: str | None
    """Of the policy; None when none is in force."""
    usual: tuple[Check, ...]
    """When the order is there and nothing of :data:`UNUSUAL` was seen."""
    with_order: tuple[Check, ...]
    without_order: tuple[Check, ...]


ABSENT: Final = "order_absent"
"""What a rule needs that speaks only when there is no order."""

UNUSUAL: Final = (
    "history",
    "breaker",
    "unavailable",
    "limits",
    "listed",
    "unnamed_lines",
    "order_vetoed",
    "total_changed_at_ms",
    "presale_stage",
    "delivery_block",
    "risk_code",
    "expected_partition",
    "pause",
)
"""Fields of ``seen`` that most requests lack; without them their rules need not run."""

READINGS: Final = POLICY.defaults
"""The default readings, by which a request is judged when no policy is in force."""


def _no_policy(policy: Policy | None) -> bool:
    return policy is None


def _paused(policy: Policy | None) -> bool:
    return policy is not None and policy.service_paused


def _soft_veto(policy: Policy | None) -> bool:
    return policy is not None and policy.waybill_soft_veto


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
    Rule(request.request_shape),
    Rule(request.event_time),
    Rule(request.route, needs="expected_partition"),
    Rule(request.refund_kind),
    Rule(request.version),
    Rule(request.edited_after_approval, needs="history"),
    Rule(request.policy_in_force, on=_no_policy),
    Rule(request.service_running, on=_paused),
    Rule(request.service_not_paused, needs="pause"),
    Rule(request.breaker, needs="breaker"),
    Rule(request.look_ups, needs="unavailable"),
    Rule(order.order_status, reads_order=True),
    Rule(order.ship_signals, reads_order=True, on=_soft_veto),
    Rule(goods.category, reads_order=True),
    Rule(goods.category_tree, reads_order=True),
    Rule(goods.sku, reads_order=True, needs="listed"),
    Rule(goods.sku_known, reads_order=True, needs="unnamed_lines"),
    Rule(amount.paid_amount, reads_order=True),
    Rule(amount.paid_amount_kept, reads_order=True, needs="total_changed_at_ms"),
    Rule(amount.currency, reads_order=True),
    Rule(amount.refund_amount, reads_order=True),
    Rule(buyer.buyer),
    Rule(buyer.buyer_limits, needs="limits"),
    Rule(buyer.buyer_quality),
    Rule(buyer.order_veto, needs="order_vetoed"),
    Rule(shop.shop),
    Rule(shop.shop_eligible),
    Rule(shop.lists),
    Rule(prior_refunds.other_refunds, needs="history"),
    Rule(order.pay_later, reads_order=True),
    Rule(order.presale, reads_order=True, needs="presale_stage"),
    Rule(order.delivery_block, reads_order=True, needs="delivery_block"),
    Rule(order.risk_code, reads_order=True, needs="risk_code"),
    Rule(order.order_detail, needs=ABSENT),
    Rule(prior_refunds.buyer_count, on=_counted, needs="history"),
    Rule(prior_refunds.buyer_amount, on=_quota),
    Rule(prior_refunds.one_auto_approval, on=_once, needs="history"),
    Rule(prior_refunds.payment_age, reads_order=True, on=_aged),
)
"""Every rule, in the order of the rules text."""


def running_rules(policy: Policy | None) -> list[Rule]:
    """Return the rules that a policy does not switch off."""
    return [rule for rule in RULES if rule.on is None or rule.on(policy)]


@lru_cache(maxsize=64)
def active_rules(policy: Policy | None) -> Active:
    """Return the rules that a policy runs; worked out once per policy."""
    running = running_rules(policy)
    return Active(
        READINGS if policy is None else policy,
        None if policy is None else policy.name,
        None if policy is None else policy.policy_hash,
        tuple(rule.check for rule in running if rule.needs is None),
        tuple(rule.check for rule in running if rule.needs != ABSENT),
        tuple(rule.check for rule in running if not rule.reads_order),
    )
