"""The policy struct: every threshold, age limit, option and reading of the fast refund.

One struct is the table of keys. The checks for contradictions and plausibility are in
:mod:`streams.families.fast_refund.policy_type`, everything else in
:mod:`streams.processing.policies`.
"""

from typing import Literal, TypeAlias

from streams.processing import policies
from streams.processing.policies import AnyPolicy, Name, Span, Whole

Kind = Literal["refund_only", "return_and_refund", "exchange", "reissue", "repair"]
PastState = Literal[
    "undecided",
    "in_review",
    "approved",
    "executing",
    "succeeded",
    "failed",
    "rejected",
    "withdrawn",
]


class Policy(AnyPolicy, frozen=True, eq=False, kw_only=True):
    """One version of the FR policy; the defaults are those of the rules.

    Two policies are equal only when they are the same object, so that values derived
    from a policy can be cached per policy at no cost.
    """

    family: Literal["FR"]
    """Code of the rule family; each family has its own policy."""
    policy_basis: Name = "快手小店售后服务管理规则"
    """FR-1.1: the general after-sales rules the service rests on; recorded only."""

    paid_limit_fen: Whole = 30_000
    """FR-1.4b: fen, exclusive; an order paid exactly this goes to a person."""
    paid_limit_max_fen: Whole = 100_000
    """FR-1.4b: fen, inclusive; ``paid_limit_fen`` above it is implausible. No rule
    reads it."""
    order_status_max_age_ms: Span = 60_000
    """FR-1.4c: ms, inclusive age of the shipping status."""
    paid_amount_max_age_ms: Span = 60_000
    """FR-1.4b: ms, inclusive age of the amount paid."""
    category_max_age_ms: Span = 86_400_000
    """FR-1.2b: ms, inclusive age of the category tree."""
    quality_max_age_ms: Span = 86_400_000
    """FR-1.4a: ms, inclusive age of the quality mark."""
    lists_max_age_ms: Span = 60_000
    """FR-1.7: ms, inclusive age of limit, shop and SKU tables and the veto feed."""
    future_skew_ms: Span = 300_000
    """Section 2: ms that a request or a fact may be dated ahead of us, inclusive."""

    service_paused: bool = False
    """FR-Q3: the operator's pause; every request then goes to a person."""
    policy_wait_ms: Span = 30_000
    """Section 2: ms that input waits for a policy at start. Always 30,000, whatever a
    policy says: a waiting worker has no policy to read."""
    race_watch_days: Whole = 30
    """FR-1.6a: days that an approval is watched for shipped goods."""

    buyer_count_max: Whole | None = None
    """Section 3: earlier approvals of the buyer in the window that end automation."""
    buyer_count_window_ms: Whole | None = None
    buyer_amount_quota_fen: Whole | None = None
    """Section 3: fen per buyer and window, inclusive; failed payouts are released."""
    buyer_amount_window_ms: Whole | None = None
    one_auto_approval_per_order: bool = False
    """Section 3: a second automatic approval on an order goes to a person."""
    payment_age_min_ms: Span | None = None
    """Section 3: ms since payment, inclusive."""
    payment_age_max_ms: Span | None = None
    waybill_soft_veto: bool = False
    """FR-1.6, section 3: a waybill or pick-up on a paid order goes to a person."""
    breaker_shop_max_count: Whole | None = None
    """Section 3: approvals per shop and window; the next one opens the breaker."""
    breaker_shop_max_fen: Whole | None = None
    breaker_global_max_count: Whole | None = None
    breaker_global_max_fen: Whole | None = None
    breaker_window_ms: Whole | None = None
    breaker_cooldown_ms: Whole | None = None
    """Section 3: ms a breaker stays open; None = until the operator resets it."""
    line_level_unshipped: bool = False
    """FR-1.4c, section 3: only the asked lines must be unshipped."""
    whole_order_only: bool = False
    """Section 3: asking for less than is left goes to a person."""

    amount_basis: Literal["buyer_cash_incl_freight"] = "buyer_cash_incl_freight"
    """R-01: what ``paid_fen`` holds."""
    exclusion_level: Literal["order"] = "order"
    """R-02: one excluded line excludes the order."""
    excluded_roots: tuple[Name, ...] = ("custom", "virtual")
    """R-03, E-23: category roots without fast refund."""
    in_scope_kinds: tuple[Kind, ...] = ("refund_only",)
    """R-04: after-sales kinds in scope."""
    ship_truth: Literal["back_end"] = "back_end"
    """R-05: the source whose status decides what is shipped."""
    quality_source: Literal["flag"] = "flag"
    """R-06: quality is supplied, never computed."""
    quality_pin: Literal["requested_at", "decided_at"] = "requested_at"
    """R-07: the moment at which the buyer must be a quality user."""
    policy_pin: Literal["requested_at"] = "requested_at"
    """R-08: the moment at which a policy must be in force."""
    shop_switch: Literal["on"] = "on"
    """R-09: a shop is covered until the operator switches it off."""
    race_action: Literal["notify"] = "notify"
    """R-10: a decision is never reversed."""
    prior_refund_states: tuple[PastState, ...] = ("approved", "executing", "succeeded")
    """R-11: states of another refund of the order that count as an earlier refund."""
    complex_orders: Literal["manual"] = "manual"
    """R-12: pay-later, pre-sale and pending group buys go to a person."""
    standing_gate_min_level: Literal["watch", "restricted", "excluded"] = "restricted"
    """R-31: the mildest standing that goes to a person."""
    service_aliases: tuple[Name, ...] = ("平台保障版", "平台售后保障")
    """R-34: both names are this service; recorded only."""


Policies: TypeAlias = policies.Policies[Policy]
"""The versions of the fast refund's policy."""
