"""The rules of the fast refund: one function per condition or veto.

Every rule has the same signature, ``(case, policy) -> codes``, and no rule knows
another. Its row is in the same module and holds the rest: when it runs, its texts, and
how the fast path answers it. :data:`RULES` is the whole list, in the order of the rules
text; :func:`active_rules` leaves out options that are off, so that they cost nothing.
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
    options,
    order,
    prior_refunds,
    purchase,
    request,
    service,
    shop,
)
from streams.families.fast_refund.rules.case import Case, Codes
from streams.families.fast_refund.rules.rule import ABSENT, ASKED, EMPTY, Rule

Check: TypeAlias = Callable[[Case, Policy], Codes]


class Active(msgspec.Struct, frozen=True):
    """The rules of one policy, ready to run."""

    policy: Policy
    """The policy itself, or the default readings when none is in force (E-16)."""
    name: str | None
    """``FR@1``; None when none is in force."""
    policy_hash: str | None
    """Hash of the policy; None when none is in force."""
    usual: tuple[Check, ...]
    """Rules to run when the order is there and no field of :data:`UNUSUAL` was seen."""
    with_order: tuple[Check, ...]
    without_order: tuple[Check, ...]


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
"""Fields of ``seen`` that most requests lack; rules that need them run only when they
are set."""

READINGS: Final = POLICY.defaults
"""The default readings, used when no policy is in force."""


RULES: Final[tuple[Rule, ...]] = (
    *request.RULES,
    *service.RULES,
    *order.RULES,
    *goods.RULES,
    *amount.RULES,
    *buyer.RULES,
    *shop.RULES,
    *prior_refunds.RULES,
    *purchase.RULES,
    *options.RULES,
)
"""Every rule, in the order of the rules text."""


def running_rules(policy: Policy | None) -> list[Rule]:
    """Return the rules that a policy does not switch off."""
    return [rule for rule in RULES if rule.on is None or rule.on(policy)]


def answered_fast(policy: Policy) -> bool:
    """Whether the fast path answers every rule that a policy runs."""
    return all(
        rule.fast == ASKED or (rule.fast == EMPTY and rule.needs is not None)
        for rule in running_rules(policy)
    )


@lru_cache(maxsize=64)
def active_rules(policy: Policy | None) -> Active:
    """Return the rules that a policy runs (E-1, E-16); computed once per policy."""
    running = running_rules(policy)
    return Active(
        READINGS if policy is None else policy,
        None if policy is None else policy.name,
        None if policy is None else policy.policy_hash,
        tuple(rule.check for rule in running if rule.needs is None),
        tuple(rule.check for rule in running if rule.needs != ABSENT),
        tuple(rule.check for rule in running if not rule.reads_order),
    )
