"""Answer plain requests on the fast path, and compare samples with the full path."""

from collections.abc import Iterable
from typing import Final

from streams.families.fast_refund.decide import AUTO_APPROVE
from streams.families.fast_refund.decision_codec import encode_decision
from streams.families.fast_refund.fast_record import Written
from streams.families.fast_refund.fast_rules import (
    FastRules,
    Moment,
    PolicyConstants,
    fast_rules_at,
)
from streams.families.fast_refund.full_path import FullPath
from streams.families.fast_refund.model import Request
from streams.families.fast_refund.shared_tables import SharedTables
from streams.families.fast_refund.slice_work import SliceWork
from streams.families.fast_refund.topics import APPROVALS
from streams.processing.news import News, news_queue
from streams.processing.site import Site
from streams.processing.slice_result import Output
from streams.records.record import Record

_APPROVALS: Final = APPROVALS.name
_COMPARED_AT_ONCE: Final = 1_000
"""Fast decisions that may be compared with the full path in one burst; each millisecond
allows one more. So up to 1,000 a second all are compared, above that 1,000 a second."""


class FastPath:
    """Answers the requests that :class:`FastRules` knows to be plain."""

    def __init__(self, site: Site, shared: SharedTables, full_path: FullPath) -> None:
        self._site = site
        self._surely_fits = site.surely_fits_bytes
        self._shared = shared
        self._full_path = full_path
        self._known: PolicyConstants | None = None
        self._to_compare = _COMPARED_AT_ONCE
        """How many more fast decisions may be compared now."""
        self._counted_ms = 0
        """When ``_to_compare`` was last refilled, UTC ms."""
        self.news = news_queue()
        """Lines that are not logged yet."""
        self.doubtful = False
        """True = a fast decision differed from the full path, which alone decides from
        then on."""

    def distrusts(self) -> str | None:
        """Return this program version if its fast path was found wrong, for the next worker."""
        return self._site.app_version if self.doubtful else None

    def heard(self, distrusted: Iterable[str | None]) -> None:
        """Switch the fast path off if a worker of this version found it wrong before.

        Parameters
        ----------
        distrusted
            Versions whose fast path was found wrong, as committed with offsets.
        """
        if not self.doubtful and self._site.app_version in distrusted:
            self.doubtful = True
            text = (
                "a worker of this version found that the fast path differs from the "
                "rules; the rules decide everything until another version runs"
            )
            self.news.append(News("warning", text))

    def ready(self, work: SliceWork) -> FastRules | None:
        """Return the fast rules for a slice; None when no request of it can be plain."""
        policy, known = work.newest, self._known
        if policy is None or self.doubtful:
            return None
        if known is None or known.policy is not policy:
            known = self._known = PolicyConstants(policy)
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
        return fast_rules_at(known, moment)

    def answer(
        self, record: Record, request: Request, plain: FastRules, work: SliceWork
    ) -> bool:
        """Answer a request on the fast path; False = the full path must judge it."""
        tables, now_ms = work.tables, work.now_ms
        # Named first: Python finds an attribute that is called at once more slowly.
        on_order, vetoed = tables.ledger.on_order, tables.ledger.vetoed
        order_of, buyer_of = tables.orders.get, tables.buyers.get
        shop_of = self._shared.shops.get
        order_id, at_ms = request.order_id, request.requested_at_ms
        if (
            order_id is None
            or at_ms is None
            or at_ms < plain.policy.effective_from_ms
            or on_order(order_id)
            or vetoed(order_id)
            or (work.later and request.refund_id in work.later)
        ):
            return False
        order = order_of(order_id)
        buyer = buyer_of(request.buyer_id)
        if order is None or buyer is None:
            return False
        shop = shop_of(request.shop_id)
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
        judged.outputs.append(Output(_APPROVALS, made))
        judged.approved += 1
        judged.ages_ms.append(now_ms - at_ms)
        tables.ledger.remember(approval)
        return True

    def _same(self, request: Request, written: Written, work: SliceWork) -> bool:
        """Compare a fast decision with the full path.

        If they ever differ, the full path is right, and alone decides from then on.
        """
        self._to_compare -= 1
        if encode_decision(self._full_path.decide(request, work)) == written[1]:
            return True
        self.doubtful = True
        work.plain = None
        work.judged.doubted += 1
        text = (
            f"the fast path and the rules decide {written[0]} differently; the rules were "
            "followed, and decide everything until another version runs"
        )
        self.news.append(News("error", text))
        return False

    def _fill_up(self, now_ms: int) -> None:
        """Refill the allowed comparisons for the time that has passed."""
        passed_ms = max(0, now_ms - self._counted_ms)  # the clock may be set back
        self._to_compare = min(_COMPARED_AT_ONCE, self._to_compare + passed_ms)
        self._counted_ms = now_ms
