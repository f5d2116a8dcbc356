"""Decode the input and outputs of a family that decides each key once."""

from collections.abc import Iterable, Sequence
from typing import Any, Generic, TypeVar

import msgspec

from streams.processing.record_explainer import AnyDecision
from streams.records.json_values import Unreadable
from streams.records.record import Record

C = TypeVar("C")
"""The facts of a case: what rules judge, read of one record."""


class Case(msgspec.Struct, Generic[C], frozen=True):
    """One record that can be judged."""

    key: str
    """Each key is decided once."""
    at_ms: int
    """Event time of the record, UTC ms; it also selects the policy."""
    facts: C


class Restored(msgspec.Struct, frozen=True, gc=False):
    """A decision that was read back (:class:`streams.processing.family.RestoredDecision`)."""

    decision: AnyDecision
    value: bytes
    rank: int = 0

    @property
    def decision_id(self) -> str:
        """Return the id of the decision."""
        return self.decision.decision_id

    @property
    def decided_at_ms(self) -> int:
        """Return when the decision was made, UTC ms."""
        return self.decision.decided_at_ms

    @property
    def policy(self) -> tuple[str, str | None] | None:
        """Return name and hash of the policy of the decision."""
        name, hashed = self.decision.policy, self.decision.policy_hash
        if name is None:
            return None
        return name, hashed if isinstance(hashed, str) else None

    def mark(self, key: bytes | None) -> int:
        """Return the mark of the input record that the decision answers."""
        return mark_of_key(key, self.decision.decision_id.partition(":")[2])


def mark_of_key(key: bytes | None, decided: str) -> int:
    """Mark the record that a decision on a key answers; comparable within one process."""
    return hash((key, decided))


class ReadSlice(Generic[C]):
    """A slice that was read (:class:`streams.processing.slice_result.Unjudged`)."""

    def __init__(
        self,
        records: Sequence[Record],
        cases: Sequence[Case[C] | Unreadable | None],
    ) -> None:
        self.records = records
        self.cases = cases
        """None = the record already has an answer."""
        self.done = 0

    @property
    def finished(self) -> bool:
        """Whether every record is judged."""
        return self.done == len(self.records)


class NoLookups:
    """A look-up for families without facts (:class:`streams.processing.family.Lookups`)."""

    def wanted(
        self, missing: object, partitions: Sequence[int], at_ms: int
    ) -> Sequence[tuple[str, int]]:
        """Return no partition."""
        del missing, partitions, at_ms
        return ()

    def looked(
        self, missing: object, topics: frozenset[str], states: Iterable[Any], at_ms: int
    ) -> None:
        """Do nothing."""
