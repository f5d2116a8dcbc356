"""The fast refund as a family, as the machinery uses it."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

from streams.families.fast_refund.breaker import Breaker
from streams.families.fast_refund.decision_codec import (
    Recovered,
    decode_decision,
    recover,
)
from streams.families.fast_refund.due_notices import (
    FOLLOW_UP_KIND,
    NOTICE_KINDS,
    DueNotices,
)
from streams.families.fast_refund.explain import FastRefundExplainer
from streams.families.fast_refund.judge import Judge
from streams.families.fast_refund.missing_facts import FactLookups, Missing
from streams.families.fast_refund.policy import Policies
from streams.families.fast_refund.policy_type import POLICY
from streams.families.fast_refund.reasons import REASONS
from streams.families.fast_refund.request_marks import mark_of
from streams.families.fast_refund.shared_tables import SharedTables
from streams.families.fast_refund.slice_work import Unjudged
from streams.families.fast_refund.tables import APPLIERS, PartitionTables
from streams.families.fast_refund.topics import (
    BUYERS,
    CODE,
    NOTICES,
    ORDERS,
    SHOPS,
    TOPICS,
)
from streams.processing.answers import Answers
from streams.processing.explain import Explainer
from streams.processing.news import NewsQueue
from streams.processing.policies import PolicyType
from streams.processing.reasons import ReasonCatalog
from streams.processing.reconcile import DueOutput
from streams.processing.site import Site
from streams.processing.slice_result import SliceResult
from streams.processing.topics import FamilyTopics
from streams.records.notices import FOLLOW_UP_SUFFIX, recover_notice
from streams.records.record import Record

_COUNTED_AT_ONCE: Final = 5_000
"""Most refunds indexed between two turns of the event loop."""
_WARMED_AT_ONCE: Final = 1_000
"""Most approvals passed to the breaker between two turns of the event loop."""


class FastRefundProcess:
    """The fast refund in one process (:class:`streams.processing.family.FamilyProcess`)."""

    def __init__(self, site: Site, policies: Policies) -> None:
        self._site = site
        self.shared = SharedTables(policies, site.partitions)
        self.breaker = Breaker()
        self.judging = Judge(site, self.shared, self.breaker)
        self.lookups = FactLookups(self.shared, site.partitions)
        self._notices = DueNotices(site, self.shared)
        self.appliers = APPLIERS

    @property
    def news(self) -> NewsQueue:
        """Lines that are not logged yet, besides those of policies."""
        return self.judging.fast_path.news

    def open(self, partition: int) -> PartitionTables:
        """Return the empty tables of a partition."""
        return PartitionTables(partition, self._site.partitions)

    # -- read back -------------------------------------------------------------

    def restore(self, topic: str, value: bytes) -> Recovered | str | None:
        """Decode an output: a decision, the id of a notice or follow-up, or None = not ours."""
        if topic == NOTICES.name:
            return recover_notice(value)
        found = recover(value)
        if found is not None and found.decision_id.endswith(FOLLOW_UP_SUFFIX):
            return found.decision_id
        return found

    def remember(self, state: PartitionTables, found: Recovered) -> None:
        """Put a restored decision into the history; the first of an id counts."""
        state.ledger.remember(found.entry)

    def mark(self, record: Record) -> int | None:
        """Return the mark of a request; None = it becomes a dead letter."""
        return mark_of(record)

    def warm(self, state: PartitionTables, now_ms: int) -> Iterator[None]:
        """Pass earlier approvals of the partition to the breaker.

        Each approval counts under the policy that was in force for it (R-08).
        """
        self.breaker.heed(self.shared.book.resets.take(), now_ms)
        policies = self.shared.policies
        windows = [policy.breaker_window_ms or 0 for policy in policies]
        since_ms = now_ms - max(windows, default=0)
        if not any(windows):
            return
        for count, entry in enumerate(state.ledger.approvals()):
            if count % _WARMED_AT_ONCE == 0:
                yield
            if entry.decided_at_ms <= since_ms:
                continue
            decision = decode_decision(entry.value)
            pinned_ms = decision.requested_at_ms or decision.decided_at_ms
            policy = policies.at(pinned_ms)
            if policy is not None:
                self.breaker.admit(
                    decision.decision_id,
                    decision.shop_id,
                    decision.refund_fen,
                    entry.decided_at_ms,
                    policy,
                )

    # -- judge -----------------------------------------------------------------

    def read(
        self, records: Sequence[Record], answered: Answers, state: PartitionTables
    ) -> tuple[Unjudged, Missing | None]:
        """Decode a slice of requests, and collect facts that they name and the tables lack."""
        requests, missing = self.judging.read(records, answered, state)
        return Unjudged(records, requests), missing or None

    def prepare(self, state: PartitionTables) -> bool:
        """Index some approvals by buyer, if a policy counts them."""
        if not self.judging.counts_approvals():
            return False
        return state.ledger.index_buyers(_COUNTED_AT_ONCE)

    def judge(
        self,
        piece: Unjudged,
        state: PartitionTables,
        now_ms: int,
        enough: Callable[[], bool],
    ) -> SliceResult:
        """Judge the next requests of a slice, at least one step of them."""
        return self.judging.judge_some(piece, state, now_ms, enough)

    def distrusts(self) -> str | None:
        """Return this program version if its fast path was found wrong."""
        return self.judging.fast_path.distrusts()

    def heard(self, distrusted: Iterable[str | None]) -> None:
        """Switch the fast path off if a worker of this version found it wrong before."""
        self.judging.fast_path.heard(distrusted)

    # -- reconcile -------------------------------------------------------------

    def reconcile(
        self, partition: int, keys: Sequence[str], state: PartitionTables, now_ms: int
    ) -> Iterator[DueOutput]:
        """Yield the notices and follow-ups that are due and not noted."""
        return self._notices.of(partition, keys, state, now_ms)

    # -- shown -----------------------------------------------------------------

    def watermarks(self, states: Sequence[PartitionTables]) -> dict[str, int | None]:
        """Return the oldest watermark by topic; None = a partition has none.

        A spare worker has no partitions, so it shows no watermark of theirs.
        """
        found: dict[str, int | None] = {SHOPS.name: self.shared.lists_ms}
        if not states:
            return found
        for name, marks in (
            (ORDERS.name, [one.order_marks.ms for one in states]),
            (BUYERS.name, [one.buyer_marks.ms for one in states]),
        ):
            known = [ms for ms in marks if ms is not None]
            found[name] = min(known) if len(known) == len(marks) else None
        return found

    def breakers_open(self, now_ms: int) -> Mapping[str, int]:
        """Return the number of open breakers by scope."""
        # There may be no request for a while, and the reset must show.
        self.breaker.heed(self.shared.book.resets.take(), now_ms)
        policy = self.shared.policies.at(now_ms)
        return {} if policy is None else self.breaker.open_now(now_ms, policy)

    def status(self) -> Mapping[str, object]:
        """Return whether the fast path is in use."""
        return {"fast_path": "given up" if self.distrusts() else "in use"}


class FastRefund:
    """The family of automatic refunds before shipment for quality buyers."""

    code: str = CODE
    topics: FamilyTopics = TOPICS
    policy: PolicyType[Any] = POLICY
    reasons: ReasonCatalog = REASONS
    explainer: Explainer[Any, Any] = FastRefundExplainer()
    kinds: Sequence[str] = (*NOTICE_KINDS, FOLLOW_UP_KIND)

    def process(self, site: Site, policies: Policies) -> FastRefundProcess:
        """Return the family for one process."""
        return FastRefundProcess(site, policies)


FAMILY: Final = FastRefund()
