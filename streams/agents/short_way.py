"""Plain requests of a slice, answered the short way and watched by the long one."""

import logging
from collections.abc import Iterable
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

_COMPARED_AT_ONCE: Final = 1_000
"""Plain decisions that may be judged the long way too without a pause; each millisecond
allows for one more. So up to 1,000 a second are all compared, and as many above it."""


class ShortWay:
    """Answers what :class:`~streams.decision.plain.Plain` knows to be plain."""

    def __init__(self, site: Site, shared: SharedTables, long_way: LongWay) -> None:
        self._site = site
        self._surely_fits = site.surely_fits_bytes
        self._shared = shared
        self._long_way = long_way
        self._known: Known | None = None
        self._to_compare = _COMPARED_AT_ONCE
        """How many plain decisions may be judged the long way too."""
        self._counted_ms = 0
        """Up to when ``_to_compare`` was filled up, UTC ms."""
        self.doubtful = False
        """A plain decision was not what the rules make of it: they alone decide now."""

    def distrusts(self) -> str | None:
        """Return this version if its short way was found wrong, for the next worker."""
        return self._site.app_version if self.doubtful else None

    def heard(self, distrusted: Iterable[str | None]) -> None:
        """Give the short way up if a worker of this version found it wrong before.

        Parameters
        ----------
        distrusted
            Versions whose short way was found wrong, as committed beside offsets.
        """
        if not self.doubtful and self._site.app_version in distrusted:
            self.doubtful = True
            log.warning(
                "a worker of this version found that the short way differs from the "
                "rules; the rules decide everything until another version runs"
            )

    def ready(self, work: Work) -> Plain | None:
        """Get ready for the plain requests of a slice, if the policy allows any."""
        policy, known = work.newest, self._known
        if policy is None or self.doubtful:
            return None
        if known is None or known.policy is not policy:
            known = self._known = Known(policy)
        if not known.usable:
            return None
        self._fill_up(work.now_ms)
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
        if self._to_compare > 0 and not self._same(request, written, work):
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
        self._to_compare -= 1
        if encode_decision(self._long_way.decide(request, work)) == written[1]:
            return True
        self.doubtful = True
        work.plain = None
        work.judged.doubted += 1
        log.error(
            "the short way and the rules decide %s differently; the rules were followed, "
            "and decide everything until another version runs",
            written[0],
        )
        return False

    def _fill_up(self, now_ms: int) -> None:
        """Allow as many comparisons as time has passed for."""
        passed_ms = max(0, now_ms - self._counted_ms)  # the clock may be set back
        self._to_compare = min(_COMPARED_AT_ONCE, self._to_compare + passed_ms)
        self._counted_ms = now_ms
