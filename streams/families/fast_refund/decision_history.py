"""The history of one partition: decisions and the fates of their refunds.

It is filled from the output topics at start and from our own decisions afterwards, so
it needs no store of its own. The first decision of an id wins, as in every reader. The
cost of a request does not depend on the number of versions of its refund, refunds of
its order or approvals of its buyer.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice

from streams.families.fast_refund import buyer_approvals, order_refunds, refund_versions
from streams.families.fast_refund.buyer_approvals import (
    NO_APPROVALS,
    BuyerApprovals,
    FewApprovals,
    ManyApprovals,
)
from streams.families.fast_refund.history_entries import (
    APPROVED,
    UNKNOWN_FATE,
    Entry,
    Fate,
    Remembered,
)
from streams.families.fast_refund.history_facts import Approvals
from streams.families.fast_refund.model import Past
from streams.families.fast_refund.order_refunds import ManyRefunds, OrderRefunds
from streams.families.fast_refund.reasons.request import REFUND_FAILED
from streams.families.fast_refund.refund_versions import ManyVersions, Versions

__all__ = ["APPROVED", "Entry", "Fate", "RefundHistory", "Remembered"]


class RefundHistory:
    """Decisions, fates, vetoes and notices of one partition, in memory.

    Judging reads it as a :class:`~streams.processing.state.DecisionHistory`; due
    notices and facts use the other members.
    """

    def __init__(self) -> None:
        self._refunds: dict[str, Versions] = {}
        self._orders: dict[str, OrderRefunds] = {}
        self._fates: dict[str, Fate] = {}
        self._vetoes: dict[str, object] = {}
        self._notices: set[str] = set()
        self._buyers: dict[str, BuyerApprovals] | None = None
        """None until a policy counts approvals: most do not."""
        self._unindexed: Iterator[str] = iter(())
        """Refunds whose approvals are not indexed by buyer yet."""
        # Bound methods: the fast path calls them for every request and saves a Python
        # call.
        self.knows = self._refunds.__contains__
        """Whether a refund has a decision."""
        self.on_order = self._orders.__contains__
        """Whether an order has a refund with a decision."""
        self.vetoed = self._vetoes.__contains__
        """Whether an order has a veto record that may forbid its approval."""
        self.put_veto = self._vetoes.__setitem__
        """Set the last veto record of an order (FR-1.7(1)a)."""
        self.fate_of = self._fates.get
        """Return the fate of a refund; :meth:`put_fate` writes it."""
        self.noted = self._notices.__contains__
        """Whether a notice with this id is written or being sent."""
        self.note = self._notices.add
        """Note that a notice is written or being sent."""

    def rows(self) -> Mapping[str, int]:
        """Return the number of refunds and notices, for ``/status``."""
        return {"refunds": len(self._refunds), "notices": len(self._notices)}

    def positions(self) -> Mapping[str, int]:
        """Return no position: a start reads all outputs."""
        return {}

    # -- what is remembered ----------------------------------------------------

    def remember(self, entry: Remembered) -> Remembered:
        """Remember a decision and return the one that counts: the first of its version."""
        refund_id, order_id = entry.refund_id, entry.order_id
        known = self._refunds.get(refund_id)
        if known is None:
            self._refunds[refund_id] = entry
        else:
            version, withdraws = entry.version, entry.withdraws
            first = refund_versions.of_version(known, version, withdraws=withdraws)
            if first is not None:
                return first
            self._refunds[refund_id] = refund_versions.added(known, entry)
        if order_id is not None:
            there = self._orders.get(order_id)
            if there is None:
                self._orders[order_id] = refund_id
            else:
                self._join(order_id, there, refund_id)
        if known is not None:
            self._recount(refund_id)
        if self._buyers is not None and entry.outcome == APPROVED:
            self._index(self._buyers, entry)
        return entry

    def put_fate(self, refund_id: str, fate: Fate) -> None:
        """Set the fate of a refund."""
        self._fates[refund_id] = fate
        known = self._refunds.get(refund_id)
        if known is None:
            return
        self._recount(refund_id)
        if self._buyers is None:
            return
        for entry in refund_versions.approvals(known):
            many = self._buyers.get(entry.buyer_id or "")
            if isinstance(many, ManyApprovals):
                many.add(entry, fate)
                many.apply(entry, fate)

    def veto_of(self, order_id: str | None) -> object:
        """Return the last veto value of an order as it was sent; False = none."""
        return False if order_id is None else self._vetoes.get(order_id, False)

    # -- decisions of a refund -------------------------------------------------

    def first(
        self, refund_id: str, version: int | None, *, withdraws: bool
    ) -> Remembered | None:
        """Return the first decision of exactly this version and kind of record, if any."""
        known = self._refunds.get(refund_id)
        if known is None:
            return None
        return refund_versions.of_version(known, version, withdraws=withdraws)

    def approval(self, refund_id: str) -> Remembered | None:
        """Return the newest ``auto_approve`` of a refund, if any."""
        known = self._refunds.get(refund_id)
        found = () if known is None else refund_versions.approvals(known)
        return found[-1] if found else None

    def withdrawn_after(self, refund_id: str) -> bool:
        """Whether a withdrawal came after the newest approval of a refund."""
        known = self._refunds.get(refund_id)
        return known is not None and refund_versions.withdrawn_after(known)

    def approved_on(self, order_id: str) -> Sequence[str]:
        """Return the refunds of an order that have an ``auto_approve``."""
        there = self._orders.get(order_id, ())
        if isinstance(there, ManyRefunds):
            return there.approved()
        return [
            refund_id
            for refund_id in ((there,) if isinstance(there, str) else there)
            if any(
                entry.order_id == order_id
                for entry in refund_versions.approvals(self._refunds[refund_id])
            )
        ]

    def refund_ids(self) -> tuple[str, ...]:
        """Return every refund that has a decision."""
        return tuple(self._refunds)

    def approvals(self) -> Iterator[Remembered]:
        """Yield every ``auto_approve``; meanwhile refunds may be added, but no versions."""
        for refund_id in self.refund_ids():
            yield from refund_versions.approvals(self._refunds[refund_id])

    # -- what history rules read -----------------------------------------------

    def of_group(self, order_id: str | None, refund_id: str) -> list[Past]:
        """Return the rows of this refund and of the other refunds of its order.

        Their number is bounded; they mean the same to the rules as all rows.
        """
        rows = self._rows_of(refund_id)
        there = () if order_id is None else self._orders.get(order_id, ())
        if isinstance(there, ManyRefunds):
            return rows + there.rows(str(order_id), refund_id)
        for other in (there,) if isinstance(there, str) else there:
            if other != refund_id:
                rows += self._rows_of(other)
                if not self._told_apart(other, str(order_id)):
                    rows.append(Past(other, order_id, None, "undecided"))
        return rows

    def approvals_of(self, buyer_id: str | None) -> Approvals:
        """Return the approvals of a buyer, for the count and quota options."""
        while self.index_buyers(len(self._refunds)):
            pass
        found = None if self._buyers is None else self._buyers.get(buyer_id or "")
        if found is None:
            return NO_APPROVALS
        if isinstance(found, ManyApprovals):
            return found
        entries = found if isinstance(found, tuple) else (found,)
        return FewApprovals(entries, self._fates)

    def index_buyers(self, at_most: int) -> bool:
        """Index more approvals by buyer; False = all are indexed.

        The first policy that counts needs all decisions indexed: at most ``at_most``
        refunds per call, so that the caller can do other work in between.
        """
        if self._buyers is None:
            self._buyers = {}
            self._unindexed = iter(self.refund_ids())
        taken = 0
        for refund_id in islice(self._unindexed, max(1, at_most)):
            taken += 1
            for entry in refund_versions.approvals(self._refunds[refund_id]):
                self._index(self._buyers, entry)
        return taken > 0

    # -- sums ------------------------------------------------------------------

    def _index(self, buyers: dict[str, BuyerApprovals], entry: Remembered) -> None:
        """Index an approval under its buyer, once."""
        buyer_id = entry.buyer_id
        if not buyer_id:
            return
        found = buyers.get(buyer_id)
        if isinstance(found, ManyApprovals):
            found.add(entry, self._fates.get(entry.refund_id, UNKNOWN_FATE))
            return
        if found is None:
            buyers[buyer_id] = entry
            return
        entries = found if isinstance(found, tuple) else (found,)
        if any(
            one.refund_id == entry.refund_id and one.version == entry.version
            for one in entries
        ):
            return
        entries += (entry,)
        if len(entries) <= buyer_approvals.FEW:
            buyers[buyer_id] = entries
            return
        many = buyers[buyer_id] = ManyApprovals()
        for one in entries:
            many.add(one, self._fates.get(one.refund_id, UNKNOWN_FATE))

    def _join(self, order_id: str, there: OrderRefunds, refund_id: str) -> None:
        """Add a refund to those of its order, once."""
        if isinstance(there, ManyRefunds):
            there.put(refund_id, self._states(refund_id, order_id))
            return
        refund_ids = (there,) if isinstance(there, str) else there
        if refund_id in refund_ids:
            return
        refund_ids += (refund_id,)
        if len(refund_ids) <= order_refunds.FEW:
            self._orders[order_id] = refund_ids
            return
        many = self._orders[order_id] = ManyRefunds()
        for one in refund_ids:
            many.put(one, self._states(one, order_id))

    def _recount(self, refund_id: str) -> None:
        """Update the sums of the orders of a refund."""
        for order_id in refund_versions.orders(self._refunds[refund_id]):
            there = self._orders.get(order_id)
            if isinstance(there, ManyRefunds):
                there.put(refund_id, self._states(refund_id, order_id))

    def _states(self, refund_id: str, order_id: str) -> int:
        if not self._told_apart(refund_id, order_id):
            return order_refunds.OPEN
        return order_refunds.states(self._rows_of(refund_id), order_id)

    def _told_apart(self, refund_id: str, order_id: str) -> bool:
        """Whether the states of a refund on this order are tracked; otherwise it counts as open."""
        known = self._refunds[refund_id]
        return not isinstance(known, ManyVersions) or order_id in known.orders

    # -- rows ------------------------------------------------------------------

    def _rows_of(self, refund_id: str) -> list[Past]:
        known = self._refunds.get(refund_id)
        rows: list[Past] = []
        entries: Iterable[Remembered] = (
            () if known is None else refund_versions.standing(known)
        )
        fate = self._fates.get(refund_id, UNKNOWN_FATE)
        for entry in entries:
            rows.append(_row(entry, _state(entry, fate)))
            if entry.outcome == APPROVED and fate.failed:
                rows.append(_follow_up(entry, fate))
        return rows


def _row(entry: Remembered, state: str) -> Past:
    return Past(
        entry.refund_id,
        entry.order_id,
        entry.version,
        state,
        entry.outcome,
        entry.decided_at_ms,
        entry.refund_fen,
        entry.reason_codes,
    )


def _state(entry: Remembered, fate: Fate) -> str:
    """Return the state of a refund from one of its decisions and its fate."""
    if entry.withdraws:
        return "withdrawn"
    if fate.payout == "payout_succeeded":
        return "succeeded"
    if entry.outcome == APPROVED:
        return "failed" if fate.failed else "approved"
    if fate.review is not None:
        return fate.review
    if fate.failed:
        return "failed"  # only a person's approval leads to a payout (E-20)
    return "in_review" if entry.outcome is not None else "undecided"


def _follow_up(entry: Remembered, fate: Fate) -> Past:
    """Return the row of the REFUND_FAILED review: open until a person has decided it (E-21)."""
    return Past(
        entry.refund_id,
        entry.order_id,
        entry.version,
        fate.review or "in_review",
        "manual_review",
        fate.payout_at_ms,
        entry.refund_fen,
        (REFUND_FAILED.code,),
    )
