"""Tell a timeline what a cluster does."""

from collections.abc import Callable, Mapping

from typing_extensions import override

from testkit.simulated.observer import NoObserver


class Teller(NoObserver):
    """Tells a timeline what a person wants to see of a cluster."""

    def __init__(self, tell: Callable[[str, str], None]) -> None:
        self._tell = tell

    @override
    def appended(self, topic: str, partition: int, base_offset: int, end: int) -> None:
        offsets = (
            f"{base_offset}" if end == base_offset + 1 else f"{base_offset}-{end - 1}"
        )
        self._tell(f"{topic}/{partition}", f"gets {offsets}")

    @override
    def marked(self, topic: str, partition: int, offset: int, *, commit: bool) -> None:
        end = "committed" if commit else "aborted"
        self._tell(f"{topic}/{partition}", f"a transaction is {end} at {offset}")

    @override
    def truncated(self, topic: str, partition: int, end: int) -> None:
        self._tell(f"{topic}/{partition}", f"loses everything from {end} on")

    @override
    def created(self, topic: str) -> None:
        self._tell(topic, "is created")

    @override
    def deleted(self, topic: str) -> None:
        self._tell(topic, "is deleted")

    @override
    def led(self, topic: str, partition: int, node: int | None, epoch: int) -> None:
        who = "nobody" if node is None else f"broker {node}"
        self._tell(f"{topic}/{partition}", f"is led by {who} in epoch {epoch}")

    @override
    def committed(
        self, group: str, topic: str, partition: int, offset: int, metadata: str
    ) -> None:
        self._tell(group, f"commits {topic}/{partition} {offset}")

    @override
    def generation(self, group: str, number: int, members: Mapping[str, str]) -> None:
        who = ", ".join(members.values()) or "nobody"
        self._tell(group, f"generation {number}: {who}")

    @override
    def note(self, who: str, what: str) -> None:
        self._tell(who, what)
