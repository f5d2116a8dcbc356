"""The seam between machinery and rule families."""

from typing import Protocol

from streams.processing.topics import FamilyTopics


class Family(Protocol):
    """One rule family: what it reads and writes, and how it judges."""

    @property
    def code(self) -> str:
        """Return the code in decision ids, policy keys, metric labels and group names."""
        ...

    @property
    def topics(self) -> FamilyTopics:
        """Return the rows of the registry that it reads and writes."""
        ...
