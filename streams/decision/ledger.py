"""What one partition remembers of its refunds: decisions made, and what became of them.

It is filled from the output topics at start and from our own decisions afterwards,
so it needs no store of its own. The first decision of an id wins, here as in every
reader.
"""

from collections.abc import Iterator
from typing import Final, TypeAlias

import msgspec

from streams.decision.approval import Approval
from streams.decision.model import Past
from streams.decision.reasons import ReasonCode

APPROVED: Final = "auto_approve"


class Entry(msgspec.Struct, frozen=True, gc=False):
    """One decision made, newest first along ``previous``."""

    refund_id: str
    version: int | None
    order_id: str | None
    buyer_id: str | None
    disposition: str
    outcome: str | None
    decided_at_ms: int
    refund_fen: int | None
    withdraws: bool
    """The record was a withdrawal, not a request for money."""
    reason_codes: tuple[str, ...]
    value: bytes
    """The decision record as written: what a second delivery gets again."""
    previous: "Remembered | None" = None

    def chain(self) -> "Iterator[Remembered]":
        """Yield this entry and the earlier ones of the same refund."""
        entry: Remembered | None = self
        while entry is not None:
            yield entry
            entry = entry.previous


Remembered: TypeAlias = Entry | Approval
"""A plain approval is remembered as it is: it tells all that an entry does."""


class Fate(msgspec.Struct, frozen=True, gc=False):
    """What ``refund.outcomes`` said of one refund, the last word of each kind."""

    payout: str | None = None
    """``payout_succeeded`` or ``payout_failed``."""
    payout_at_ms: int | None = None
    review: str | None = None
    """``approved`` or ``rejected``, by a person."""
    source_offset: int = -1
    """Where the payout was told; names the follow-up's origin."""


class Ledger:
    """Decisions, fates, vetoes and notices of one partition."""

    def __init__(self) -> None:
        self.newest: dict[str, Remembered] = {}
        self.by_order: dict[str, str | tuple[str, ...]] = {}
        """Order -> its refund, or its refunds when they are several: nearly always it
        is one, and a tuple for each would be work for the garbage collector."""
        self.fates: dict[str, Fate] = {}
        self.vetoes: dict[str, object] = {}
        self.notices: set[str] = set()
        self._by_buyer: dict[str, list[Remembered]] | None = None

    def find(
        self, refund_id: str, version: int | None, *, withdraws: bool
    ) -> Remembered | None:
        """Return the first decision of this very version, if there is one."""
        newest = self.newest.get(refund_id)
        if newest is None:
            return None
        for entry in newest.chain():
            if entry.version == version and entry.withdraws == withdraws:
                return entry
        return None

    def add(self, entry: Remembered) -> None:
        """Remember a decision; the caller has made sure it is the first of its id."""
        refund_id = entry.refund_id
        self.newest[refund_id] = entry
        order_id = entry.order_id
        if order_id is not None:
            if order_id not in self.by_order:
                self.by_order[order_id] = refund_id
            elif refund_id not in (known := self.refunds_of(order_id)):
                self.by_order[order_id] = (*known, refund_id)
        if self._by_buyer is not None and entry.outcome == APPROVED and entry.buyer_id:
            self._by_buyer.setdefault(entry.buyer_id, []).append(entry)

    def refunds_of(self, order_id: str) -> tuple[str, ...]:
        """Return the refunds of an order, in the order of their first decisions."""
        found = self.by_order.get(order_id, ())
        return (found,) if isinstance(found, str) else found

    def approval(self, refund_id: str) -> Remembered | None:
        """Return the ``auto_approve`` of a refund, if any of its versions has one."""
        newest = self.newest.get(refund_id)
        if newest is None:
            return None
        for entry in newest.chain():
            if entry.outcome == APPROVED:
                return entry
        return None

    def approvals_of_order(self, order_id: str) -> list[Remembered]:
        """Return every ``auto_approve`` on an order."""
        found = (self.approval(refund_id) for refund_id in self.refunds_of(order_id))
        return [entry for entry in found if entry is not None]

    def rows(self, refund_id: str, order_id: str | None) -> list[Past]:
        """Return what history rules read: this refund and the others of its order."""
        refund_ids = [refund_id]
        if order_id is not None:
            refund_ids += [
                other for other in self.refunds_of(order_id) if other != refund_id
            ]
        return [row for one in refund_ids for row in self._rows_of(one)]

    def rows_of_buyer(self, buyer_id: str) -> list[Past]:
        """Return every approval of a buyer, for the count and quota options."""
        if self._by_buyer is None:
            self._by_buyer = {}
            for newest in self.newest.values():
                for entry in newest.chain():
                    if entry.outcome == APPROVED and entry.buyer_id:
                        self._by_buyer.setdefault(entry.buyer_id, []).append(entry)
        return [self._row(entry) for entry in self._by_buyer.get(buyer_id, ())]

    def _rows_of(self, refund_id: str) -> list[Past]:
        newest = self.newest.get(refund_id)
        if newest is None:
            return []
        rows: list[Past] = []
        replaced: Remembered | None = None
        for entry in newest.chain():
            superseded = entry.disposition == "superseded" and not entry.withdraws
            if superseded:  # never judged: a newer version was there already
                continue
            if (
                replaced is not None
                and entry.outcome != APPROVED
                and not _is_newer(entry, replaced)
            ):
                # its review item closed when a newer version came (case 60)
                continue
            rows.append(self._row(entry))
            fate = self.fates.get(refund_id)
            if (
                entry.outcome == APPROVED
                and fate is not None
                and fate.payout == "payout_failed"
            ):
                rows.append(self._follow_up(entry, fate))
            replaced = replaced or entry
        return rows

    def _row(self, entry: Remembered) -> Past:
        return Past(
            entry.refund_id,
            entry.order_id,
            entry.version,
            self._state(entry),
            entry.outcome,
            entry.decided_at_ms,
            entry.refund_fen,
            entry.reason_codes,
        )

    def _state(self, entry: Remembered) -> str:
        if entry.withdraws:
            return "withdrawn"
        fate = self.fates.get(entry.refund_id)
        if fate is not None and fate.payout == "payout_succeeded":
            return "succeeded"
        if entry.outcome == APPROVED:
            return (
                "failed"
                if fate is not None and fate.payout == "payout_failed"
                else "approved"
            )
        if fate is not None and fate.review is not None:
            return fate.review
        if fate is not None and fate.payout == "payout_failed":
            return "failed"  # only what a person approved is paid at all (E-20)
        return "in_review" if entry.outcome is not None else "undecided"

    @staticmethod
    def _follow_up(entry: Remembered, fate: Fate) -> Past:
        """Return the REFUND_FAILED item: open until a person has dealt with it (E-21)."""
        return Past(
            entry.refund_id,
            entry.order_id,
            entry.version,
            fate.review or "in_review",
            "manual_review",
            fate.payout_at_ms,
            entry.refund_fen,
            (ReasonCode.REFUND_FAILED.value,),
        )


def _is_newer(entry: Remembered, other: Remembered) -> bool:
    """Whether an entry stands although the other came later: a late, older withdrawal."""
    return (
        entry.version is not None
        and other.version is not None
        and entry.version > other.version
    )
