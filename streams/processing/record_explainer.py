"""Explain decisions from their records alone, with a reason catalogue and rule rows."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

import msgspec
from typing_extensions import override

from streams.processing.conditions import (
    Condition,
    Describer,
    as_recorded,
    worst_first,
)
from streams.processing.explain import Explainer, ToldReason, told_reason
from streams.processing.policies.policy import AnyPolicy
from streams.processing.reasons import Reason, ReasonCatalog, Words
from streams.processing.rules import Bound, Fact, Rule


class AnyDecision(msgspec.Struct, frozen=True):
    """A decision record of any family; other fields are ignored."""

    decision_id: str
    disposition: str = "decided"
    outcome: str | None = None
    reason_codes: tuple[str, ...] = ()
    policy: str | None = None
    policy_hash: str | msgspec.UnsetType | None = msgspec.UNSET
    decided_at_ms: int = 0
    seen: dict[str, object] | None = None
    """The judged facts, by name."""


class Explanation(msgspec.Struct, frozen=True):
    """A decision in words, both languages."""

    decision_id: str
    disposition: str
    outcome: str | None
    policy: str | None
    decided_at_ms: int
    conditions: tuple[Condition, ...]
    policy_at_hand: bool
    reasons: tuple[ToldReason, ...]


_READ: Final = msgspec.json.Decoder(AnyDecision)


class RecordExplainer(Explainer[AnyDecision, Explanation]):
    """Explains decisions from their records alone.

    A condition fails when one of its codes is listed. Facts are read from ``seen`` by the
    names in the rule rows.

    Parameters
    ----------
    rules
        In display order; only the codes and texts of their rows are used.
    verdicts
        Outcome or disposition -> its name in words.
    """

    def __init__(
        self,
        catalog: ReasonCatalog,
        rules: Iterable[Rule[Any, Any]],
        verdicts: Mapping[str, Words] | None = None,
    ) -> None:
        self._catalog = catalog
        self._rules = tuple(map(_of_record, rules))
        self.verdicts = verdicts or {}

    @override
    def read(self, value: bytes) -> AnyDecision:
        return _READ.decode(value)

    @override
    def explain(self, decision: AnyDecision, policy: AnyPolicy | None) -> Explanation:
        describer: Describer[Mapping[str, object]] = Describer(
            self._catalog,
            _worded,
            decision.seen or {},
            policy,
            had_policy=decision.policy is not None,
        )
        judged = as_recorded(self._rules, decision.reason_codes)
        return Explanation(
            decision.decision_id,
            decision.disposition,
            decision.outcome,
            decision.policy,
            decision.decided_at_ms,
            worst_first(map(describer.condition, judged))
            if decision.seen is not None
            else (),
            policy is not None or decision.policy is None,
            tuple(
                told_reason(code, self._catalog, None) for code in decision.reason_codes
            ),
        )


def _worded(reason: Reason) -> Words:
    return reason.zh, reason.en


def _of_record(rule: Rule[Any, Any]) -> Rule[Any, Any]:
    """Return a rule that reads its fact from ``seen`` of a record."""
    bound: Bound[Any] | None = rule.bound
    if bound is not None and bound.read is not None:
        bound = msgspec.structs.replace(bound, read=_field(bound.fact))
    return msgspec.structs.replace(
        rule,
        fact=Fact(rule.fact.name, _field(rule.fact.name)),
        bound=bound,
        judged=None,
        state=None,
    )


def _field(name: str) -> Callable[[Mapping[str, object]], object]:
    return lambda seen: seen.get(name)
