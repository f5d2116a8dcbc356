"""Decisions of any family in words, from their record, the reasons and the rule rows.

Nothing of this is stored. A family that has only a catalogue and rule rows takes
:class:`~streams.processing.record_explainer.RecordExplainer`; one that can judge its
records again says more.
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
"""A label and a text, both in the language asked for."""


class Decided(Protocol):
    """What every decision record says."""

    @property
    def decision_id(self) -> str:
        """``FR:refund_id:version``: the family comes first."""
        ...

    @property
    def disposition(self) -> str:
        """What became of the record: ``decided``, ..."""
        ...

    @property
    def outcome(self) -> str | None:
        """What was decided; None where nothing was."""
        ...

    @property
    def reason_codes(self) -> tuple[str, ...]:
        """Codes of the catalogue, in display order."""
        ...

    @property
    def policy(self) -> str | None:
        """``FR@7``; None = none was in force."""
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
    """A decision in words, as far as all families have it."""

    @property
    def reasons(self) -> "tuple[ToldReason, ...]":
        """One a listed code."""
        ...

    @property
    def conditions(self) -> tuple[Condition, ...]:
        """What fails first, then what is unknown or stale, what holds last."""
        ...

    @property
    def policy_at_hand(self) -> bool:
        """False = conditions are told as recorded, without the policy's bounds."""
        ...


class ToldReason(msgspec.Struct, frozen=True):
    """One listed code: what it means, and what to do about it."""

    code: str
    clause: str | None
    """None = a newer version's code."""
    zh: str
    en: str
    reviewer_zh: str
    reviewer_en: str
    operator_zh: str | None
    """None = nothing is out of order."""
    operator_en: str | None


def told_reason(code: str, catalog: ReasonCatalog, wording: Words | None) -> ToldReason:
    """Put a listed code into words.

    Parameters
    ----------
    wording
        In place of that of the catalogue.
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
    """How decisions of one family are read and put into words."""

    verdicts: Mapping[str, Words] = MappingProxyType({})
    """Outcome or disposition -> what people call it."""
    labels: Mapping[str, str] = NO_LABELS
    """Parts of facts in Chinese."""

    def read(self, value: bytes) -> D:
        """Decode a decision record.

        Raises
        ------
        msgspec.DecodeError, UnicodeDecodeError, RecursionError
            It is none.
        """
        raise NotImplementedError

    def explain(self, decision: D, policy: Any) -> E:  # noqa: ANN401 - the family's own
        """Put a decision into words.

        Parameters
        ----------
        policy
            The very policy that the decision names; None when it names none, or when
            that one is not at hand.
        """
        raise NotImplementedError

    def version(self, _decision: D) -> int:
        """Return what tells the newest of several decisions on one thing."""
        return 0

    def about(self, _decision: D, _language: Language) -> Iterator[Line]:
        """Yield what was decided on."""
        return iter(())

    def remarks(self, _decision: D, _language: Language) -> Iterator[Line]:
        """Yield what else must be known of the record."""
        return iter(())

    def told(self, _found: E, _language: Language) -> Iterator[Line]:
        """Yield what other people are told."""
        return iter(())
