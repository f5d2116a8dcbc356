"""What came of applying a fact record."""

from typing import Final, TypeAlias

import msgspec

from streams.records.json_values import Unreadable


class Applied(msgspec.Struct, frozen=True, gc=False):
    """What a record changed: what may call for an output now."""

    key: str | None = None
    """Of the decisions concerned: what a family decides on, as a refund."""
    group: str | None = None
    """Of the decisions concerned: what several of them are about, as an order."""


NOTHING: Final = Applied()
"""Nothing that calls for a look; told apart by identity."""
PARTITION: Final = Applied()
"""Something about the partition itself; told apart by identity."""


class Misrouted(msgspec.Struct, frozen=True, gc=False):
    """A record was found in another partition than it belongs to."""

    expected: int
    """The partition where it belongs."""
    applied: Applied = NOTHING
    """What it changed all the same."""


Result: TypeAlias = Applied | Unreadable | Misrouted
"""What came of a record."""
