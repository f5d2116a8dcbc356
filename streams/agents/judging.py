"""One request slice to one output per record: the join of facts, memory and core.

Synchronous and without a clock: the same slice, tables and time give the same
outputs. Replay and backtest call :meth:`Judge.judge` too.
"""

import logging
from collections.abc import Container, Sequence
from typing import Final

import msgspec

from streams.decision.breaker import Breaker
from streams.decision.engine import AUTO_APPROVE, DECIDED, PASSED, decide
from streams.decision.facts import see
from streams.decision.history import find
from streams.decision.ledger import APPROVED, Entry, Ledger
from streams.decision.model import (
    NO_HISTORY,
    Decision,
    Facts,
    History,
    Past,
    Request,
    Seen,
)
from streams.decision.plain import Known, Moment, Plain, Written, plain_at
from streams.decision.policy import Policy
from streams.kafka.record import Record
from streams.kafka.routing import partition_of
from streams.kafka.tables import PartitionTables, SharedTables, fresh, lists_as_of
from streams.records.codec import Unreadable, decode_request
from streams.records.dead_letters import dead_letter_headers
from streams.records.decisions import encode_decision, recover
from streams.records.headers import Header, SliceHeaders, event_source, event_types

log = logging.getLogger(__name__)

APPROVALS: Final = 0
REVIEWS: Final = 1
SKIPPED: Final = 2
DEAD_LETTERS: Final = 3

_COMPARE_MS: Final = 100
"""Between two plain decisions that are judged the long way too."""

PASSED_CODES: Final = PASSED[2]

_TYPES: Final = event_types(
    ("auto_approve", "manual_review", "out_of_scope", "superseded")
)


class Output(msgspec.Struct, frozen=True, gc=False):
    """One record to write, to the partition of its input."""

    topic: int
    """``APPROVALS``, ``REVIEWS``, ``SKIPPED`` or ``DEAD_LETTERS``."""
    key: bytes | None
    value: bytes | None
    headers: Sequence[Header]


class Judged(msgspec.Struct):
    """What came of a slice, for the sink and for the counters."""

    outputs: list[Output]
    reasons: dict[tuple[str, str | None, tuple[str, ...]], int]
    """(disposition, outcome, reason codes) -> new decisions that are no approvals."""
    ages_ms: list[int]
    """Request time to decision, of every new decision that has one."""
    dead: dict[str, int]
    """Error -> dead letters."""
    approved: int = 0
    """New approvals; they all have the same one reason."""
    touched: list[str] = msgspec.field(default_factory=list)
    """Refund ids whose notices may be due now."""
    repeated: int = 0
    misrouted: int = 0
    doubted: int = 0
    """Plain decisions that differ from those of the rules: 0 or 1."""
    answered: int = 0
    """Offsets skipped because they had an output before the last restart."""


Read = Request | Unreadable | None
"""A request, why a record is none, or None: it had its output before a restart."""


class Site(msgspec.Struct, frozen=True, kw_only=True):
    """Names that go into records, and limits of what is read."""

    input_topic: str
    partitions: int
    record_max_bytes: int
    source_name: str
    app_version: str


