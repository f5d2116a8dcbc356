"""What a simulated cluster tells whoever watches it."""

from collections.abc import Mapping
from typing import Protocol


class Observer(Protocol):
    """Is told at once; every method returns without waiting."""

    def requested(self, node: int, api_key: int, version: int, client: str) -> None:
        """Note that a node has received a request."""

    def appended(self, topic: str, partition: int, base_offset: int, end: int) -> None:
        """Note that a leader has appended a batch of records: offsets base to end - 1."""

    def marked(self, topic: str, partition: int, offset: int, *, commit: bool) -> None:
        """Note that a transaction has ended in a partition."""

    def truncated(self, topic: str, partition: int, end: int) -> None:
        """Note that a log has lost its records from an offset on."""

    def created(self, topic: str) -> None:
        """Note a new topic."""

    def deleted(self, topic: str) -> None:
        """Note that a topic is gone."""

    def led(self, topic: str, partition: int, node: int | None, epoch: int) -> None:
        """Note a new leader; None = there is none."""

    def committed(
        self, group: str, topic: str, partition: int, offset: int, metadata: str
    ) -> None:
        """Note an offset that a group has committed."""

    def generation(self, group: str, number: int, members: Mapping[str, str]) -> None:
        """Note a new generation of a group: member id -> client id, with the leader first."""

    def note(self, who: str, what: str) -> None:
        """Note what else a reader of the timeline should see."""


class NoObserver:
    """Watches nothing."""

    def requested(self, node: int, api_key: int, version: int, client: str) -> None:
        """Do nothing."""

    def appended(self, topic: str, partition: int, base_offset: int, end: int) -> None:
        """Do nothing."""

    def marked(self, topic: str, partition: int, offset: int, *, commit: bool) -> None:
        """Do nothing."""

    def truncated(self, topic: str, partition: int, end: int) -> None:
        """Do nothing."""

    def created(self, topic: str) -> None:
        """Do nothing."""

    def deleted(self, topic: str) -> None:
        """Do nothing."""

    def led(self, topic: str, partition: int, node: int | None, epoch: int) -> None:
        """Do nothing."""

    def committed(
        self, group: str, topic: str, partition: int, offset: int, metadata: str
    ) -> None:
        """Do nothing."""

    def generation(self, group: str, number: int, members: Mapping[str, str]) -> None:
        """Do nothing."""

    def note(self, who: str, what: str) -> None:
        """Do nothing."""
