"""Which rules the fast path answers, and how.

A rule that is not named here is unknown to
:mod:`streams.families.fast_refund.fast_rules`: no request is plain under a policy that
runs it. So a new rule that nobody thought of here costs speed, and never lets out an
approval that it objects to.
"""

from collections.abc import Mapping
from typing import Final

from streams.families.fast_refund.policy import Policy
from streams.families.fast_refund.rules import (
    ABSENT,
    Check,
    amount,
    buyer,
    goods,
    order,
    prior_refunds,
    request,
    running_rules,
    shop,
)

ASKED: Final[frozenset[Check]] = frozenset(
    {
        request.request_shape,
        request.event_time,
        request.refund_kind,
        request.version,
        order.order_status,
        goods.category,
        goods.category_tree,
        amount.paid_amount,
        amount.currency,
        amount.refund_amount,
        buyer.buyer,
        buyer.buyer_quality,
        shop.shop,
        shop.shop_eligible,
        shop.lists,
        order.pay_later,
    }
)
"""Their own conditions are asked of every request."""

EMPTY: Final[Mapping[Check, str]] = {
    request.route: "expected_partition",
    request.edited_after_approval: "history",
    request.service_not_paused: "pause",
    request.breaker: "breaker",
    request.look_ups: "unavailable",
    goods.sku: "listed",
    goods.sku_known: "unnamed_lines",
    amount.paid_amount_kept: "total_changed_at_ms",
    buyer.buyer_limits: "limits",
    buyer.order_veto: "order_vetoed",
    prior_refunds.other_refunds: "history",
    prior_refunds.one_auto_approval: "history",
    order.presale: "presale_stage",
    order.delivery_block: "delivery_block",
    order.risk_code: "risk_code",
    order.order_detail: ABSENT,
}
"""They cannot speak: a request is plain only while this field of ``seen`` is empty."""


def answers_all(policy: Policy) -> bool:
    """Whether the fast path answers every rule that a policy runs."""
    return all(
        rule.check in ASKED
        or (rule.needs is not None and EMPTY.get(rule.check) == rule.needs)
        for rule in running_rules(policy)
    )
