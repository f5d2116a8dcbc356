"""The conditions of a decision: value, bound, age and result of each."""

from collections.abc import Callable, Iterable, Sequence
from typing import Final, Generic, TypeAlias

import msgspec

from streams.processing.policies.policy import AnyPolicy, P
from streams.processing.reasons import Reason, ReasonCatalog, Reasons, Words
from streams.processing.rules import C, Rule

FAILS: Final = "fails"
UNKNOWN: Final = "unknown"
STALE: Final = "stale"
NOT_EVALUATED: Final = "not_evaluated"
HOLDS: Final = "holds"

STATES: Final = (FAILS, UNKNOWN, STALE, NOT_EVALUATED, HOLDS)
"""Order in which conditions are shown: those that decided the case come first."""

_AGE_LIMIT_MS: Final = 10**4_300
"""Python prints no integer with more digits."""

Wording: TypeAlias = Callable[[Reason], Words]
"""Gives the reviewers' wording of a reason in both languages."""


class Condition(msgspec.Struct, frozen=True):
    """One condition of a decision, in words."""

    name: str
    """Name of the rule's function."""
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
    """The condition, and why it does not hold."""
    en: str
    title_zh: str
    """The condition, in words."""
    title_en: str
    bound_zh: str | None
    """The bound in words; None when there is none or its policy is not available."""
    bound_en: str | None


class Judged(msgspec.Struct, Generic[C, P], frozen=True):
    """A rule and the reasons that it returned for a case."""

    rule: Rule[C, P]
    found: Reasons
    skipped: bool = False
    """The rule was not run, because the fact that it reads is missing."""


class Describer(Generic[C]):
    """Describes in words what the rules found in one case.

    Parameters
    ----------
    policy
        Exactly the policy that the decision names; None when it names none or that
        policy is not available.
    had_policy
        Whether the case was judged under a policy, even if that policy is not available
        now.
    """

    def __init__(
        self,
        catalog: ReasonCatalog,
        wording: Wording,
        case: C,
        policy: AnyPolicy | None,
        *,
        had_policy: bool,
    ) -> None:
        self._catalog = catalog
        self._wording = wording
        self._case = case
        self._policy = policy
        self._had_policy = had_policy

    def condition(self, one: Judged[C, P]) -> Condition:
        """Return one condition."""
        rule, case, policy = one.rule, self._case, self._policy
        listed = self._catalog.in_order(one.found)
        why = [self._wording(self._catalog[code]) for code in listed]
        unread = one.skipped
        fact, bound, (zh, en) = rule.fact, rule.bound, rule.title
        age_ms = None if fact.age_ms is None or unread else fact.age_ms(case)
        return Condition(
            rule.name,
            rule.clause,
            fact.name,
            None if unread or fact.value is None else fact.value(case),
            None if bound is None else bound.value(case, policy),
            age_ms if isinstance(age_ms, int) and age_ms < _AGE_LIMIT_MS else None,
            _max_age_ms(fact.max_age, policy),
            self._state(one),
            listed,
            _with_why(zh, [one for one, _ in why], "：", "；"),
            _with_why(en, [one for _, one in why], ": ", "; "),
            zh,
            en,
            None if bound is None else bound.words(case, policy, "zh"),
            None if bound is None else bound.words(case, policy, "en"),
        )

    def _state(self, one: Judged[C, P]) -> str:
        """Return one state for all reasons: fails outweighs unknown, unknown outweighs stale."""
        rule, case = one.rule, self._case
        if one.found:
            states = {
                reason.state if rule.state is None else rule.state(reason, case)
                for reason in one.found
            }
            return min(states, key=STATES.index)
        no_policy = rule.needs_policy and not self._had_policy
        nothing = rule.judged is not None and not rule.judged(case)
        return NOT_EVALUATED if one.skipped or nothing or no_policy else HOLDS


def worst_first(told: Iterable[Condition]) -> tuple[Condition, ...]:
    """Sort conditions: those that fail first, then unknown, ..., those that hold last."""
    return tuple(sorted(told, key=lambda one: STATES.index(one.state)))


def as_recorded(
    rules: Iterable[Rule[C, P]], reason_codes: Sequence[str]
) -> tuple[Judged[C, P], ...]:
    """Return the findings from the record alone: each listed code under its rule."""
    return tuple(
        Judged(rule, tuple(one for one in rule.codes if one.code in reason_codes))
        for rule in rules
    )


def _with_why(title: str, why: Sequence[str], before: str, between: str) -> str:
    return title + before + between.join(why) if why else title


def _max_age_ms(key: str | None, policy: AnyPolicy | None) -> int | None:
    if key is None or policy is None:
        return None
    value: int = getattr(policy, key)
    return value
