"""The records as a sender should write them, complete and with closed lists.

These structs decode nothing: our readers are lenient, because a fact keeps the value
that was sent and the rules send wrong values to a person. ``docs/schemas`` is made from
these structs; a test compares their fields with those that are read.
"""

from typing import Annotated, Literal

import msgspec

Id = Annotated[str, msgspec.Meta(min_length=1)]
Fen = Annotated[int, msgspec.Meta(ge=0)]
Ms = Annotated[int, msgspec.Meta(ge=0)]
Count = Annotated[int, msgspec.Meta(ge=0)]


class OrderLine(msgspec.Struct, kw_only=True):
    """One line of an order; gifts are lines."""

    sku_id: str
    category_path: list[str] | None
    """Root to leaf; null = unknown, so a person decides."""
    quantity: Annotated[int, msgspec.Meta(ge=1)]
    shipped_count: Count
    """Shipped pieces; 0 for every line = unshipped."""
    is_custom: bool
    is_gift: bool = False
    """Recorded only: a gift is judged like any line."""


class OrderSnapshot(msgspec.Struct, kw_only=True):
    """An order as it is now; an older ``order_version`` never replaces a newer one."""

    order_id: Id
    order_version: int
    buyer_id: str | None
    shop_id: str | None
    currency: str | None
    """``CNY``; anything else goes to a person."""
    order_type: int | None
    """0 ordinary; 2, 3 virtual; 8 cross-border."""
    order_status: Literal[
        "unknown", "awaiting_payment", "paid", "shipped", "signed", "success", "failed"
    ]
    paid_fen: Fen | None
    """What the buyer paid, freight included."""
    refundable_left_fen: Fen | None
    lines: list[OrderLine]
    as_of_ms: Ms
    """The last moment at which the source vouched for the snapshot."""
    back_end_status: str | None = None
    """Read directly from the back end; null = not read."""
    ordered_at_ms: Ms | None = None
    paid_at_ms: Ms | None = None
    total_changed_at_ms: Ms | None = None
    freight_fen: Fen | None = None
    coupon_shop_fen: Fen | None = None
    coupon_platform_fen: Fen | None = None
    subsidy_fen: Fen | None = None
    pay_type: int | None = None
    """88 = pay later."""
    presale_stage: Literal["none", "deposit_paid", "final_paid"] | None = None
    delivery_block: int | None = None
    """0 none, 1 group buy pending, 2 payment under risk review."""
    risk_code: int | None = None
    """0 none."""
    waybill_printed_at_ms: Ms | None = None
    waybill_entered_at_ms: Ms | None = None
    picked_up_at_ms: Ms | None = None
    shipped_at_ms: Ms | None = None


class QualityEntry(msgspec.Struct, kw_only=True):
    """The quality mark of a buyer from a moment on."""

    from_ms: Ms
    value: Literal["quality", "ordinary", "revoked_abuse"]


class LimitEntry(msgspec.Struct, kw_only=True):
    """A limit: ``limited`` from start until before end, ``cancelled`` without end."""

    kind: Literal["limited", "cancelled"]
    from_ms: Ms | None = None
    until_ms: Ms | None = None


class BuyerFacts(msgspec.Struct, kw_only=True):
    """The platform's facts about a buyer."""

    buyer_id: Id
    quality: list[QualityEntry]
    """A history in any order: the value at the moment of the request is looked up."""
    limits: list[LimitEntry]
    as_of_ms: Ms


class ShopFacts(msgspec.Struct, kw_only=True):
    """The operator's facts about a shop; a shop without a record is covered."""

    shop_id: Id
    enabled: bool | None = None
    """false = the operator switched the service off."""
    standing: Literal["good", "watch", "restricted", "excluded"] | None = None
    as_of_ms: Ms | None = None
    by: str | None = None
    """``merchant`` = a merchant's own attempt: it changes nothing and a notice is
    written."""


class CatalogRow(msgspec.Struct, kw_only=True):
    """A category or article that the operator excludes."""

    id: Annotated[str, msgspec.Meta(pattern="^(category|sku):.+")]
    """``category:NAME`` of any level, or ``sku:ID``."""
    excluded: bool
    kind: Literal["virtual", "custom", "excluded"] | None = None
    as_of_ms: Ms | None = None


class OutcomeRecord(msgspec.Struct, kw_only=True):
    """The fate of a decision, or an order veto: it names a refund or an order."""

    refund_id: str | None = None
    kind: Literal["payout_succeeded", "payout_failed", "reviewed"] | None = None
    by: str | None = None
    result: str | None = None
    """Of ``reviewed``: ``approved`` or ``rejected``."""
    at_ms: Ms | None = None
    order_id: str | None = None
    buyer_id: str | None = None
    """The buyer whose partition this belongs to; reveals a record in a wrong
    partition."""
    veto: bool | None = None
    """true = no automatic approval on this order; false takes it back."""


class WatermarkRecord(msgspec.Struct, kw_only=True):
    """A feed's statement: all its events up to this moment are written to this partition."""

    watermark_ms: Ms


class PushEnvelope(msgspec.Struct, kw_only=True):
    """A decrypted push of the platform; docs/kuaishou.md tells how it is read."""

    eventId: str | None = None  # noqa: N815 - the platform's spelling
    event: str | None = None
    """The tag; absent in heartbeats."""
    info: str | None = None
    """A text with one JSON object."""
    userId: int | str | None = None  # noqa: N815 - the platform's spelling
    """The shop; the only shop id on refund events."""
    test: bool | None = None
    """true = a heartbeat."""
