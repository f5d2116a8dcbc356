"""Rules as rows: the function that checks, and the texts that explain its condition.

A rule is a function of a case and a policy that returns reasons: none when its
condition holds. Its row holds everything else, so adding a rule is one function and one
row.
"""

from collections.abc import Callable
from typing import Generic, TypeAlias, TypeVar

import msgspec

from streams.processing.policies.policy import AnyPolicy, P
from streams.processing.reasons import Reason, Reasons, State, Words
from streams.processing.words import Language, duration, value_words

C = TypeVar("C")
"""A case, as a family's rules judge it."""

Check: TypeAlias = Callable[[C, P], Reasons]


class Bound(msgspec.Struct, Generic[C], frozen=True):
    """The bound that a value is compared with, and its wording."""

    zh: str
    """``{}`` stands for the value of each key."""
    en: str
    keys: tuple[str, ...] = ()
    """Policy keys that hold the bound."""
    fact: str = ""
    """Name of the value that ``read`` returns; it ends in the unit."""
    read: Callable[[C], object] | None = None
    """Instead of policy keys: reads another fact of the case."""
    fixed: object = None
    """Instead of both: a constant."""

    def value(self, case: C, policy: AnyPolicy | None) -> object:
        """Return the bound; None when it is off or there is no policy."""
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
        """Return the bound in words; None = nothing to add."""
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
    """Return one value of a bound in words; ``_ms`` is a duration here."""
    if value is None:
        return "…"
    if name.endswith("_ms") and type(value) is int:
        return duration(value, language)
    return value_words(name, value, language)


class Fact(msgspec.Struct, Generic[C], frozen=True):
    """The fact that a rule reads from a case; its functions must accept any value."""

    name: str
    """Ends in the unit: ``_fen``, ``_ms`` for a moment."""
    value: Callable[[C], object] | None = None
    """None = there is no value to show."""
    age_ms: Callable[[C], object] | None = None
    max_age: str | None = None
    """Policy key of the age limit, ms."""


class Rule(msgspec.Struct, Generic[C, P], frozen=True, kw_only=True):
    """One rule and its texts."""

    check: Callable[[C, P], Reasons]
    clause: str
    """The clause shown to people, or :data:`~streams.processing.reasons.OURS`."""
    title: Words
    """The condition in words."""
    fact: Fact[C]
    """The fact that it reads."""
    codes: Reasons
    """Reasons shown under this rule when it is not run again, as for a record whose
    policy is not available. A reason is listed in one row at most."""
    bound: Bound[C] | None = None
    judged: Callable[[C], bool] | None = None
    """Whether the rule applies to a case; None = always."""
    state: Callable[[Reason, C], State] | None = None
    """The state of a reason, where it depends on the case; None = that of its row."""

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
        """Policy keys that hold its bounds and age limit."""
        own = () if self.bound is None else self.bound.keys
        most = self.fact.max_age
        return own if most is None else (*own, most)
