"""The fast path's rules: judge and encode the most common decision in one pass.

Most requests are plain: an approval like the one before, with nothing unusual about
order, buyer or shop. The full path (see, run every rule, encode) spends most of its
time on facts that are absent. :meth:`FastRules.approve` checks whether a request is so
plain that every rule must hold, and then encodes exactly the bytes that the full path
would write.

Its conditions are sufficient, not necessary: any request that it does not know to be
plain is left to the full path, so it can only approve what the rules approve. Tests
compare it with the full path on mixtures of all worked cases and at every bound; a
worker judges up to a thousand plain requests a second on the full path too.
"""

from typing import Final

import msgspec

from streams.families.fast_refund.fast_record import (
    Approval,
    Common,
    ShopText,
    common_text,
    json_text,
    named_by,
    shop_text,
)
from streams.families.fast_refund.listed import all_named, may_be_listed
from streams.families.fast_refund.model import (
    NOTHING_UNUSUAL,
    Buyer,
    Catalog,
    Goods,
    Order,
    Quality,
    Request,
    Shop,
)
from streams.families.fast_refund.policy import Policy
from streams.families.fast_refund.rules import answered_fast
from streams.families.fast_refund.rules.amount import CURRENCY
from streams.families.fast_refund.rules.buyer import KNOWN, QUALITY
from streams.families.fast_refund.rules.goods import root_of
from streams.families.fast_refund.rules.order import PAID
from streams.families.fast_refund.rules.purchase import PAY_LATER_TYPE
from streams.families.fast_refund.rules.request import ORDINARY
from streams.families.fast_refund.rules.shop import eligible

FAR: Final = 1 << 53
"""Larger numbers are left to the full path, which knows how to encode them."""

_ACTIONS: Final[dict[str | None, str]] = {name: name for name in ("open", "edit")}
"""Maps each name to itself, so that a million approvals share one text."""
_MEMO_MAX: Final = 65_536


def usable(policy: Policy) -> bool:
    """Whether a policy has no option on that needs more than a plain request shows."""
    return (
        answered_fast(policy)
        and policy.breaker_window_ms is None
        and policy.paid_limit_fen <= FAR
    )


class PolicyConstants:
    """Cached parts of records under one policy: goods and shops."""

    __slots__ = (
        "_names",
        "_names_count",
        "goods_found",
        "kinds",
        "named",
        "policy",
        "shops_found",
        "usable",
    )

    def __init__(self, policy: Policy) -> None:
        self.policy = policy
        self.usable = usable(policy)
        self.named = named_by(policy)
        self.kinds: dict[str | None, str] = {
            kind: kind for kind in policy.in_scope_kinds
        }
        self.goods_found: dict[int, tuple[Goods, str | None]] = {}
        """Identity of goods -> (goods, text); keeping the goods keeps their identity
        unique."""
        self.shops_found: dict[str, ShopText | None] = {}
        self._names: set[str] | None = None
        self._names_count = 0

    def listed(self, names: set[str] | None) -> None:
        """Drop the cached goods when the catalogue lists more than before.

        ``names`` (:class:`~streams.families.fast_refund.model.Catalog`) only grows, so
        its length shows a change.
        """
        count = 0 if names is None else len(names)
        if names is not self._names or count != self._names_count:
            self.goods_found.clear()
            self._names, self._names_count = names, count

    def goods(self, goods: Goods) -> str | None:
        """Return the fields of goods as JSON; None when they are not plain."""
        found = self.goods_found.get(id(goods))
        if found is not None:
            return found[1]
        if len(self.goods_found) >= _MEMO_MAX:
            self.goods_found.clear()
        text = _goods_text(goods) if self._plain(goods) else None
        self.goods_found[id(goods)] = goods, text
        return text

    def _plain(self, goods: Goods) -> bool:
        """Whether goods are unshipped, not custom-made, and of known categories without an entry.

        A line that names no article is left to the full path (E-29).
        """
        excluded = self.policy.excluded_roots
        columns = goods.paths, goods.quantities, goods.shipped_counts, goods.customs
        if {len(column) for column in columns} != {len(goods.skus)}:
            return False
        # Asked here: category (FR-1.2b), order_status (FR-1.4c).
        for path, quantity, count, custom in zip(*columns, strict=True):
            root = root_of(path)
            if (
                root is None
                or root in excluded
                or type(count) is not int
                or count != 0
                or type(quantity) is not int
                or quantity < 1
                or custom is not False
            ):
                return False
        # Asked here: category_tree (FR-1.7(2)b).
        return (
            bool(goods.paths)
            and all_named(goods)
            and not may_be_listed(self._names, goods)
        )

    def shop(self, shop_id: str, row: Shop | None) -> ShopText | None:
        """Return an eligible shop; None when a rule might object."""
        found = self.shops_found.get(shop_id)
        if found is not None and found.row is row:
            return found
        if len(self.shops_found) >= _MEMO_MAX:
            self.shops_found.clear()
        found = self.shops_found[shop_id] = self._shop(shop_id, row)
        return found

    def _shop(self, shop_id: str, row: Shop | None) -> ShopText | None:
        if row is None:
            return shop_text(row, shop_id)
        if row.shop_id != shop_id:
            return None
        # Asked here: shop_eligible (FR-1.7(2)a).
        if eligible(row.enabled, row.standing, self.policy):
            return None
        return shop_text(row, shop_id, row.standing, row.enabled, row.as_of_ms)


