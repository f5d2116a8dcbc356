"""Rules as rows: what a rule checks, and how its condition is told to people.

A rule is a function of a case and a policy that returns reasons, none when its condition
holds. Its row says the rest, so adding a rule is one function and one row.
"""

from collections.abc import Callable
from typing import Generic, TypeAlias, TypeVar

import msgspec

from streams.processing.policies.policy import AnyPolicy, P
from streams.processing.reasons import Reason, Reasons, State, Words
from streams.processing.words import Language, duration, value_words

C = TypeVar("C")
"""What a family's rules judge: a case."""

Check: TypeAlias = Callable[[C, P], Reasons]


class Bound(msgspec.Struct, Generic[C], frozen=True):
    """What a value is held against, with the words that say how."""

    zh: str
    """``{}`` stands for the value of each key."""
    en: str
    keys: tuple[str, ...] = ()
    """Keys of the policy."""
    fact: str = ""
    """Name of what ``read`` returns; it ends in the unit."""
    read: Callable[[C], object] | None = None
    """In place of policy keys: another fact of the case."""
    fixed: object = None
    """In place of either: a value that never changes."""

    def value(self, case: C, policy: AnyPolicy | None) -> object:
        """Return the bound; None when it is off, or its policy is not there."""
        if self.read is not None:
            return self.read(case)
        if not self.keys:
            return self.fixed
        if policy is None:
            return None
        values = tuple(getattr(policy, key) for key in self.keys)
        return values if len(values) > 1 else values[0]

    def words(
        self, case: C, policy: AnyPolicy | None, language: Language
    ) -> str | None:
        """Return the bound in words; None when there is nothing to add."""
        value = self.value(case, policy)
        if value is None or isinstance(value, bool):  # the condition's words say it
            return None
        names = self.keys or (self.fact,)
        values = value if len(names) > 1 and isinstance(value, tuple) else (value,)
        said = (
            _said(name, one, language) for name, one in zip(names, values, strict=True)
        )
        return (self.zh if language == "zh" else self.en).format(*said)


def _said(name: str, value: object, language: Language) -> str:
    """Put one value of a bound into words: ms are lengths of time here."""
    if value is None:
        return "…"
    if name.endswith("_ms") and type(value) is int:
        return duration(value, language)
    return value_words(name, value, language)


class Fact(msgspec.Struct, Generic[C], frozen=True):
    """What a rule reads of a case; the functions must not fail on odd values."""

    name: str
    """It ends in the unit: ``_fen``, ``_ms`` for a moment."""
    value: Callable[[C], object] | None = None
    """None = there is nothing to show."""
    age_ms: Callable[[C], object] | None = None
    max_age: str | None = None
    """The policy key of the longest age, ms."""


class Rule(msgspec.Struct, Generic[C, P], frozen=True, kw_only=True):
    """One rule, and how it is told."""

    check: Callable[[C, P], Reasons]
    clause: str
    """The clause that people are told, :data:`~streams.processing.reasons.OURS` without."""
    title: Words
    """What holds when the condition holds."""
    fact: Fact[C]
    """What it reads."""
    codes: Reasons
    """Reasons that are told in this row when the rule is not run again, as for a record
    whose policy is not at hand. Every reason stands in one row at most."""
    bound: Bound[C] | None = None
    judged: Callable[[C], bool] | None = None
    """Whether there was anything to judge; None = always."""
    state: Callable[[Reason, C], State] | None = None
    """What a reason says here, when that depends on the case; None = as its row says."""

    @property
    def name(self) -> str:
        """Name of the function."""
        return self.check.__name__

    @property
    def needs_policy(self) -> bool:
        """Whether part of the rule cannot run without a policy (E-16)."""
        return self.fact.max_age is not None or (
            self.bound is not None and bool(self.bound.keys)
        )

    @property
    def policy_keys(self) -> tuple[str, ...]:
        """Keys of the policy that it is bounded by."""
        own = () if self.bound is None else self.bound.keys
        most = self.fact.max_age
        return own if most is None else (*own, most)
