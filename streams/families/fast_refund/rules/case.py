"""A case: one request with its seen facts, as the rules read it."""

from typing import Final, TypeAlias

import msgspec

from streams.families.fast_refund.model import Request, Seen
from streams.families.fast_refund.policy import Policy
from streams.processing.reasons import Reasons

Codes: TypeAlias = Reasons
"""Every reason why a condition does not hold, unsorted; empty when it does."""


class Case(msgspec.Struct, frozen=True, gc=False):
    """The judged values: those of the request, the seen facts, the moments.

    An age is None when its ``as_of_ms`` is no moment or beyond the allowed skew (E-4):
    what it dates is then unknown.
    """

    seen: Seen
    decided_at_ms: int
    at_ms: int
    """T, or ``decided_at_ms`` without one (E-14)."""
    requested_at_ms: int | None
    refund_version: int | None
    refund_fen: int | None
    buyer_id: str | None
    shop_id: str | None
    order_age_ms: int | None
    buyer_age_ms: int | None
    tree_age_ms: int | None
    lists_age_ms: int | None
    has_policy: bool
    """False: no limit, age or skew may be judged (E-16)."""


FAR_AHEAD_MS: Final = 1 << 1024
"""The allowed skew when there is no policy (E-16)."""


def case_of(
    request: Request, seen: Seen, policy: Policy | None, decided_at_ms: int
) -> Case:
    """Build a case (E-4, E-14, E-16); cheap, because every full-path request passes here."""
    at_ms = request.requested_at_ms
    latest_ms = decided_at_ms + (
        FAR_AHEAD_MS if policy is None else policy.future_skew_ms
    )
    order_ms, buyer_ms = seen.order_as_of_ms, seen.buyer_as_of_ms
    tree_ms, lists_ms = seen.catalog_as_of_ms, seen.lists_as_of_ms
    return Case(
        seen,
        decided_at_ms,
        decided_at_ms if at_ms is None else at_ms,
        at_ms,
        request.refund_version,
        request.refund_fen,
        seen.buyer_id if request.buyer_id is None else request.buyer_id,
        seen.shop_id if request.shop_id is None else request.shop_id,
        # The same line four times, because four calls would take a tenth of the
        # decision's time.
        decided_at_ms - order_ms
        if type(order_ms) is int and order_ms <= latest_ms
        else None,
        decided_at_ms - buyer_ms
        if type(buyer_ms) is int and buyer_ms <= latest_ms
        else None,
        decided_at_ms - tree_ms
        if type(tree_ms) is int and tree_ms <= latest_ms
        else None,
        decided_at_ms - lists_ms
        if type(lists_ms) is int and lists_ms <= latest_ms
        else None,
        policy is not None,
    )