class Moment(msgspec.Struct, frozen=True, gc=False):
    """The common facts of all requests of a slice."""

    decided_at_ms: int
    catalog: Catalog | None
    lists_as_of_ms: int | None
    orders_ms: int | None
    """Watermark of the orders; None = no watermark yet."""
    buyers_ms: int | None
    pause: object
    """The operator's pause in force (FR-Q3); None = no pause. During a pause no request
    is plain."""


def fast_rules_at(known: PolicyConstants, moment: Moment) -> "FastRules | None":
    """Return the fast rules for a slice; None when no request of it can be plain.

    Limits, shops, articles, vetoes and the category tree are the same for the whole
    slice, and must be fresh.
    """
    policy, catalog = known.policy, moment.catalog
    lists_ms = moment.lists_as_of_ms
    if catalog is None or lists_ms is None or moment.pause is not None:
        return None
    tree_ms, now_ms = catalog.as_of_ms, moment.decided_at_ms
    latest_ms = now_ms + policy.future_skew_ms
    # Asked here: category_tree (FR-1.7(2)b), lists (FR-1.7).
    if (
        type(tree_ms) is not int
        or not now_ms - policy.category_max_age_ms <= tree_ms <= latest_ms
        or not now_ms - policy.lists_max_age_ms <= lists_ms <= latest_ms
    ):
        return None
    known.listed(catalog.names)
    return FastRules(known, moment, tree_ms, lists_ms)


