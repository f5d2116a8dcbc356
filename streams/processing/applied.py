"""The result of applying a fact record."""

from typing import Final, TypeAlias

import msgspec

from streams.records.json_values import Unreadable


class Applied(msgspec.Struct, frozen=True, gc=False):
    """What a fact record changed, so which keys may need an output now."""

    key: str | None = None
    """Key of the decision concerned: the thing that the family decides, such as a
    refund."""
    group: str | None = None
    """Group of the decisions concerned: what several keys share, such as an order."""


NOTHING: Final = Applied()
"""Nothing needs to be reconciled; compared by identity."""
PARTITION: Final = Applied()
"""The partition itself needs to be reconciled; compared by identity."""


class Misrouted(msgspec.Struct, frozen=True, gc=False):
    """A record was found in a partition that it does not belong to."""

    expected: int
    """The partition where it belongs."""
    applied: Applied = NOTHING
    """What the record changed all the same."""


Result: TypeAlias = Applied | Unreadable | Misrouted
"""The result of applying one fact record."""
