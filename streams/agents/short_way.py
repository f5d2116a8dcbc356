"""Plain requests of a slice, answered the short way and watched by the long one."""

import logging
from typing import Final

from streams.agents.long_way import LongWay
from streams.agents.slices import APPROVALS, Output, Site, Work
from streams.decision.approval import Written
from streams.decision.engine import AUTO_APPROVE
from streams.decision.model import Request
from streams.decision.plain import Known, Moment, Plain, plain_at
from streams.kafka.record import Record
from streams.kafka.tables import SharedTables
from streams.records.decisions import encode_decision

log = logging.getLogger(__name__)

_COMPARE_MS: Final = 100
"""Between two plain decisions that are judged the long way too."""


class ShortWay:
    """Answers what :class:`~streams.decision.plain.Plain` knows to be plain."""

    def __init__(self, site: Site, shared: SharedTables, long_way: LongWay) -> None:
        self._site = site
        self._surely_fits = site.surely_fits_bytes
        self._shared = shared
        self._long_way = long_way
        self._known: Known | None = None
        self._compared_ms = 0
        """When a plain decision was last judged the long way too, UTC ms."""
        self.doubtful = False
        """A plain decision was not what the rules make of it: they alone decide now."""

    def ready(self, work: Work) -> Plain | None:
        """Get ready for the plain requests of a slice, if the policy allows any."""
        policy, known = work.newest, self._known
        if policy is None or self.doubtful:
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
            work.pause,
        )
        return plain_at(known, moment)

    def answer(
        self, record: Record, request: Request, plain: Plain, work: Work
    ) -> bool:
        """Answer a request the short way; False = it takes the long one."""
        tables, now_ms = work.tables, work.now_ms
        ledger = tables.ledger
        order_id, at_ms = request.order_id, request.requested_at_ms
        if (
            order_id is None
            or at_ms is None
            or at_ms < plain.policy.effective_from_ms
            or ledger.on_order(order_id)
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
        written = approval.written_with(plain.text)
        since_ms = now_ms - self._compared_ms  # below 0 when the clock was set back
        if not 0 <= since_ms < _COMPARE_MS and not self._same(request, written, work):
            return False
        identity, value = written
        headers = work.headers.build(
            AUTO_APPROVE, identity, record.offset, record.headers
        )
        made = (record.key, value, headers)
        if len(value) > self._surely_fits and not self._site.fits(made):
            return False
        judged = work.judged
        judged.outputs.append(Output(APPROVALS, made))
        judged.approved += 1
        judged.ages_ms.append(now_ms - at_ms)
        ledger.add(approval)
        return True

    def _same(self, request: Request, written: Written, work: Work) -> bool:
        """Judge a plain request the long way too.

        Should the two ever differ, the rules are right, and are trusted alone from
        then on.
        """
        self._compared_ms = work.now_ms
        if encode_decision(self._long_way.decide(request, work)) == written[1]:
            return True
        self.doubtful = True
        work.plain = None
        work.judged.doubted += 1
        log.error(
            "a plain decision differs from what the rules decide; "
            "until the next start the rules decide everything"
        )
        return False
