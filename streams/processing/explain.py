"""Explain decisions of any family from their record, the reason catalogue and the rule rows.

No explanation is stored. A family with only a reason catalogue and rule rows uses
:class:`~streams.processing.record_explainer.RecordExplainer`; one that can judge its
records again explains more.
"""

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any, Generic, Protocol, TypeAlias, TypeVar

import msgspec

from streams.processing.conditions import (
    Condition,
)
from streams.processing.reasons import (
    NOT_KNOWN,
    UNKNOWN,
    ReasonCatalog,
    Words,
)
from streams.processing.words import NO_LABELS, Language

Line: TypeAlias = tuple[str, str]
"""A label and a text, both in the requested language."""


class Decided(Protocol):
    """The fields that every decision record has."""

    @property
    def decision_id(self) -> str:
        """``FR:refund_id:version``: the family comes first."""
        ...

    @property
    def disposition(self) -> str:
        """``decided``, or why there is no outcome."""
        ...

    @property
    def outcome(self) -> str | None:
        """The outcome; None = nothing was decided."""
        ...

    @property
    def reason_codes(self) -> tuple[str, ...]:
        """Codes of the catalogue, in display order."""
        ...

    @property
    def policy(self) -> str | None:
        """Name of the policy, as ``FR@7``; None = no policy was in force."""
        ...

    @property
    def policy_hash(self) -> str | msgspec.UnsetType | None:
        """Hash of the policy; unset where records have none."""
        ...

    @property
    def decided_at_ms(self) -> int:
        """UTC ms."""
        ...


class Explained(Protocol):
    """An explained decision: the parts that all families have."""

    @property
    def reasons(self) -> "tuple[ToldReason, ...]":
        """One for each listed reason code."""
        ...

    @property
    def conditions(self) -> tuple[Condition, ...]:
        """Failed conditions first, then unknown and stale ones; those that hold come last."""
        ...

    @property
    def policy_at_hand(self) -> bool:
        """False = conditions are shown as recorded, without the policy's bounds."""
        ...


class ToldReason(msgspec.Struct, frozen=True):
    """One listed reason code: what it means and what to do about it."""

    code: str
    clause: str | None
    """None = a code that a newer version wrote."""
    zh: str
    en: str
    reviewer_zh: str
    reviewer_en: str
    operator_zh: str | None
    """None = the operator has nothing to do."""
    operator_en: str | None


def told_reason(code: str, catalog: ReasonCatalog, wording: Words | None) -> ToldReason:
    """Explain one listed reason code.

    Parameters
    ----------
    wording
        Used instead of the catalogue's wording.
    """
    row = catalog.get(code)
    if row is None:
        zh, en = UNKNOWN
        unknown = zh.format(code=code), en.format(code=code)
        return ToldReason(code, None, *unknown, *NOT_KNOWN, None, None)
    operator = row.operator or (None, None)
    words = wording or (row.zh, row.en)
    return ToldReason(code, row.clause, *words, *row.reviewer, *operator)


D = TypeVar("D", bound=Decided)
E = TypeVar("E", bound=Explained)


class Explainer(Generic[D, E]):
    """Reads and explains the decisions of one family."""

    verdicts: Mapping[str, Words] = MappingProxyType({})
    """Outcome or disposition -> its name in words."""
    labels: Mapping[str, str] = NO_LABELS
    """Names of fact parts in Chinese."""

    def read(self, value: bytes) -> D:
        """Decode a decision record.

        Raises
        ------
        msgspec.DecodeError, UnicodeDecodeError, RecursionError
            The value is no decision record.
        """
        raise NotImplementedError

    def explain(self, decision: D, policy: Any) -> E:  # noqa: ANN401 - the family's own
        """Explain a decision.

        Parameters
        ----------
        policy
            Exactly the policy that the decision names; None when it names none or that
            policy is not available.
        """
        raise NotImplementedError

    def version(self, _decision: D) -> int:
        """Return the version by which the newest of several decisions on one key is found."""
        return 0

    def about(self, _decision: D, _language: Language) -> Iterator[Line]:
        """Yield lines on the subject of the decision."""
        return iter(())

    def remarks(self, _decision: D, _language: Language) -> Iterator[Line]:
        """Yield further remarks on the record."""
        return iter(())

    def told(self, _found: E, _language: Language) -> Iterator[Line]:
        """Yield the texts that buyer and merchant are shown."""
        return iter(())