class FastRules:
    """Judges the plain requests of one slice; made by :func:`fast_rules_at`."""

    __slots__ = (
        "_buyers_from_ms",
        "_buyers_ms",
        "_common",
        "_decided_at_ms",
        "_goods",
        "_kinds",
        "_known",
        "_latest_ms",
        "_orders_from_ms",
        "_orders_ms",
        "_shops",
        "policy",
        "text",
    )

    def __init__(
        self, known: PolicyConstants, moment: Moment, tree_ms: int, lists_ms: int
    ) -> None:
        policy, now_ms = known.policy, moment.decided_at_ms
        self._known = known
        self._goods, self._shops = known.goods_found, known.shops_found
        self.policy = policy
        self._decided_at_ms = now_ms
        self._latest_ms = now_ms + policy.future_skew_ms
        self._orders_ms = moment.orders_ms or 0
        self._buyers_ms = moment.buyers_ms or 0
        # The oldest moments that are still fresh, inclusive (FR-1.4a to c).
        self._orders_from_ms = now_ms - min(
            policy.order_status_max_age_ms, policy.paid_amount_max_age_ms
        )
        self._buyers_from_ms = now_ms - policy.quality_max_age_ms
        self._kinds = known.kinds
        self._common = Common(known.named, now_ms, tree_ms, lists_ms)
        self.text = common_text(self._common, self._orders_ms, self._buyers_ms)
        """Common text of every approval of the slice."""

    def approve(  # noqa: C901, PLR0911 - calls cost more than they hold here
        self, request: Request, order: Order, buyer: Buyer, shop: Shop | None
    ) -> Approval | None:
        """Approve a request if it is plain; None = the full path must judge it.

        Long, because it reads every field once and a call costs as much as ten of them.
        The caller has checked the rest: no veto, no history, no failed look-up, and the
        given policy is in force for the request.

        Parameters
        ----------
        order, buyer, shop
            The rows of the request's ids; no shop row = covered.
        """
        refund_id, version = request.refund_id, request.refund_version
        order_id, buyer_id = request.order_id, request.buyer_id
        shop_id, asked_fen = request.shop_id, request.refund_fen
        at_ms, action = request.requested_at_ms, _ACTIONS.get(request.action)
        kind = self._kinds.get(request.refund_kind)
        policy, latest_ms = self.policy, self._latest_ms
        # Asked here: request_shape, event_time, refund_kind (FR-Q1), version.
        if (
            version is None
            or asked_fen is None
            or at_ms is None
            or not 0 <= at_ms <= latest_ms
            or not 0 <= version < FAR
            or request.special_refund_type != ORDINARY
            or kind is None
            or action is None
            or request.faults is not None
            or request.unavailable is not None
            or request.lines
        ):
            return None
        paid_fen, left_fen = order.paid_fen, order.refundable_left_fen
        order_version, paid_at_ms = order.order_version, order.paid_at_ms
        pay_type, order_ms = order.pay_type, order.as_of_ms
        # Asked here: buyer (FR-1.4a), shop (FR-1.2a), order_status (FR-1.4c), currency and
        # paid_amount (FR-1.4b), refund_amount.
        if (
            not order_id
            or not buyer_id
            or not shop_id
            or order.order_id != order_id
            or order.buyer_id != buyer_id
            or order.shop_id != shop_id
            or order.order_status != PAID
            or order.currency != CURRENCY
            or type(paid_fen) is not int
            or type(left_fen) is not int
            or not 0 < asked_fen <= left_fen <= paid_fen < policy.paid_limit_fen
            or (policy.whole_order_only and asked_fen < left_fen)
            or type(order_version) is not int
            or not 0 <= order_version < FAR
            or type(order_ms) is not int
            or order.rare_fields is not NOTHING_UNUSUAL
        ):
            return None
        buyer_ms, quality = buyer.as_of_ms, buyer.quality
        # Asked here: buyer_quality (FR-1.4a).
        if (
            not quality
            or buyer.limits != ()
            or type(buyer_ms) is not int
            or buyer.buyer_id != buyer_id
        ):
            return None
        from_ms = quality[-1].from_ms
        if (
            quality[-1].value != QUALITY
            or type(from_ms) is not int
            or from_ms > at_ms
            or from_ms > self._decided_at_ms
            or (len(quality) > 1 and not _newest_last(quality, from_ms))
        ):
            return None
        if order_ms < self._orders_ms:  # noqa: PLR1730 - as above
            order_ms = self._orders_ms
        if buyer_ms < self._buyers_ms:  # noqa: PLR1730 - as above
            buyer_ms = self._buyers_ms
        # Asked here: that order_status, paid_amount and buyer_quality are fresh.
        if (
            not self._orders_from_ms <= order_ms <= latest_ms
            or not self._buyers_from_ms <= buyer_ms <= latest_ms
        ):
            return None
        if paid_at_ms is not None and (
            type(paid_at_ms) is not int or not 0 <= paid_at_ms < FAR
        ):
            return None
        # Asked here: pay_later.
        if pay_type is not None and (
            type(pay_type) is not int
            or pay_type == PAY_LATER_TYPE
            or not 0 <= pay_type < FAR
        ):
            return None
        ids = f"{refund_id}{order_id}{buyer_id}"
        if not ids.isprintable() or '"' in ids or "\\" in ids:
            return None  # would need escapes
        found = self._goods.get(id(order.goods))
        goods = self._known.goods(order.goods) if found is None else found[1]
        text = self._shops.get(shop_id)
        if text is None or text.row is not shop:
            text = self._known.shop(shop_id, shop)
        if goods is None or text is None:
            return None
        return Approval(
            refund_id,
            version,
            order.order_id,  # equal to the request's, but already kept by the tables
            order.buyer_id,
            left_fen if asked_fen == left_fen else asked_fen,
            at_ms,
            order_version,
            paid_fen,
            left_fen,
            order_ms,
            buyer_ms,
            paid_at_ms,
            pay_type,
            kind,
            action,
            goods,
            text,
            self._common,
        )


def _newest_last(entries: tuple[Quality, ...], newest_ms: int) -> bool:
    """E-31: whether all entries are readable and none began after the last one."""
    for entry in entries:
        from_ms = entry.from_ms
        if type(from_ms) is not int or from_ms > newest_ms or entry.value not in KNOWN:
            return False
    return True


def _goods_text(goods: Goods) -> str:
    return (
        f'"shipped_counts":{json_text(goods.shipped_counts)}'
        f',"quantities":{json_text(goods.quantities)}'
        f',"paths":{json_text(goods.paths)}'
        f',"customs":{json_text(goods.customs)}'
        f',"skus":{json_text(goods.skus)}'
    )