class Judge:
    """Judges slices of one or more partitions."""

    def __init__(self, site: Site, shared: SharedTables, breaker: Breaker) -> None:
        self._site = site
        self._shared = shared
        self._breaker = breaker
        self._source = event_source(site.source_name)
        self._known: Known | None = None
        self._compared_ms = 0
        """When a plain decision was last judged the long way too, UTC ms."""
        self._doubtful = False
        """A plain decision was not what the rules make of it: they alone decide now."""

    def read(
        self, records: Sequence[Record], answered: set[int], orders: Container[str]
    ) -> tuple[list[Read], bool]:
        """Read the requests of a slice.

        Parameters
        ----------
        answered
            Offsets that already have an output; they are skipped. They stay in the set
            until the slice is judged: it may yet be left to a later assignment.
        orders
            Ids of the orders that are known.

        Returns
        -------
        tuple
            One item a record (the request, why there is none, or None = answered),
            and whether a request names an order that is not known (yet).
        """
        limit = self._site.record_max_bytes
        found: list[Read] = []
        missing = False
        for record in records:
            value = record.value
            if answered and record.offset in answered:
                found.append(None)
            elif value is not None and len(value) > limit:
                found.append(
                    Unreadable("too_large", f"{len(value)} bytes, over {limit}")
                )
            else:
                request = decode_request(value)
                if isinstance(request, Request):
                    order_id = request.order_id
                    missing = missing or (
                        order_id is not None and order_id not in orders
                    )
                found.append(request)
        return found, missing

    def judge(
        self,
        records: Sequence[Record],
        requests: Sequence[Read],
        tables: PartitionTables,
        now_ms: int,
    ) -> Judged:
        """Judge consecutive records of one partition.

        Parameters
        ----------
        requests
            What :meth:`read` made of the records.
        tables
            Facts and memory of that partition; decisions are remembered in it.
        now_ms
            ``decided_at_ms`` of every decision in the slice, UTC ms.
        """
        topic = self._site.input_topic
        work = _Work(
            tables,
            SliceHeaders(_TYPES, self._source, topic, tables.partition, now_ms),
            lists_as_of(tables, self._shared),
            now_ms,
            _later_versions(requests),
        )
        work.newest = self._shared.policies[-1] if self._shared.policies else None
        work.plain = self._plain_at(work)
        for record, request in zip(records, requests, strict=True):
            if request is None:
                work.judged.answered += 1
            elif isinstance(request, Unreadable):
                self._bury(record, work, request)
            else:
                self._answer(record, request, work)
        return work.judged

    def _bury(self, record: Record, work: "_Work", why: Unreadable) -> None:
        judged = work.judged
        headers = dead_letter_headers(
            record.headers,
            (self._site.input_topic, work.tables.partition, record.offset),
            ("decode", why.error, why.message),
            work.now_ms,
            self._site.app_version,
        )
        judged.outputs.append(Output(DEAD_LETTERS, record.key, record.value, headers))
        judged.dead[why.error] = judged.dead.get(why.error, 0) + 1

    def _answer(self, record: Record, request: Request, work: "_Work") -> None:
        ledger = work.tables.ledger
        refund_id = request.refund_id
        withdraws = request.action == "withdraw"
        if refund_id in ledger.newest:
            first = ledger.find(refund_id, request.refund_version, withdraws=withdraws)
            if first is not None:
                self._repeat(record, first, work)
                return
        elif work.plain is not None and self._plainly(
            record, request, work.plain, work
        ):
            return
        decision = self._decide(request, work)
        value = encode_decision(decision)
        outcome, disposition = decision.outcome, decision.disposition
        judged = work.judged
        judged.outputs.append(
            Output(
                APPROVALS
                if outcome == APPROVED
                else REVIEWS
                if outcome is not None
                else SKIPPED,
                record.key,
                value,
                work.headers.build(
                    outcome or disposition,
                    decision.decision_id,
                    record.offset,
                    record.headers,
                ),
            )
        )
        if outcome is AUTO_APPROVE:
            judged.approved += 1
        else:
            counted = (disposition, outcome, decision.reason_codes)
            judged.reasons[counted] = judged.reasons.get(counted, 0) + 1
        if decision.requested_at_ms is not None:
            judged.ages_ms.append(work.now_ms - decision.requested_at_ms)
        ledger.add(
            Entry(
                refund_id,
                request.refund_version,
                decision.order_id,
                decision.buyer_id,
                disposition,
                outcome,
                work.now_ms,
                decision.refund_fen,
                withdraws,
                decision.reason_codes,
                value,
                ledger.newest.get(refund_id),
            )
        )
        seen = decision.seen
        if withdraws or (
            outcome == APPROVED and seen is not None and seen.ship_signals
        ):
            judged.touched.append(refund_id)

    def _plain_at(self, work: "_Work") -> Plain | None:
        """Get ready for the plain requests of a slice, if the policy allows any."""
        policy, known = work.newest, self._known
        if policy is None or self._doubtful:
            return None
        if known is None or known.policy is not policy:
            known = self._known = Known(policy)
        if not known.usable:
            return None
        moment = Moment(
            work.now_ms,
            self._shared.catalog,
            work.lists_ms,
            work.orders_ms,
            work.buyers_ms,
        )
        return plain_at(known, moment)

    def _plainly(
        self, record: Record, request: Request, plain: Plain, work: "_Work"
    ) -> bool:
        """Answer a request the short way; False = it takes the long one."""
        tables, now_ms = work.tables, work.now_ms
        ledger = tables.ledger
        order_id, at_ms = request.order_id, request.requested_at_ms
        if (
            order_id is None
            or at_ms is None
            or at_ms < plain.policy.effective_from_ms
            or order_id in ledger.by_order
            or order_id in ledger.vetoes
            or (work.later and request.refund_id in work.later)
        ):
            return False
        order = tables.orders.get(order_id)
        buyer = tables.buyers.get(request.buyer_id)  # type: ignore[arg-type]  # None is in no table
        if order is None or buyer is None:
            return False
        shop = self._shared.shops.get(request.shop_id)  # type: ignore[arg-type]  # nor here
        approval = plain.approve(request, order, buyer, shop)
        if approval is None:
            return False
        written = approval.written()
        since_ms = now_ms - self._compared_ms  # below 0 when the clock was set back
        if not 0 <= since_ms < _COMPARE_MS and not self._same(request, written, work):
            return False
        identity, value = written
        headers = work.headers.build(
            AUTO_APPROVE, identity, record.offset, record.headers
        )
        judged = work.judged
        judged.outputs.append(Output(APPROVALS, record.key, value, headers))
        judged.approved += 1
        judged.ages_ms.append(now_ms - at_ms)
        ledger.add(
            Entry(
                request.refund_id,
                approval.version,
                approval.order_id,
                approval.buyer_id,
                DECIDED,
                AUTO_APPROVE,
                now_ms,
                approval.refund_fen,
                False,  # noqa: FBT003 - by place, as everywhere on this path
                PASSED_CODES,
                approval,
            )
        )
        return True

    def _same(self, request: Request, written: Written, work: "_Work") -> bool:
        """Judge a plain request the long way too.

        Should the two ever differ, the rules are right, and are trusted alone from
        then on.
        """
        self._compared_ms = work.now_ms
        if encode_decision(self._decide(request, work)) == written[1]:
            return True
        self._doubtful = True
        work.plain = None
        work.judged.doubted += 1
        log.error(
            "a plain decision differs from what the rules decide; "
            "until the next start the rules decide everything"
        )
        return False

    def _repeat(self, record: Record, first: Entry, work: "_Work") -> None:
        """Give the first decision's bytes again (case 57); nothing is counted twice."""
        topic = (
            APPROVALS
            if first.outcome == APPROVED
            else REVIEWS
            if first.outcome
            else SKIPPED
        )
        found = recover(first.value)
        identity = found.decision_id if found is not None else first.refund_id
        headers = work.headers.build(
            first.outcome or first.disposition, identity, record.offset, record.headers
        )
        work.judged.outputs.append(Output(topic, record.key, first.value, headers))
        work.judged.repeated += 1

    def _decide(self, request: Request, work: "_Work") -> Decision:
        shared, tables, now_ms = self._shared, work.tables, work.now_ms
        pinned_ms = (
            now_ms if request.requested_at_ms is None else request.requested_at_ms
        )
        policy = work.newest
        if policy is None or policy.effective_from_ms > pinned_ms:
            policy = shared.policies.at(pinned_ms)
        order_id = request.order_id
        order = tables.orders.get(order_id) if order_id is not None else None
        buyer_id, shop_id = request.buyer_id, request.shop_id
        if order is not None:
            if buyer_id is None and isinstance(order.buyer_id, str):
                buyer_id = order.buyer_id
            if shop_id is None and isinstance(order.shop_id, str):
                shop_id = order.shop_id
        buyer = tables.buyers.get(buyer_id) if buyer_id is not None else None
        if buyer is None:  # a buyer in the tables has been checked already
            request = self._check_route(request, buyer_id, work)
        guarded = policy is not None and policy.breaker_window_ms is not None
        facts = Facts(
            order,
            None if order is None else fresh(order.as_of_ms, work.orders_ms),
            buyer,
            None if buyer is None else fresh(buyer.as_of_ms, work.buyers_ms),
            shared.shops.get(shop_id) if shop_id is not None else None,
            shared.catalog,
            work.lists_ms,
            self._history(request, buyer_id, policy, work),
            tables.ledger.vetoes.get(order_id, False)
            if order_id is not None
            else False,
            self._breaker.scope_open(shop_id, now_ms, policy)
            if guarded and policy
            else None,
            request.unavailable,
        )
        seen = see(request, facts, policy, now_ms)
        decision = decide(request, seen, policy, now_ms)
        if guarded and policy is not None and decision.outcome == APPROVED:
            return self._admit(request, seen, policy, decision)
        return decision

    def _admit(
        self, request: Request, seen: Seen, policy: Policy, decision: Decision
    ) -> Decision:
        """Let the breaker count an approval, or turn it into a person's."""
        at_ms = decision.decided_at_ms
        tripped = self._breaker.admit(
            decision.decision_id, decision.shop_id, decision.refund_fen, at_ms, policy
        )
        if tripped is None:
            return decision
        return decide(
            request, msgspec.structs.replace(seen, breaker=tripped), policy, at_ms
        )

    def _check_route(
        self, request: Request, buyer_id: str | None, work: "_Work"
    ) -> Request:
        """Send a request in a partition that is not its buyer's to a person."""
        owner = buyer_id or request.order_id
        if (
            owner is None
            or partition_of(owner, self._site.partitions) == work.tables.partition
        ):
            return request
        work.judged.misrouted += 1
        return msgspec.structs.replace(
            request, faults=(*(request.faults or ()), "partition")
        )

    def _history(
        self,
        request: Request,
        buyer_id: str | None,
        policy: Policy | None,
        work: "_Work",
    ) -> History:
        ledger: Ledger = work.tables.ledger
        refund_id, order_id = request.refund_id, request.order_id
        counts = (
            policy is not None
            and buyer_id is not None
            and (
                policy.buyer_count_max is not None
                or policy.buyer_amount_quota_fen is not None
            )
        )
        later = work.later.get(refund_id) if work.later else None
        if (
            not counts
            and later is None
            and refund_id not in ledger.newest
            and (order_id is None or order_id not in ledger.by_order)
        ):
            return NO_HISTORY
        rows = ledger.rows(refund_id, order_id)
        if counts and buyer_id is not None:
            known = {(row.refund_id, row.refund_version) for row in rows}
            rows += [
                row
                for row in ledger.rows_of_buyer(buyer_id)
                if (row.refund_id, row.refund_version) not in known
            ]
        if later is not None:
            rows += [row for at, row in later if at is not request]
        return find(request, order_id, rows, policy, work.now_ms)


class _Work:
    """What one call of ``judge`` carries along."""

    __slots__ = (
        "buyers_ms",
        "headers",
        "judged",
        "later",
        "lists_ms",
        "newest",
        "now_ms",
        "orders_ms",
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
    ) -> None:
        self.judged = Judged([], {}, [], {})
        self.tables = tables
        self.headers = headers
        self.lists_ms = lists_ms
        self.now_ms = now_ms
        self.later = later
        self.orders_ms = tables.order_marks.ms
        self.buyers_ms = tables.buyer_marks.ms
        self.newest: Policy | None = None
        self.plain: Plain | None = None


def _later_versions(requests: Sequence[Read]) -> dict[str, list[tuple[Request, Past]]]:
    """Find refunds that occur twice in a slice: a later version is already here.

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
    return {refund_id: rows for refund_id, rows in found.items() if len(rows) > 1}
