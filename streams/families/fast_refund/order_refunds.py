"""The refunds of one order: usually one, seldom several; the cost stays bounded.

The effect of an order's other refunds is counted when one of them changes, not when a
request arrives.
"""

from collections.abc import Iterable, Sequence
from typing import Final, TypeAlias

from streams.families.fast_refund.history_entries import APPROVED
from streams.families.fast_refund.model import Past

FEW: Final = 8
"""Up to this many are read one by one; for more, states are counted."""

OrderRefunds: TypeAlias = "str | tuple[str, ...] | ManyRefunds"
"""One refund id (a tuple for each order would load the garbage collector), a tuple of
up to ``FEW``, or :class:`ManyRefunds`."""

_KINDS: Final[tuple[tuple[str, str | None], ...]] = (
    ("approved", APPROVED),
    ("succeeded", APPROVED),
    ("failed", APPROVED),
    ("undecided", None),
    ("in_review", None),
    ("approved", None),
    ("succeeded", None),
    ("failed", None),
    ("rejected", None),
    ("withdrawn", None),
)
"""State, and outcome for an automatic approval: all that rules read of an order's other
refunds."""
_BITS: Final = {kind: 1 << number for number, kind in enumerate(_KINDS)}
_APPROVED_BITS: Final = sum(bit for (_, out), bit in _BITS.items() if out == APPROVED)
OPEN: Final = _BITS["undecided", None]
"""For a refund whose states on an order are unknown: it counts as open."""


def states(rows: Iterable[Past], order_id: str) -> int:
    """Return the kinds of rows that a refund has on an order, one bit each."""
    found = 0
    for row in rows:
        if row.order_id == order_id:
            outcome = APPROVED if row.outcome == APPROVED else None
            found |= _BITS[str(row.state), outcome]
    return found


class ManyRefunds:
    """More than ``FEW`` refunds of one order: how many have a row of each kind."""

    __slots__ = ("_approved", "_counts", "_states")

    def __init__(self) -> None:
        self._states: dict[str, int] = {}
        self._counts = [0] * len(_KINDS)
        self._approved: dict[str, None] = {}

    def put(self, refund_id: str, found: int) -> None:
        """Set the states of a refund on the order (:func:`states`)."""
        before = self._states.get(refund_id, 0)
        self._states[refund_id] = found
        changed = before ^ found
        for number in range(len(_KINDS)):
            if changed >> number & 1:
                self._counts[number] += 1 if found >> number & 1 else -1
        if found & _APPROVED_BITS:  # an approval stays, whatever follows
            self._approved[refund_id] = None

    def approved(self) -> Sequence[str]:
        """Return the refunds with an automatic approval on the order."""
        return tuple(self._approved)

    def rows(self, order_id: str, besides: str) -> list[Past]:
        """Return one row for each kind that another refund has, without its refund id."""
        own = self._states.get(besides, 0)
        return [
            Past(order_id=order_id, state=state, outcome=outcome)
            for number, (state, outcome) in enumerate(_KINDS)
            if self._counts[number] > (own >> number & 1)
        ]
