"""The refunds of one order: nearly always one, seldom several, never too many.

What the others of an order mean for a request is counted when something happens to
one of them, not when the request comes.
"""

from collections.abc import Iterable, Sequence
from typing import Final, TypeAlias

from streams.families.fast_refund.history_entries import APPROVED
from streams.families.fast_refund.model import Past

FEW: Final = 8
"""Up to as many are looked at one by one; of more, states are counted."""

OrderRefunds: TypeAlias = "str | tuple[str, ...] | ManyRefunds"
"""One refund id as it is (a tuple for each order would be work for the garbage
collector), up to ``FEW`` of them, or more."""

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
"""State and, of an automatic approval, outcome: all that others of an order are asked."""
_BITS: Final = {kind: 1 << number for number, kind in enumerate(_KINDS)}
_APPROVED_BITS: Final = sum(bit for (_, out), bit in _BITS.items() if out == APPROVED)
OPEN: Final = _BITS["undecided", None]
"""Of a refund whose states on an order are not known: it is open."""


def states(rows: Iterable[Past], order_id: str) -> int:
    """Return which kinds of rows a refund has on an order, a bit for each."""
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
        """Say what a refund has on the order now (:func:`states`)."""
        before = self._states.get(refund_id, 0)
        self._states[refund_id] = found
        changed = before ^ found
        for number in range(len(_KINDS)):
            if changed >> number & 1:
                self._counts[number] += 1 if found >> number & 1 else -1
        if found & _APPROVED_BITS:  # an approval stays whatever comes after it
            self._approved[refund_id] = None

    def approved(self) -> Sequence[str]:
        """Return the refunds that have an automatic approval on the order."""
        return tuple(self._approved)

    def rows(self, order_id: str, besides: str) -> list[Past]:
        """Return a row of each kind that another refund has, of no refund by name."""
        own = self._states.get(besides, 0)
        return [
            Past(order_id=order_id, state=state, outcome=outcome)
            for number, (state, outcome) in enumerate(_KINDS)
            if self._counts[number] > (own >> number & 1)
        ]
