"""History as it is told by every single decision: what the ledger's sums must mean.

Nothing is kept but the decisions themselves, and each question goes through all of
them: slow, and short enough to be checked by reading it.
"""

from collections.abc import Iterator

from streams.families.fast_refund.history_entries import APPROVED, Entry, Fate
from streams.families.fast_refund.history_facts import ListedApprovals
from streams.families.fast_refund.model import Past


class EveryRow:
    """Answers what a ledger answers, from all decisions."""

    def __init__(self) -> None:
        self.entries: list[Entry] = []
        self.fates: dict[str, Fate] = {}

    def knows(self, entry: Entry) -> bool:
        return any(
            (one.refund_id, one.version, one.withdraws)
            == (entry.refund_id, entry.version, entry.withdraws)
            for one in self.entries
        )

    def rows(self, refund_id: str, order_id: str | None) -> list[Past]:
        ids = {refund_id}
        if order_id is not None:
            ids |= {one.refund_id for one in self.entries if one.order_id == order_id}
        return [row for one in sorted(ids) for row in self._of(one)]

    def approvals(self, buyer_id: str | None) -> ListedApprovals:
        return ListedApprovals(
            [
                Past(
                    one.refund_id,
                    one.order_id,
                    one.version,
                    self._state(one),
                    one.outcome,
                    one.decided_at_ms,
                    one.refund_fen,
                )
                for one in self.entries
                if one.outcome == APPROVED and buyer_id and one.buyer_id == buyer_id
            ]
        )

    def approval(self, refund_id: str) -> Entry | None:
        return next((one for one in self._newest(refund_id) if _approved(one)), None)

    def withdrawn_after(self, refund_id: str) -> bool:
        for one in self._newest(refund_id):
            if _approved(one) or one.withdraws:
                return one.withdraws
        return False

    def approved_on(self, order_id: str) -> set[str]:
        return {
            one.refund_id
            for one in self.entries
            if _approved(one) and one.order_id == order_id
        }

    def _newest(self, refund_id: str) -> Iterator[Entry]:
        return (one for one in reversed(self.entries) if one.refund_id == refund_id)

    def _of(self, refund_id: str) -> Iterator[Past]:
        newest: Entry | None = None
        fate = self.fates.get(refund_id, Fate())
        for one in self._newest(refund_id):
            if one.disposition == "superseded" and not one.withdraws:
                continue
            if newest is not None and not _approved(one) and not _newer(one, newest):
                continue
            newest = newest or one
            yield Past(
                refund_id, one.order_id, one.version, self._state(one), one.outcome
            )
            if _approved(one) and fate.payout == "payout_failed":
                item = fate.review or "in_review"
                yield Past(refund_id, one.order_id, one.version, item, "manual_review")

    def _state(self, entry: Entry) -> str:
        fate = self.fates.get(entry.refund_id, Fate())
        if entry.withdraws:
            return "withdrawn"
        if fate.payout == "payout_succeeded":
            return "succeeded"
        if _approved(entry):
            return "failed" if fate.payout == "payout_failed" else "approved"
        if fate.review is not None:
            return fate.review
        if fate.payout == "payout_failed":
            return "failed"
        return "undecided" if entry.outcome is None else "in_review"


def _approved(entry: Entry) -> bool:
    return entry.outcome == APPROVED


def _newer(entry: Entry, other: Entry) -> bool:
    return (
        entry.version is not None
        and other.version is not None
        and entry.version > other.version
    )
