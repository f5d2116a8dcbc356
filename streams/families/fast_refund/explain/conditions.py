"""The conditions of a decision, each with value, bound, age and what came of it.

With the policy at hand the rules run again, one by one, by the same functions that
made the decision. Without it nothing is guessed: what was judged is told as recorded.
"""

from collections.abc import Sequence
from typing import Final

import msgspec

from streams.families.fast_refund import reasons
from streams.families.fast_refund.decide import DECIDED, asked
from streams.families.fast_refund.explain.presentations import (
    KEPT,
    LISTS,
    PRESENTATIONS,
    Presentation,
)
from streams.families.fast_refund.model import UNWRITABLE, Decision
from streams.families.fast_refund.policy import Policy
from streams.families.fast_refund.reasons.service import (
    LISTS_NOT_READY,
)
from streams.families.fast_refund.rules import RULES, Rule, active_rules
from streams.families.fast_refund.rules.case import Case, Codes, case_of
from streams.processing.reasons import Reason

FAILS: Final = "fails"
UNKNOWN: Final = "unknown"
STALE: Final = "stale"
NOT_EVALUATED: Final = "not_evaluated"
HOLDS: Final = "holds"

STATES: Final = (FAILS, UNKNOWN, STALE, NOT_EVALUATED, HOLDS)
"""In the order in which conditions are told: what decided the case comes first."""


class Condition(msgspec.Struct, frozen=True):
    """One condition of a decision, for people."""

    name: str
    """The rule's function."""
    clause: str
    fact: str
    value: object
    bound: object
    age_ms: int | None
    """None = undated, or of more digits than can be written (E-35)."""
    max_age_ms: int | None
    state: str
    """One of :data:`STATES`."""
    reason_codes: tuple[str, ...]
    zh: str
    """What is to hold, and why it does not."""
    en: str
    title_zh: str
    """What is to hold."""
    title_en: str
    bound_zh: str | None
    """The bound in words; None when there is none, or its policy is not at hand."""
    bound_en: str | None


def conditions(decision: Decision, policy: Policy | None) -> tuple[Condition, ...]:
    """Return the conditions of a decision; options that are off are left out.

    Parameters
    ----------
    decision
        Without ``seen`` there is nothing to tell.
    policy
        The policy that the decision names; None when it names none, or when that one
        is not at hand.
    """
    seen = decision.seen
    if seen is None:
        return ()
    case = case_of(asked(decision, seen), seen, policy, decision.decided_at_ms)
    recorded = decision.policy is not None and policy is None
    found = _recorded(decision, case) if recorded else _judged(decision, case, policy)
    if recorded:  # it was judged by a policy, even though that one is not here
        case = msgspec.structs.replace(case, has_policy=True)
    told = [_condition(rule, codes, case, policy) for rule, codes in found]
    if recorded and decision.disposition != DECIDED:
        told = [_hidden(one) for one in told]
    return tuple(sorted(told, key=lambda one: STATES.index(one.state)))


_Found = list[tuple[Rule, Codes]]


def _judged(decision: Decision, case: Case, policy: Policy | None) -> _Found:
    """Run the rules again; a recorded code that none of them gives stands in its row."""
    readings = active_rules(policy).policy
    given = [
        (rule, () if _skipped(rule, case) else rule.check(case, readings))
        for rule in RULES
        if rule.on is None or rule.on(policy)
    ]
    return _with_left_over(given, decision)


def _recorded(decision: Decision, case: Case) -> _Found:
    """Tell by the record alone: a policy that is not at hand may have read otherwise.

    What the rules give without a policy only says which of them a code belongs to.
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
    """Put recorded codes that no rule gave into the row that they belong to."""
    told = {one.code for _, codes in given for one in codes}
    left = [code for code in decision.reason_codes if code not in told]
    by_rule = {rule.check: (rule, codes) for rule, codes in given}
    for rule in RULES:
        own = tuple(
            code for code in PRESENTATIONS[rule.check].codes if code.code in left
        )
        if own:
            codes = by_rule[rule.check][1] if rule.check in by_rule else ()
            by_rule[rule.check] = (rule, (*codes, *own))
    return [by_rule[rule.check] for rule in RULES if rule.check in by_rule]


def _skipped(rule: Rule, case: Case) -> bool:
    """E-1: what reads the order is not evaluated without one."""
    return rule.reads_order and case.seen.order_absent


def _hidden(one: Condition) -> Condition:
    """E-17: the record of a request without outcome lists no other code, so who knows."""
    if one.state != HOLDS:
        return one
    return msgspec.structs.replace(one, state=NOT_EVALUATED)


def _condition(
    rule: Rule, codes: Codes, case: Case, policy: Policy | None
) -> Condition:
    shown, seen = PRESENTATIONS[rule.check], case.seen
    skipped = _skipped(rule, case)
    listed = reasons.REASONS.in_order(codes)
    limit_fen = None if policy is None else policy.paid_limit_fen
    why_zh = [reasons.reviewer_text(code, limit_fen) for code in listed]
    why_en = [reasons.reviewer_text_en(code, limit_fen) for code in listed]
    age_ms = shown.age_ms(case) if shown.age_ms is not None and not skipped else None
    bound = shown.bound
    return Condition(
        rule.check.__name__,
        shown.clause,
        shown.fact,
        None if skipped else shown.value(case),
        None if bound is None else bound.value(seen, policy),
        age_ms if isinstance(age_ms, int) and age_ms < UNWRITABLE else None,
        _max_age_ms(shown, policy),
        _state(shown, codes, case, skipped=skipped),
        listed,
        _with_why(shown.zh, why_zh, "：", "；"),
        _with_why(shown.en, why_en, ": ", "; "),
        shown.zh,
        shown.en,
        None if bound is None else bound.words(seen, policy, "zh"),
        None if bound is None else bound.words(seen, policy, "en"),
    )


def _with_why(title: str, why: Sequence[str], before: str, between: str) -> str:
    return title + before + between.join(why) if why else title


def _state(shown: Presentation, codes: Codes, case: Case, *, skipped: bool) -> str:
    """Sum up a rule's codes: what fails outweighs what is unknown, that what is stale."""
    if codes:
        states = {_state_of(code, shown, case) for code in codes}
        return min(states, key=STATES.index)
    no_policy = shown.needs_policy and not case.has_policy
    if skipped or (shown is KEPT and case.requested_at_ms is None) or no_policy:
        return NOT_EVALUATED
    return HOLDS


def _state_of(reason: Reason, shown: Presentation, case: Case) -> str:
    if reason is LISTS_NOT_READY and shown is LISTS and case.lists_age_ms is not None:
        return STALE
    return reason.state


def _max_age_ms(shown: Presentation, policy: Policy | None) -> int | None:
    if shown.max_age is None or policy is None:
        return None
    value: int = getattr(policy, shown.max_age)
    return value
