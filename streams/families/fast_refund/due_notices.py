"""Find due notices: those that the tables call for, minus those already written.

A reconciliation, not a reaction: after a load every approval is checked, later only
those that a change concerns. Ids are built from the decision, so a crash can delay a
notice but never lose or duplicate it.
"""

from collections.abc import Iterator, Sequence
from typing import Final

import msgspec

from streams.families.fast_refund.decision_codec import decode_decision, encode_decision
from streams.families.fast_refund.decision_history import Fate, Remembered
from streams.families.fast_refund.model import Decision
from streams.families.fast_refund.policy import Policy
from streams.families.fast_refund.reasons.request import REFUND_FAILED
from streams.families.fast_refund.shared_tables import SharedTables
from streams.families.fast_refund.ship_race import (
    LOSS_RECORDED,
    TEXTS,
    Race,
    judge_race,
)
from streams.families.fast_refund.tables import PartitionTables
from streams.families.fast_refund.topics import (
    NOTICES,
    ORDERS,
    OUTCOMES,
    REVIEWS,
    SHOPS,
)
from streams.processing.reconcile import DueOutput
from streams.processing.site import Site
from streams.records.headers import SliceHeaders, event_source, event_types
from streams.records.notices import FOLLOW_UP_SUFFIX, Notice, encode_notice

_DEFAULT_WATCH_DAYS: Final = 30

NOTICE_KINDS: Final = (
    "race_detected",
    "ship_after_refund",
    "loss_recorded",
    "withdrawn_after_approval",
    "merchant_switch_ignored",
)


FOLLOW_UP_KIND: Final = "manual_review"
"""The follow-up review of a failed payout is counted among the notices."""

_SOURCES: Final = {
    FOLLOW_UP_KIND: OUTCOMES,
    "merchant_switch_ignored": SHOPS,
}
"""Kind of output -> topic of the fact that causes it; otherwise the order topic."""
_TYPES: Final = event_types((*NOTICE_KINDS, FOLLOW_UP_KIND))


class Due(msgspec.Struct, frozen=True, gc=False):
    """One output that should exist and does not."""

    identity: str
    kind: str
    """One of :data:`NOTICE_KINDS`, or ``manual_review`` for the follow-up of a failed
    payout."""
    key: str
    value: bytes
    source_offset: int
    """Offset of the fact that caused it; -1 = unknown."""


def due(
    tables: PartitionTables, refund_id: str, policy: Policy | None, now_ms: int
) -> Iterator[Due]:
    """Yield the outputs that one refund calls for and that are not noted yet."""
    approval = tables.ledger.approval(refund_id)
    if approval is None:
        return
    noted = tables.ledger.noted
    for found in _wanted(tables, approval, policy, now_ms):
        if not noted(found.identity):
            yield found


def _wanted(
    tables: PartitionTables, approval: Remembered, policy: Policy | None, now_ms: int
) -> Iterator[Due]:
    yield from _race(tables, approval, policy, now_ms)
    if tables.ledger.withdrawn_after(approval.refund_id):
        yield _notice(approval, "withdrawn_after_approval", now_ms)
    fate = tables.ledger.fate_of(approval.refund_id)
    if fate is not None and fate.payout == "payout_failed":
        yield _follow_up(approval, fate, now_ms)


def _race(
    tables: PartitionTables, approval: Remembered, policy: Policy | None, now_ms: int
) -> Iterator[Due]:
    order = tables.orders.get(approval.order_id)
    if order is None:
        return
    race = judge_race(approval.decided_at_ms, order, _watch_days(policy))
    if race is None:
        return
    yield _notice(approval, race.kind, now_ms, race)
    if race.loss_bearer is not None:
        yield _notice(approval, LOSS_RECORDED, now_ms, race)


def _watch_days(policy: Policy | None) -> int:
    return policy.race_watch_days if policy is not None else _DEFAULT_WATCH_DAYS


