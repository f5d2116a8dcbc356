"""Judge a slice of requests: one output for each record.

Synchronous and without a clock: the same slice, tables and time give the same
outputs. Replay and backtest call :meth:`Judge.judge` too.
"""

from collections.abc import Callable, Sequence
from typing import Final

from streams.families.fast_refund.breaker import Breaker
from streams.families.fast_refund.codec import decode_request
from streams.families.fast_refund.decide import AUTO_APPROVE, PASSED
from streams.families.fast_refund.decision_codec import encode_decision, recover
from streams.families.fast_refund.decision_history import APPROVED, Entry, Remembered
from streams.families.fast_refund.fast_path import FastPath
from streams.families.fast_refund.freshness import lists_as_of
from streams.families.fast_refund.full_path import FullPath
from streams.families.fast_refund.history_facts import counts_approvals
from streams.families.fast_refund.missing_facts import Missing
from streams.families.fast_refund.model import Decision, Request
from streams.families.fast_refund.request_marks import mark_of_request
from streams.families.fast_refund.shared_tables import SharedTables
from streams.families.fast_refund.slice_work import Read, SliceWork, Unjudged
from streams.families.fast_refund.tables import PartitionTables
from streams.families.fast_refund.topics import APPROVALS, REVIEWS, SKIPPED
from streams.processing.answers import Answers
from streams.processing.letters import bury
from streams.processing.site import Site
from streams.processing.slice_result import Output, SliceResult
from streams.records.headers import SliceHeaders, event_source, event_types
from streams.records.json_values import Unreadable
from streams.records.record import Record
from streams.records.record_format import Outgoing
from streams.records.unread import reason

_APPROVALS: Final = APPROVALS.name
_REVIEWS: Final = REVIEWS.name
_SKIPPED: Final = SKIPPED.name
_TYPES: Final = event_types(
    ("auto_approve", "manual_review", "out_of_scope", "superseded")
)
_STEP: Final = 32
"""Records judged before the time is checked: at most two milliseconds of work."""


def _never() -> bool:
    return False


_NO_ROOM: Final = Unreadable(
    "too_large", "its key and its ids leave no room for a decision"
)


