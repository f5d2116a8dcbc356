"""What reading needs to remember, and for how long.

The caller says how late it is with ``advance``; the times inside messages never
decide what is forgotten, so no message can empty the memory. Maps are kept in
the order of last use: forgetting costs as much as what is forgotten.
"""

from collections.abc import Hashable
from typing import Generic, TypeVar

import msgspec

RETRY_SPAN_MS = 125 * 60_000
"""The platform's last automatic retry comes this long after the first try."""


class Horizon(msgspec.Struct, frozen=True):
    """How long things are remembered after they were last touched, in ms.

    Raises ``ValueError`` when shorter than the platform's retries (125 minutes).
    """

    messages_ms: int = 24 * 3_600_000
    """Event ids and contents, which recognise a copy whatever its order."""
    entities_ms: int = 14 * 24 * 3_600_000
    """Status and business time per order and refund: they recognise copies and late
    messages long after the message itself was forgotten."""

    def __post_init__(self) -> None:
        """Refuse horizons below the retry span."""
        if min(self.messages_ms, self.entities_ms) < RETRY_SPAN_MS:
            raise ValueError(f"a horizon must be at least {RETRY_SPAN_MS} ms")


class Known(msgspec.Struct, frozen=True, kw_only=True):
    """What is stored of one order or refund."""

    at_ms: int | None = None
    """Business time of the newest message in state."""
    mark: int | str | None = None
    """Status of that message, or its tag where the tag has none."""
    status: int | None = None
    """Newest status in state."""
    order_id: int | None = None
    """Of a refund: the order it belongs to."""
    buyer_id: str | None = None
    placed: tuple[str, ...] = ()
    """Of an order: what the partitions of its rows on ``refund.orders`` were derived
    from: its buyer, or the order id while no buyer was known. Several only while it moves."""
    customised_type: int | None = None
    total_changed_at_ms: int | None = None
    marked: bool = False
    """An order message went to a person, so the order's refunds do too."""


NOTHING = Known()


_Key = TypeVar("_Key", bound=Hashable)
_Value = TypeVar("_Value")


class Recent(Generic[_Key, _Value]):
    """A map that forgets entries not touched for longer than its span."""

    def __init__(self, span_ms: int) -> None:
        self._span_ms = span_ms
        self._now_ms: int | None = None
        self._entries: dict[_Key, tuple[int, _Value]] = {}

    def __len__(self) -> int:
        return len(self._entries)

    def __contains__(self, key: _Key) -> bool:
        return key in self._entries

    def get(self, key: _Key, default: _Value) -> _Value:
        """Return what is stored under a key; asking does not count as a touch."""
        entry = self._entries.get(key)
        return default if entry is None else entry[1]

    def put(self, key: _Key, value: _Value) -> None:
        """Store a value and touch its key."""
        self._entries.pop(key, None)
        self._entries[key] = (self._now_ms or 0, value)

    def advance(self, at_ms: int) -> None:
        """Forget what was last touched before ``at_ms`` less the span; never goes back."""
        if (
            self._now_ms is None
        ):  # what came before the first word of the time is as old as it
            self._entries = {
                key: (at_ms, value) for key, (_, value) in self._entries.items()
            }
        self._now_ms = max(at_ms, self._now_ms or at_ms)
        oldest_ms = self._now_ms - self._span_ms
        while self._entries:
            key = next(iter(self._entries))
            if self._entries[key][0] >= oldest_ms:
                return
            del self._entries[key]
