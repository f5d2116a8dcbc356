"""The structs of the decision: request, facts, ``seen`` and decision.

A fact keeps the JSON value its source sent (``object``): a rule tests the type
before it reads the value, so that a wrong value is never converted and never
mistaken for a missing one. Request fields are typed, because a request with a
field of a wrong JSON type has that field set to None and its name in ``faults``.
"""

from typing import Annotated, Final, TypeAlias

import msgspec

UNWRITABLE: Final = 10**4_300
"""E-35: the smallest integer with too many digits to be encoded or decoded."""
ID_MAX: Final = 1_024
"""Most characters of an id. Real ids are shorter; decisions and notices repeat them."""
_Id: TypeAlias = Annotated[str, msgspec.Meta(max_length=ID_MAX)]


class Request(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """One refund request of a buyer (``refund.requests``)."""

    refund_id: _Id
    """Non-empty; anything else is a dead letter (E-28)."""
    refund_version: int | None = None
    """Raised by every edit; with ``refund_id`` it names the decision."""
    action: str | None = None
    """``open``, ``edit`` or ``withdraw``; anything else is REQUEST_INVALID (E-11)."""
    order_id: _Id | None = None
    buyer_id: _Id | None = None
    shop_id: _Id | None = None
    refund_kind: str | None = None
    """Name of the after-sales kind; only ``refund_only`` is in scope (R-04)."""
    special_refund_type: int | None = None
    """1 = price protection, 0 = ordinary, anything else unknown (E-18)."""
    refund_fen: int | None = None
    requested_at_ms: int | None = None
    """Belongs to the version; pins policy (R-08) and quality (R-07)."""
    expire_at_ms: int | None = None
    """Review deadline, UTC ms."""
    event_id: str | None = None
    reason: str | None = None
    lines: tuple[str, ...] | None = None
    """``sku_id`` of the lines to refund; absent or empty = all."""
    unavailable: tuple[str, ...] | None = None
    """Facts that a read-through could not get (DEPENDENCY_UNAVAILABLE)."""
    faults: tuple[str, ...] | None = None
    """Names of fields with a wrong JSON type (E-10); set by the codec, never by a
    sender."""


class Goods(msgspec.Struct, frozen=True, gc=False):
    """The lines of an order, as columns of equal length.

    Columns, because rules read them so; a separate struct, because most orders have one
    plain line and share their goods with many others.
    """

    skus: tuple[object, ...] = ()
    paths: tuple[object, ...] = ()
    """``category_path`` of each line: a tuple of names from root to leaf, or the wrong
    value that was sent."""
    quantities: tuple[object, ...] = ()
    shipped_counts: tuple[object, ...] = ()
    customs: tuple[object, ...] = ()
    """``is_custom`` of each line."""


NO_GOODS: Final = Goods()


class RareFields(msgspec.Struct, frozen=True, gc=False):
    """Fields that most orders lack: those share one :data:`NOTHING_UNUSUAL`."""

    order_type: object = None
    total_changed_at_ms: object = None
    back_end_status: object = None
    """Read directly from the back end; None = not read (E-8)."""
    presale_stage: object = None
    delivery_block: object = None
    risk_code: object = None
    waybill_printed_at_ms: object = None
    waybill_entered_at_ms: object = None
    picked_up_at_ms: object = None
    shipped_at_ms: object = None


NOTHING_UNUSUAL: Final = RareFields()


class Order(msgspec.Struct, frozen=True, gc=False):
    """An order snapshot, reduced to what rules and the ship race read."""

    order_id: str
    order_version: object
    buyer_id: object
    shop_id: object
    currency: object
    order_status: object
    paid_fen: object
    refundable_left_fen: object
    as_of_ms: object
    """The snapshot's own ``as_of_ms``; a watermark may raise it."""
    paid_at_ms: object = None
    goods: Goods = NO_GOODS
    pay_type: object = None
    rare_fields: RareFields = NOTHING_UNUSUAL


class Quality(msgspec.Struct, frozen=True, gc=False):
    """One entry of a buyer's quality history: ``value`` holds from ``from_ms``."""

    from_ms: object = None
    value: object = None


class Limit(msgspec.Struct, frozen=True, gc=False):
    """``limited`` holds on [from_ms, until_ms); ``cancelled`` has no end (E-25)."""

    kind: object = None
    from_ms: object = None
    until_ms: object = None


class Buyer(msgspec.Struct, frozen=True, gc=False):
    """Buyer facts (``refund.buyers``)."""

    buyer_id: object
    quality: tuple[Quality, ...] = ()
    """In any order; ``from_ms`` tells the newest (E-31)."""
    limits: tuple[Limit, ...] | None = None
    """None = absent, or no list: it is unknown whether the buyer is limited (E-30)."""
    as_of_ms: object = None


class Shop(msgspec.Struct, frozen=True, gc=False):
    """Shop facts (``refund.shops``). No row = covered (FR-1.2a)."""

    shop_id: object
    enabled: object = None
    standing: object = None
    as_of_ms: object = None


class Catalog(msgspec.Struct, frozen=True):
    """The catalogue of exclusions: ids such as ``category:virtual`` or ``sku:k1``."""

    listed: dict[str, tuple[object, ...]]
    """id -> the kinds of its entries (``virtual``, ``custom``, ``excluded``), nearly always
    one (E-33); only entries with ``excluded`` true."""
    as_of_ms: object = None
    """Dates the category tree only."""
    names: set[str] | None = None
    """The ids without their prefix, possibly with deleted ones: an order that contains
    none of them has no entry. None = look up every id."""
    articles: set[str] | None = None
    """The article ids among them (E-29). None = search ``listed``."""


class History(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """What earlier requests mean for this one; the default of every field means nothing found."""

    newer_version: bool = False
    withdrawn: bool = False
    approved_before: bool = False
    """An earlier version of this refund was approved, by system or person (E-20)."""
    prior_refund: bool = False
    open_refund: bool = False
    approved_on_order: bool = False
    """Any earlier A on the order, even unpaid (option ``one_auto_approval_per_order``)."""
    auto_count: int = 0
    """Earlier A of the buyer in the count window."""
    auto_fen: int = 0
    """Sum of earlier A of the buyer in the amount window, without failed payouts,
    fen."""
    auto_fen_unknown: bool = False
    """True = one of those amounts is unreadable, so the sum is too low."""


NO_HISTORY: Final = History()


class Facts(msgspec.Struct, frozen=True, gc=False):
    """All facts known when a request is judged, as the tables hold them.

    ``order_as_of_ms`` and ``buyer_as_of_ms`` are the moments those facts were last
    vouched for: the record's own ``as_of_ms`` or its partition's watermark,
    whichever is later.
    """

    order: Order | None = None
    order_as_of_ms: object = None
    buyer: Buyer | None = None
    buyer_as_of_ms: object = None
    shop: Shop | None = None
    catalog: Catalog | None = None
    lists_as_of_ms: object = None
    """``as_of_ms`` of limits, shop and SKU tables and the veto feed; None = not
    loaded."""
    history: History = NO_HISTORY
    order_vetoed: object = False
    """True, False, or any other value = unreadable veto."""
    breaker: str | None = None
    """Open breaker: ``shop`` or ``global``."""
    unavailable: tuple[str, ...] | None = None
    expected_partition: int | None = None
    """The partition of the request, if it was found in another one (E-38)."""
    pause: object = None
    """The pause in force (FR-Q3): its ``published_at_ms``, or ``unreadable``; None = no
    pause."""


class Seen(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """Every fact that the rules read, stored with the decision: enough to judge it again.

    The first fields are always written; the others only when they have a value.
    """

    order_version: object
    order_status: object
    paid_fen: object
    refundable_left_fen: object
    order_as_of_ms: object
    quality: object
    """Value at ``requested_at_ms``."""
    quality_now: object
    """Value at ``decided_at_ms``."""
    buyer_as_of_ms: object
    shop_standing: object
    shipped_counts: tuple[object, ...]
    quantities: tuple[object, ...]
    paths: tuple[object, ...]
    customs: tuple[object, ...]
    skus: tuple[object, ...]
    currency: object
    catalog_as_of_ms: object
    lists_as_of_ms: object
    refund_kind: str | None
    special_refund_type: int | None
    action: str | None
    order_absent: bool = False
    """No snapshot, or one of another order (E-1, E-11)."""
    back_end_status: object = None
    order_type: object = None
    paid_at_ms: object = None
    total_changed_at_ms: object = None
    pay_type: object = None
    presale_stage: object = None
    delivery_block: object = None
    risk_code: object = None
    waybill_printed_at_ms: object = None
    waybill_entered_at_ms: object = None
    picked_up_at_ms: object = None
    shipped_at_ms: object = None
    ship_signals: tuple[str, ...] | None = None
    """Names of the present waybill or pick-up facts (case 25)."""
    buyer_conflict: bool = False
    """Request and snapshot name different buyers (E-12)."""
    shop_conflict: bool = False
    limits: tuple[str, ...] | None = None
    """Limits running at decision: ``limited``, ``cancelled``, ``unknown``."""
    shop_enabled: object = None
    shop_as_of_ms: object = None
    listed: tuple[tuple[str, object], ...] | None = None
    """Catalogue entries that concern a line: (id, kind)."""
    catalog_absent: bool = False
    order_vetoed: object = None
    """None = no veto."""
    history: History | None = None
    breaker: str | None = None
    unavailable: tuple[str, ...] | None = None
    request_faults: tuple[str, ...] | None = None
    asked_skus: tuple[str, ...] | None = None
    buyer_id: str | None = None
    """Taken from the snapshot, because the request names no buyer (E-12)."""
    shop_id: str | None = None
    expected_partition: int | None = None
    """The partition of the request's buyer; None = the request was found there (E-38)."""
    pause: object = None
    """The operator's pause in force at the decision (FR-Q3): its ``published_at_ms``,
    or ``unreadable``; None = no pause."""
    unnamed_lines: tuple[int, ...] | None = None
    """Indexes of lines that name no article, while the catalogue lists articles
    (E-29)."""
    cut: tuple[str, ...] | None = None
    """Fields left out because they were too long to be quoted; a person decides
    then."""


class Decision(msgspec.Struct, frozen=True, gc=False):
    """One decision record."""

    decision_id: str
    """``FR:refund_id:refund_version``; the permanent id of the decision."""
    family: str
    refund_id: str
    refund_version: int | None
    order_id: str | None
    buyer_id: str | None
    shop_id: str | None
    disposition: str
    """``decided``, ``out_of_scope`` or ``superseded``."""
    outcome: str | None
    """``auto_approve``, ``manual_review``; None unless ``decided``."""
    reason_codes: tuple[str, ...]
    policy: str | None
    """``FR@version``; None when no policy was in force."""
    refund_fen: int | None
    payout_key: str | None
    """``pay:refund_id``; None unless ``auto_approve``."""
    requested_at_ms: int | None
    decided_at_ms: int
    review_deadline_ms: int | None
    """``expire_at_ms`` of the request, on ``manual_review`` only."""
    seen: Seen | None
    policy_hash: str | msgspec.UnsetType | None = msgspec.UNSET
    """First twelve hex digits of the SHA-256 of the policy; null when none was in
    force. Records of version 0.1.0 lack the field."""


class Past(msgspec.Struct, frozen=True, gc=False):
    """One earlier request, as history tables and ``refund decide`` give it."""

    refund_id: object = None
    order_id: object = None
    refund_version: object = None
    state: object = None
    """``undecided``, ``in_review``, ``approved``, ``executing``, ``succeeded``, ``failed``,
    ``rejected``, ``withdrawn``."""
    outcome: object = None
    decided_at_ms: object = None
    refund_fen: object = None
    reason_codes: object = None
