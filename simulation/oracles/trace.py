"""A digest of everything that a cluster saw: equal for equal universes."""

from collections.abc import Callable, Mapping
from hashlib import blake2b

from typing_extensions import override

from testkit.simulated.observer import NoObserver


class TraceHash(NoObserver):
    """Hashes events as they happen; nothing in it depends on ids or on string hashing.

    Parameters
    ----------
    clock
        Virtual time, seconds; ``asyncio.get_running_loop().time``.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._hash = blake2b(digest_size=16)
        self.events = 0

    def _take(self, text: str) -> None:
        self.events += 1
        self._hash.update(f"{self._clock()!r} {text}\n".encode())

    def hexdigest(self) -> str:
        """Return the digest of what has happened so far."""
        return self._hash.hexdigest()

    @override
    def requested(self, node: int, api_key: int, version: int, client: str) -> None:
        self._take(f"requested {node} {api_key} {version} {client}")

    @override
    def appended(self, topic: str, partition: int, base_offset: int, end: int) -> None:
        self._take(f"appended {topic} {partition} {base_offset} {end}")

    @override
    def marked(self, topic: str, partition: int, offset: int, *, commit: bool) -> None:
        self._take(f"marked {topic} {partition} {offset} {commit}")

    @override
    def truncated(self, topic: str, partition: int, end: int) -> None:
        self._take(f"truncated {topic} {partition} {end}")

    @override
    def created(self, topic: str) -> None:
        self._take(f"created {topic}")

    @override
    def deleted(self, topic: str) -> None:
        self._take(f"deleted {topic}")

    @override
    def led(self, topic: str, partition: int, node: int | None, epoch: int) -> None:
        self._take(f"led {topic} {partition} {node} {epoch}")

    @override
    def committed(
        self, group: str, topic: str, partition: int, offset: int, metadata: str
    ) -> None:
        self._take(f"committed {group} {topic} {partition} {offset} {metadata}")

    @override
    def generation(self, group: str, number: int, members: Mapping[str, str]) -> None:
        told = " ".join(f"{member}={client}" for member, client in members.items())
        self._take(f"generation {group} {number} {told}")

    @override
    def note(self, who: str, what: str) -> None:
        self._take(f"note {who} {what}")