_SHORT: Final = {"race_detected": "race", "ship_after_refund": "race"}
"""Both are results of one race, so at most one of them is written (2.3)."""


def _notice(
    approval: Remembered, kind: str, now_ms: int, race: Race | None = None
) -> Due:
    decision = decode_decision(approval.value)
    loss = race is not None and kind == LOSS_RECORDED
    text_zh, text_en = TEXTS.get(kind, (None, None))
    identity = f"{_SHORT.get(kind, kind)}:{decision.decision_id}"
    notice = Notice(
        notice_id=identity,
        kind=kind,
        decision_id=decision.decision_id,
        refund_id=approval.refund_id,
        order_id=approval.order_id,
        shop_id=decision.shop_id,
        noticed_at_ms=now_ms,
        gap_ms=race.gap_ms if race is not None else None,
        basis=race.basis if race is not None else None,
        handed_over_at_ms=race.handed_over_at_ms if race is not None else None,
        bearer=race.loss_bearer if race is not None and loss else None,
        amount_fen=approval.refund_fen if loss else None,
        text_zh=text_zh,
        text_en=text_en,
    )
    key = approval.order_id or approval.refund_id
    return Due(identity, kind, key, encode_notice(notice), -1)


def _follow_up(approval: Remembered, fate: Fate, now_ms: int) -> Due:
    """Case 72: return the manual review for the failed payout of an approval."""
    first: Decision = decode_decision(approval.value)
    decision = msgspec.structs.replace(
        first,
        decision_id=first.decision_id + FOLLOW_UP_SUFFIX,
        outcome="manual_review",
        reason_codes=(REFUND_FAILED.code,),
        payout_key=None,
        decided_at_ms=now_ms,
    )
    return Due(
        decision.decision_id,
        "manual_review",
        approval.refund_id,
        encode_decision(decision),
        fate.source_offset,
    )


def switch_ignored(shop_id: str, source: tuple[str, int, int], now_ms: int) -> Due:
    """FR-Q3, case 45: a merchant tried to switch the service; nothing changed."""
    topic, partition, offset = source
    identity = f"merchant_switch_ignored:{topic}:{partition}:{offset}"
    notice = Notice(
        notice_id=identity,
        kind="merchant_switch_ignored",
        decision_id=None,
        refund_id=None,
        order_id=None,
        shop_id=shop_id,
        noticed_at_ms=now_ms,
    )
    return Due(identity, notice.kind, shop_id, encode_notice(notice), offset)


class DueNotices:
    """Builds the records of due outputs.

    Parameters
    ----------
    shared
        Holds policies (how long an approval is watched) and merchants' switch attempts.
    """

    def __init__(self, site: Site, shared: SharedTables) -> None:
        self._site = site
        self._shared = shared
        self._source = event_source(site.source_name)

    def of(
        self,
        partition: int,
        refund_ids: Sequence[str],
        tables: PartitionTables,
        now_ms: int,
    ) -> Iterator[DueOutput]:
        """Yield the outputs of refunds, and notices of merchants' switch attempts."""
        policy = self._shared.policies.at(now_ms)
        for refund_id in refund_ids:
            for found in due(tables, refund_id, policy, now_ms):
                yield self._output(found, partition, now_ms)
        where = self._site.topic(SHOPS)
        for shop_id, offset in self._shared.take_switches(partition):
            found = switch_ignored(shop_id, (where, partition, offset), now_ms)
            if not tables.noted(found.identity):
                yield self._output(found, partition, now_ms)

    def _output(self, found: Due, partition: int, now_ms: int) -> DueOutput:
        source = self._site.topic(_SOURCES.get(found.kind, ORDERS))
        headers = SliceHeaders(_TYPES, self._source, source, partition, now_ms)
        block = headers.build(found.kind, found.identity, found.source_offset, ())
        topic = REVIEWS if found.kind == FOLLOW_UP_KIND else NOTICES
        record = (found.key.encode(), found.value, block)
        return DueOutput(found.identity, found.kind, topic.name, record)
