"""The conditions of a decision: run its rules again, or show what the record says.

If the policy is available, the rules run again, one by one, by the same functions that
made the decision. Without it nothing is guessed: the conditions are shown as recorded.
"""

import msgspec

from streams.families.fast_refund import reasons
from streams.families.fast_refund.decide import DECIDED, asked
from streams.families.fast_refund.model import Decision
from streams.families.fast_refund.policy import Policy
from streams.families.fast_refund.rules import RULES, active_rules
from streams.families.fast_refund.rules.case import Case, Codes, case_of
from streams.families.fast_refund.rules.rule import Rule
from streams.processing.conditions import (
    HOLDS,
    NOT_EVALUATED,
    Condition,
    Describer,
    Judged,
    Wording,
    worst_first,
)
from streams.processing.reasons import Reason, Words


def conditions(decision: Decision, policy: Policy | None) -> tuple[Condition, ...]:
    """Return the conditions of a decision, without options that are off.

    Parameters
    ----------
    decision
        Without ``seen`` there are no conditions.
    policy
        The policy that the decision names; None when it names none or that policy is
        not available.
    """
    seen = decision.seen
    if seen is None:
        return ()
    case = case_of(asked(decision, seen), seen, policy, decision.decided_at_ms)
    recorded = decision.policy is not None and policy is None
    found = _recorded(decision, case) if recorded else _judged(decision, case, policy)
    describer = Describer(
        reasons.REASONS,
        worded_by(policy),
        case,
        policy,
        had_policy=decision.policy is not None or policy is not None,
    )
    told = [
        describer.condition(Judged(rule, codes, _skipped(rule, case)))
        for rule, codes in found
    ]
    if recorded and decision.disposition != DECIDED:
        told = [_hidden(one) for one in told]
    return worst_first(told)


def worded_by(policy: Policy | None) -> Wording:
    """Return the wording of reasons under a policy: the texts contain its limit."""
    limit_fen = None if policy is None else policy.paid_limit_fen

    def worded(reason: Reason) -> Words:
        code = reason.code
        return (
            reasons.reviewer_text(code, limit_fen),
            reasons.reviewer_text_en(code, limit_fen),
        )

    return worded


_Found = list[tuple[Rule, Codes]]


def _judged(decision: Decision, case: Case, policy: Policy | None) -> _Found:
    """Run the rules again; a recorded code that no rule returns is shown under its own rule."""
    readings = active_rules(policy).policy
    given = [
        (rule, () if _skipped(rule, case) else rule.check(case, readings))
        for rule in RULES
        if rule.on is None or rule.on(policy)
    ]
    return _with_left_over(given, decision)


def _recorded(decision: Decision, case: Case) -> _Found:
    """Return the findings from the record alone: the missing policy may have other readings.

    The result of the rules without a policy only shows to which rule a code belongs.
    """
    readings = active_rules(None).policy
    listed = set(decision.reason_codes)
    given: _Found = []
    for rule in RULES:
        codes = () if _skipped(rule, case) else rule.check(case, readings)
        kept = tuple(one for one in codes if one.code in listed)
        if rule.on is None or kept:
            given.append((rule, kept))
    return _with_left_over(given, decision)


def _with_left_over(given: _Found, decision: Decision) -> _Found:
    """Add recorded codes that no rule returned to the rule they belong to."""
    told = {one.code for _, codes in given for one in codes}
    left = [code for code in decision.reason_codes if code not in told]
    by_rule = {rule.check: (rule, codes) for rule, codes in given}
    for rule in RULES:
        own = tuple(one for one in rule.codes if one.code in left)
        if own:
            codes = by_rule[rule.check][1] if rule.check in by_rule else ()
            by_rule[rule.check] = (rule, (*codes, *own))
    return [by_rule[rule.check] for rule in RULES if rule.check in by_rule]


def _skipped(rule: Rule, case: Case) -> bool:
    """E-1: rules that read the order are not evaluated without one."""
    return rule.reads_order and case.seen.order_absent


def _hidden(one: Condition) -> Condition:
    """E-17: without outcome the record lists no other code, so this condition is unknown."""
    if one.state != HOLDS:
        return one
    return msgspec.structs.replace(one, state=NOT_EVALUATED)