class Judge:
    """Judges slices of one or more partitions."""

    def __init__(self, site: Site, shared: SharedTables, breaker: Breaker) -> None:
        self._site = site
        self._shared = shared
        self._source = event_source(site.source_name)
        self._breaker = breaker
        self._full_path = FullPath(site, shared, breaker)
        self.fast_path = FastPath(site, shared, self._full_path)

    def counts_approvals(self) -> bool:
        """Whether a policy counts or sums the approvals of a buyer."""
        return any(map(counts_approvals, self._shared.policies))

    def read(
        self, records: Sequence[Record], answered: Answers, tables: PartitionTables
    ) -> tuple[list[Read], Missing]:
        """Decode the requests of a slice.

        Parameters
        ----------
        answered
            Records that already have an output; they are skipped. They stay in it until
            the slice is judged, because a rebalance may still leave the slice to a
            later assignment.
        tables
            Facts of the partition.

        Returns
        -------
        tuple
            One item per record (the request, why it is unreadable, or None = answered),
            and the facts that requests name and the tables lack.
        """
        found: list[Read] = []
        missing = Missing()
        has_order, has_buyer = tables.orders.has, tables.buyers.has
        shared = self._shared
        has_shop, sought = shared.shops.has, shared.sought
        known = answered.marks
        for record in records:
            read = decode_request(record.value)
            if (
                known
                and record.offset in known
                and answered.fit(record, mark_of_request(record, read))
            ):
                found.append(None)
                continue
            if isinstance(read, Unreadable):
                read = reason(record, read)
            elif not (
                has_order(read.order_id)
                and has_buyer(read.buyer_id)
                and (has_shop(read.shop_id) or sought(read.shop_id))
            ):
                missing.note(read, tables, shared)
            found.append(read)
        return found, missing

    def judge(
        self,
        records: Sequence[Record],
        requests: Sequence[Read],
        tables: PartitionTables,
        now_ms: int,
    ) -> SliceResult:
        """Judge consecutive records of one partition in one call.

        Parameters
        ----------
        requests
            The result of :meth:`read` for these records.
        tables
            Facts and history of that partition; decisions are added to it.
        now_ms
            ``decided_at_ms`` of every decision in the slice, UTC ms.
        """
        return self.judge_some(Unjudged(records, requests), tables, now_ms, _never)

    def judge_some(
        self,
        piece: Unjudged,
        tables: PartitionTables,
        now_ms: int,
        enough: Callable[[], bool],
    ) -> SliceResult:
        """Judge the next records of a slice, at least one step of them.

        Parameters
        ----------
        piece
            The slice; ``done`` then says how many records are judged.
        now_ms
            ``decided_at_ms`` of these decisions, UTC ms.
        enough
            Called after each step; True = the remaining records wait for the next call.
        """
        self._breaker.heed(self._shared.book.resets.take(), now_ms)
        topic = self._site.input_topic
        work = SliceWork(
            tables,
            SliceHeaders(_TYPES, self._source, topic, tables.partition, now_ms),
            lists_as_of(tables, self._shared),
            now_ms,
            piece.later,
            self._shared.pause_at(now_ms),
        )
        work.newest = self._shared.policies.newest
        work.plain = self.fast_path.ready(work)
        while not piece.finished:
            self._judge_step(piece, work)
            if enough():
                break
        if work.judged.approved:
            work.judged.decided[PASSED] = work.judged.approved
        return work.judged

    def _judge_step(self, piece: Unjudged, work: SliceWork) -> None:
        step = slice(piece.done, piece.done + _STEP)
        records = piece.records[step]
        for record, request in zip(records, piece.requests[step], strict=True):
            if request is None:
                work.judged.answered += 1
            elif isinstance(request, Unreadable):
                # E-28, E-34, E-35: a dead letter.
                self._bury(record, work, request)
            else:
                self._answer(record, request, work)
        piece.done += len(records)

    def _bury(self, record: Record, work: SliceWork, why: Unreadable) -> None:
        at = work.tables.partition, work.now_ms
        bury(record, why, at, self._site, work.judged)

    def _answer(self, record: Record, request: Request, work: SliceWork) -> None:
        ledger = work.tables.ledger
        refund_id, knows = request.refund_id, ledger.knows
        if knows(refund_id):
            # Case 57: a second delivery is answered with the first decision's bytes.
            first = ledger.first(
                refund_id,
                request.refund_version,
                withdraws=request.action == "withdraw",
            )
            if first is not None:
                self._repeat(record, first, work)
                return
        elif work.plain is not None and self.fast_path.answer(
            record, request, work.plain, work
        ):
            return
        self._answer_at_length(record, request, work)

    def _answer_at_length(
        self, record: Record, request: Request, work: SliceWork
    ) -> None:
        """Judge on the full path, write the decision and remember it."""
        decision = self._full_path.decide(request, work)
        # E-38.
        if work.judged.misrouted and work.judged.misrouted_at < 0:
            work.judged.misrouted_at = record.offset
        written = self._written(decision, record, work)
        if not self._site.fits(written):
            decision = self._full_path.shorten(request, decision)
            written = self._written(decision, record, work)
            if not self._site.fits(written):
                self._bury(record, work, _NO_ROOM)
                return
        _, value, _ = written
        work.judged.outputs.append(Output(_topic_of(decision.outcome), written))
        _count(decision, work)
        # E-19, FR-1.6: these may need a notice now.
        withdraws, seen = request.action == "withdraw", decision.seen
        shipping = seen is not None and bool(seen.ship_signals)
        if withdraws or (shipping and decision.outcome == APPROVED):
            work.judged.touched.append(request.refund_id)
        work.tables.ledger.remember(
            Entry(
                request.refund_id,
                request.refund_version,
                decision.order_id,
                decision.buyer_id,
                decision.disposition,
                decision.outcome,
                work.now_ms,
                decision.refund_fen,
                withdraws,
                decision.reason_codes,
                value or b"",
            )
        )

    @staticmethod
    def _written(decision: Decision, record: Record, work: SliceWork) -> Outgoing:
        headers = work.headers.build(
            decision.outcome or decision.disposition,
            decision.decision_id,
            record.offset,
            record.headers,
        )
        return record.key, encode_decision(decision), headers

    def _repeat(self, record: Record, first: Remembered, work: SliceWork) -> None:
        """Write the first decision's bytes again (case 57); nothing is counted twice."""
        value = first.value
        found = recover(value)
        identity = found.decision_id if found is not None else first.refund_id
        headers = work.headers.build(
            first.outcome or first.disposition, identity, record.offset, record.headers
        )
        written = (record.key, value, headers)
        if not self._site.fits(written):
            written = (None, value, headers)  # a decision's bytes never change
        work.judged.outputs.append(Output(_topic_of(first.outcome), written))
        work.judged.repeated += 1


def _topic_of(outcome: str | None) -> str:
    """Return the topic of a decision; without an outcome it is ``refund.skipped``."""
    if outcome == APPROVED:
        return _APPROVALS
    return _SKIPPED if outcome is None else _REVIEWS


def _count(decision: Decision, work: SliceWork) -> None:
    """Count a new decision."""
    judged, outcome = work.judged, decision.outcome
    if outcome is AUTO_APPROVE:
        judged.approved += 1
    else:
        counted = (decision.disposition, outcome, decision.reason_codes)
        judged.decided[counted] = judged.decided.get(counted, 0) + 1
    if decision.requested_at_ms is not None:
        judged.ages_ms.append(work.now_ms - decision.requested_at_ms)
