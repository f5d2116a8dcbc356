"""The memory that reading needs, with its retention.

The caller sets the time with ``advance``; times inside messages never decide what is
forgotten, so no message can empty the memory. Maps are kept in the order of last use,
so forgetting costs only as much as is forgotten.
"""

from collections.abc import Hashable
from typing import Generic, TypeVar

import msgspec

RETRY_SPAN_MS = 125 * 60_000
"""The platform's last automatic retry comes this long after the first try, ms."""


class Horizon(msgspec.Struct, frozen=True):
    """How long entries are kept after they were last touched, ms.

    Raises ``ValueError`` when shorter than the platform's retries (125 minutes).
    """

    messages_ms: int = 24 * 3_600_000
    """For event ids and contents, which recognise a copy in any order."""
    entities_ms: int = 14 * 24 * 3_600_000
    """For status and business time per order and refund: they recognise copies and late
    messages long after the message itself is forgotten."""

    def __post_init__(self) -> None:
        """Refuse horizons shorter than the retry span."""
        if min(self.messages_ms, self.entities_ms) < RETRY_SPAN_MS:
            raise ValueError(f"a horizon must be at least {RETRY_SPAN_MS} ms")


class Known(msgspec.Struct, frozen=True, kw_only=True):
    """The stored state of one order or refund."""

    at_ms: int | None = None
    """Business time of the newest message in the state."""
    mark: int | str | None = None
    """Status of that message, or its tag where the tag has none."""
    status: int | None = None
    """Newest status in the state."""
    order_id: int | None = None
    """For a refund: its order."""
    buyer_id: str | None = None
    placed: tuple[str, ...] = ()
    """For an order: the owners from which the partitions of its rows on
    ``refund.orders`` were derived: its buyer, or the order id while no buyer was known.
    Several only during a move."""
    customised_type: int | None = None
    total_changed_at_ms: int | None = None
    marked: bool = False
    """True = an order message went to a person, so the order's refunds do too."""


NOTHING = Known()


_Key = TypeVar("_Key", bound=Hashable)
_Value = TypeVar("_Value")


class Recent(Generic[_Key, _Value]):
    """A map that drops entries not touched for longer than its span."""

    def __init__(self, span_ms: int) -> None:
        self._span_ms = span_ms
        self._now_ms: int | None = None
        self._entries: dict[_Key, tuple[int, _Value]] = {}

    def __len__(self) -> int:
        return len(self._entries)

    def __contains__(self, key: _Key) -> bool:
        return key in self._entries

    def get(self, key: _Key, default: _Value) -> _Value:
        """Return the value of a key; reading does not count as a touch."""
        entry = self._entries.get(key)
        return default if entry is None else entry[1]

    def put(self, key: _Key, value: _Value) -> None:
        """Store a value and touch its key."""
        self._entries.pop(key, None)
        self._entries[key] = (self._now_ms or 0, value)

    def advance(self, at_ms: int) -> None:
        """Drop entries last touched before ``at_ms`` minus the span; time never goes back."""
        if self._now_ms is None:  # entries before the first time count as old as that
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
