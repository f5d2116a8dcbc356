"""A decoded slice, and the values passed along while it is judged."""

from collections.abc import Sequence
from heapq import nlargest
from typing import Final

from streams.families.fast_refund.fast_rules import FastRules
from streams.families.fast_refund.model import Past, Request
from streams.families.fast_refund.policy import Policy
from streams.families.fast_refund.tables import PartitionTables
from streams.processing.slice_result import SliceResult
from streams.records.headers import SliceHeaders
from streams.records.json_values import Unreadable
from streams.records.record import Record

_FEW: Final = 8
"""Up to this many versions of a refund in one slice are all read."""


Read = Request | Unreadable | None
"""A request, why a record is unreadable, or None = answered before a restart."""


class Unjudged:
    """A decoded slice, and how far it is judged."""

    __slots__ = ("done", "later", "records", "requests")

    def __init__(self, records: Sequence[Record], requests: Sequence[Read]) -> None:
        self.records = records
        self.requests = requests
        self.later = later_versions(requests)
        """Computed for the whole slice, however many steps judging takes."""
        self.done = 0
        """Number of judged records."""

    @property
    def finished(self) -> bool:
        """Whether every record is judged."""
        return self.done == len(self.records)


class SliceWork:
    """What one call of :meth:`streams.families.fast_refund.judge.Judge.judge` passes along."""

    __slots__ = (
        "buyers_ms",
        "headers",
        "judged",
        "later",
        "lists_ms",
        "newest",
        "now_ms",
        "orders_ms",
        "pause",
        "plain",
        "tables",
    )

    def __init__(
        self,
        tables: PartitionTables,
        headers: SliceHeaders,
        lists_ms: int | None,
        now_ms: int,
        later: dict[str, list[tuple[Request, Past]]],
        pause: object,
    ) -> None:
        self.judged = SliceResult([], {}, [], {})
        self.tables = tables
        self.headers = headers
        self.lists_ms = lists_ms
        self.now_ms = now_ms
        self.later = later
        self.pause = pause
        """The pause in force at ``now_ms`` (``SharedTables.pause_at``)."""
        self.orders_ms = tables.order_marks.ms
        self.buyers_ms = tables.buyer_marks.ms
        self.newest: Policy | None = None
        self.plain: FastRules | None = None


def later_versions(requests: Sequence[Read]) -> dict[str, list[tuple[Request, Past]]]:
    """Find refunds that occur twice in a slice, so that a later version is already known.

    A version that is read together with a newer one has not been decided when the
    newer one arrives (case 58), nor one whose withdrawal is here too (case 62).
    """
    good = [request for request in requests if isinstance(request, Request)]
    if len({request.refund_id for request in good}) == len(good):
        return {}
    found: dict[str, list[tuple[Request, Past]]] = {}
    for request in good:
        state = "withdrawn" if request.action == "withdraw" else "undecided"
        row = Past(request.refund_id, request.order_id, request.refund_version, state)
        found.setdefault(request.refund_id, []).append((request, row))
    return {
        refund_id: _latest(rows) for refund_id, rows in found.items() if len(rows) > 1
    }


def _latest(rows: list[tuple[Request, Past]]) -> list[tuple[Request, Past]]:
    """Return the rows that mean the same as all, for each request of the refund.

    The two latest requests for money and the two latest withdrawals: one of them may be
    the request itself. A withdrawal whose version cannot be compared withdraws every
    other version; such a request is not newer than any.
    """
    if len(rows) <= _FEW:
        return rows
    chosen: list[tuple[Request, Past]] = []
    for state in ("undecided", "withdrawn"):
        dated = [
            (request.refund_version, number)
            for number, (request, row) in enumerate(rows)
            if row.state == state and request.refund_version is not None
        ]
        chosen += [rows[number] for _, number in nlargest(2, dated)]
    undated = [
        one
        for one in rows
        if one[1].state == "withdrawn" and one[0].refund_version is None
    ]
    return chosen + undated[:2]
