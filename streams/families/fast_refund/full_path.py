"""The full path: collect the facts of a request and judge it by every rule."""

import msgspec

from streams.families.fast_refund.breaker import Breaker
from streams.families.fast_refund.buyer_approvals import NO_APPROVALS
from streams.families.fast_refund.cut import cut
from streams.families.fast_refund.decide import decide
from streams.families.fast_refund.decision_history import APPROVED, Remembered
from streams.families.fast_refund.freshness import fresh
from streams.families.fast_refund.history_facts import (
    Approvals,
    counts_approvals,
    find,
)
from streams.families.fast_refund.model import (
    NO_HISTORY,
    Decision,
    Facts,
    History,
    Past,
    Request,
    Seen,
)
from streams.families.fast_refund.policy import Policy
from streams.families.fast_refund.seen import see
from streams.families.fast_refund.shared_tables import SharedTables
from streams.families.fast_refund.slice_work import SliceWork
from streams.processing.partitioner import misplaced
from streams.processing.site import Site
from streams.processing.state import DecisionHistory


class FullPath:
    """Judges requests by every rule, with all known facts."""

    def __init__(self, site: Site, shared: SharedTables, breaker: Breaker) -> None:
        self._site = site
        self._shared = shared
        self._breaker = breaker

    def decide(self, request: Request, work: SliceWork) -> Decision:
        """Judge one request under the policy in force for it, at the moment of the slice."""
        shared, tables, now_ms = self._shared, work.tables, work.now_ms
        # the policy in force when the request was made.
        policy = self._policy(request, work.newest, now_ms)
        order_id = request.order_id
        order = tables.orders.get(order_id)
        buyer_id, shop_id = request.buyer_id, request.shop_id
        # E-12: a missing id is the snapshot's.
        if order is not None:
            if buyer_id is None and isinstance(order.buyer_id, str):
                buyer_id = order.buyer_id
            if shop_id is None and isinstance(order.shop_id, str):
                shop_id = order.shop_id
        buyer = tables.buyers.get(buyer_id)
        expected: int | None = None
        # E-38: the tables hold only this partition's buyers.
        if buyer is None:
            expected = self._expected_partition(buyer_id, order_id, work)
        # Section 3: the breaker.
        guarded = policy is not None and policy.breaker_window_ms is not None
        facts = Facts(
            # Section 1: as of its own moment or its watermark, whichever is later (E-4).
            order,
            None if order is None else fresh(order.as_of_ms, work.orders_ms),
            buyer,
            None if buyer is None else fresh(buyer.as_of_ms, work.buyers_ms),
            # FR-1.2a: no row = covered.
            shared.shops.get(shop_id),
            shared.catalog,
            # FR-1.7: up to when limits, shops, SKUs and vetoes are known.
            work.lists_ms,
            self._history(request, buyer_id, policy, work),
            # FR-1.7(1)a.
            tables.ledger.veto_of(order_id),
            self._breaker.scope_open(shop_id, now_ms, policy)
            if guarded and policy
            else None,
            request.unavailable,
            expected,
            # FR-Q3.
            work.pause,
        )
        seen = see(request, facts, policy, now_ms)
        decision = decide(request, seen, policy, now_ms)
        if guarded and policy is not None and decision.outcome == APPROVED:
            return self._admit(request, seen, policy, decision)
        return decision

    def _policy(
        self, request: Request, newest: Policy | None, now_ms: int
    ) -> Policy | None:
        """Return the policy in force when the request was made (R-08)."""
        pinned_ms = (
            now_ms if request.requested_at_ms is None else request.requested_at_ms
        )
        # E-15: before the newest version an older one may be in force.
        if newest is None or newest.effective_from_ms > pinned_ms:
            return self._shared.policies.at(pinned_ms)
        return newest

    def shorten(self, request: Request, decision: Decision) -> Decision:
        """Judge a request again with its quoted facts cut to the size limit of its topic."""
        if decision.seen is None:
            return decision
        at_ms = decision.decided_at_ms
        policy = self._policy(request, None, at_ms)
        return decide(*cut(request, decision.seen), policy, at_ms)

    def _admit(
        self, request: Request, seen: Seen, policy: Policy, decision: Decision
    ) -> Decision:
        """Count an approval with the breaker, or turn it into a manual review."""
        at_ms = decision.decided_at_ms
        tripped = self._breaker.admit(
            decision.decision_id, decision.shop_id, decision.refund_fen, at_ms, policy
        )
        if tripped is None:
            return decision
        return decide(
            request, msgspec.structs.replace(seen, breaker=tripped), policy, at_ms
        )

    def _expected_partition(
        self, buyer_id: str | None, order_id: str | None, work: SliceWork
    ) -> int | None:
        """Return the partition of a request, if it is another one than this (E-38)."""
        expected = misplaced(
            buyer_id, order_id, work.tables.partition, self._site.partitions
        )
        if expected is not None:
            work.judged.misrouted += 1
        return expected

    def _history(
        self,
        request: Request,
        buyer_id: str | None,
        policy: Policy | None,
        work: SliceWork,
    ) -> History:
        ledger: DecisionHistory[Remembered, Past, Approvals] = work.tables.ledger
        refund_id, order_id = request.refund_id, request.order_id
        counts = counts_approvals(policy)
        later = work.later.get(refund_id) if work.later else None
        # E-26, cases 48 to 62: nothing earlier is known, so there is nothing to read.
        if (
            not counts
            and later is None
            and not ledger.knows(refund_id)
            and (order_id is None or not ledger.on_order(order_id))
        ):
            return NO_HISTORY
        rows = list(ledger.of_group(order_id, refund_id))
        # Case 58: versions of the same slice count as known.
        if later is not None:
            rows += [row for at, row in later if at is not request]
        approvals = ledger.approvals_of(buyer_id) if counts else NO_APPROVALS
        return find(request, order_id, rows, policy, work.now_ms, approvals)
