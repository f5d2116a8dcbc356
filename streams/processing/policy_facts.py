"""The shared facts of a family whose only shared facts are its policies."""

from collections.abc import Mapping
from typing import Final, Generic

from streams.processing.applied import NOTHING, Result
from streams.processing.news import NewsQueue
from streams.processing.policies import Policies, PolicyBook, PolicyType
from streams.processing.policies.policy import P
from streams.processing.watermarks import Watermarks
from streams.records.record import Record

_WAIT_MS: Final = 30_000
"""How long input waits for a first policy at start, ms (rules, section 2)."""


class PolicyFacts(Generic[P]):
    """Policies only (:class:`streams.processing.family.SharedFacts`)."""

    def __init__(self, kind: PolicyType[P], policies: Policies[P]) -> None:
        self.book = PolicyBook(kind, policies)
        self.policy_wait_ms = _WAIT_MS

    @property
    def policies(self) -> Policies[P]:
        """The policy versions in use."""
        return self.book.policies

    @property
    def news(self) -> NewsQueue:
        """Lines that are not logged yet."""
        return self.book.news

    def apply(self, topic: str, partition: int, record: Record) -> Result:  # noqa: ARG002 - one topic
        """Apply a record of the topic of policies."""
        return self.book.apply(record.key, record.value, record.timestamp) or NOTHING

    def marks(self, topic: str, partition: int) -> Watermarks | None:  # noqa: ARG002 - none
        """Return None: policies have no watermarks."""
        return None

    def policies_cut(self) -> None:
        """Record that the head of the topic of policies was deleted."""
        self.book.head_deleted()

    def policies_named(
        self, named: Mapping[tuple[str, str | None], tuple[str, int]], now_ms: int
    ) -> None:
        """Compare these policies with those that decisions name."""
        self.book.heard(named, now_ms)

    def has_policy(self) -> bool:
        """Whether there is any policy, in force or not."""
        return bool(self.policies)

    def rows(self) -> Mapping[str, int]:
        """Return the number of policies."""
        return {"policies": len(self.policies)}
