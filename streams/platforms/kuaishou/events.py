"""Read typed events from messages: the part of check 7 that needs no memory.

``read_event`` returns a typed event, or every problem found. Extra fields are ignored,
and of the envelope only ``eventId`` and ``userId`` are needed: the platform marks no
other push field as required.
"""

import msgspec

from streams.platforms.kuaishou import names
from streams.platforms.kuaishou.envelope import Message
from streams.platforms.kuaishou.names import Reason, Tag
from streams.platforms.kuaishou.values import (
    is_money,
    is_text,
    is_time,
    is_whole,
    read_id,
)


class Base(msgspec.Struct, frozen=True, kw_only=True):
    """The fields of every good message."""

    tag: Tag
    event_id: str
    content_id: str
    shop_id: int
    order_id: int
    at_ms: int
    """Business time, UTC ms: ``createTime`` of additions, else ``updateTime``."""


class OrderAdded(Base, frozen=True, kw_only=True):
    """An order was placed."""

    buyer_id: str
    customised_type: int | None
    """None in messages of the older kind, which lack the field."""


class OrderMoved(Base, frozen=True, kw_only=True):
    """An order reached the status that its tag names."""

    status: int


class FeeChanged(Base, frozen=True, kw_only=True):
    """The seller changed the price of an order (fen assumed; the platform names no unit)."""

    buyer_id: str
    goods_fen: int
    goods_before_fen: int
    freight_fen: int
    freight_before_fen: int


class RefundChanged(Base, frozen=True, kw_only=True):
    """A refund was added (``event_type`` None) or updated."""

    refund_id: int
    handling_way: int
    special_refund_type: int
    status: int
    event_type: int | None


class Suspect(msgspec.Struct, frozen=True, kw_only=True):
    """A message with valid ids that a person must check."""

    tag: Tag
    content_id: str
    order_id: int
    refund_id: int | None
    shop_id: int | None
    at_ms: int | None
    problems: tuple[Reason, ...]
    """All problems; the verdict names the first."""
    refund: RefundChanged | None = None
    """The event, when the only problem is the order's mark or history."""


Event = OrderAdded | OrderMoved | FeeChanged | RefundChanged


class _Fields:
    """Reads fields one by one and collects every problem instead of stopping at the first."""

    def __init__(self, source: dict[str, object]) -> None:
        self.source = source
        self.problems: list[Reason] = []

    def refuse(self, reason: Reason) -> None:
        if reason not in self.problems:
            self.problems.append(reason)

    def money(self, name: str) -> int:
        value = self.source.get(name)
        if is_money(value):
            return value
        self.refuse(Reason.MONEY_INVALID)
        return 0

    def time(self, name: str) -> int:
        value = self.source.get(name)
        if is_time(value):
            return value
        self.refuse(Reason.TIME_INVALID)
        return 0

    def listed(self, name: str, allowed: frozenset[int]) -> int:
        value = self.source.get(name)
        if not is_whole(value):
            self.refuse(Reason.FIELD_INVALID)
            return 0
        if value not in allowed:
            self.refuse(Reason.ENUM_UNKNOWN)
        return value

    def buyer(self) -> str:
        value = self.source.get("buyerOpenId")
        if is_text(value):
            return value
        self.refuse(Reason.BUYER_MISSING)
        return ""

    def seller(self, shop_id: int) -> None:
        seller = read_id(self.source.get("sellerId"))
        if seller is None:
            self.refuse(Reason.SHOP_ID_INVALID)
        elif shop_id not in (0, seller):
            self.refuse(Reason.SHOP_CONTRADICTS)


class _Common(msgspec.Struct, frozen=True):
    event_id: str
    shop_id: int


def time_field(tag: Tag) -> str:
    """Name of the field that holds a tag's business time."""
    return "createTime" if tag in names.CREATION_TAGS else "updateTime"


def read_event(message: Message) -> Event | Suspect:
    """Rule 7 without memory: every needed field is present, typed, listed and consistent."""
    fields = _Fields(message.fields)
    common = _common(message, fields)
    if message.refund_id is not None:
        event: Event = _refund(message, common, fields, message.refund_id)
    elif message.tag is Tag.ORDER_ADDED:
        event = _added(message, common, fields)
    elif message.tag is Tag.FEE_CHANGED:
        event = _fee(message, common, fields)
    else:
        event = _moved(message, common, fields)
    return suspect(message, tuple(fields.problems)) if fields.problems else event


def suspect(
    message: Message, problems: tuple[Reason, ...], refund: RefundChanged | None = None
) -> Suspect:
    """Return the trustworthy part of a message, with its problems."""
    at_ms = message.fields.get(time_field(message.tag))
    return Suspect(
        tag=message.tag,
        content_id=message.content_id,
        order_id=message.order_id,
        refund_id=message.refund_id,
        shop_id=read_id(message.user_id),
        at_ms=at_ms if is_time(at_ms) else None,
        problems=problems,
        refund=refund,
    )


def _common(message: Message, fields: _Fields) -> _Common:
    if not is_text(message.event_id):
        fields.refuse(Reason.EVENT_ID_INVALID)
    shop_id = read_id(message.user_id)
    if shop_id is None:
        fields.refuse(Reason.SHOP_ID_INVALID)
    return _Common(message.event_id if is_text(message.event_id) else "", shop_id or 0)


def _moved(message: Message, common: _Common, fields: _Fields) -> OrderMoved:
    fields.seller(common.shop_id)
    status = fields.listed("status", names.ORDER_STATUSES)
    if status in names.ORDER_STATUSES and status != names.TAG_STATUS[message.tag]:
        fields.refuse(Reason.STATUS_CONTRADICTS_TAG)
    return OrderMoved(
        tag=message.tag,
        event_id=common.event_id,
        content_id=message.content_id,
        shop_id=common.shop_id,
        order_id=message.order_id,
        at_ms=fields.time("updateTime"),
        status=status,
    )


def _added(message: Message, common: _Common, fields: _Fields) -> OrderAdded:
    fields.seller(common.shop_id)
    return OrderAdded(
        tag=message.tag,
        event_id=common.event_id,
        content_id=message.content_id,
        shop_id=common.shop_id,
        order_id=message.order_id,
        at_ms=fields.time("createTime"),
        buyer_id=fields.buyer(),
        customised_type=_customised_type(fields),
    )


def _customised_type(fields: _Fields) -> int | None:
    info = fields.source.get("customizedInfo")
    if info is None:  # older copies lack it
        return None
    kind = info.get("customizedItemType") if isinstance(info, dict) else None
    if is_whole(kind):
        return kind
    fields.refuse(Reason.FIELD_INVALID)
    return None


def _fee(message: Message, common: _Common, fields: _Fields) -> FeeChanged:
    fields.seller(common.shop_id)
    return FeeChanged(
        tag=message.tag,
        event_id=common.event_id,
        content_id=message.content_id,
        shop_id=common.shop_id,
        order_id=message.order_id,
        at_ms=fields.time("updateTime"),
        buyer_id=fields.buyer(),
        goods_fen=fields.money("totalFee"),
        goods_before_fen=fields.money("beforeTotalFee"),
        freight_fen=fields.money("expressFee"),
        freight_before_fen=fields.money("beforeExpressFee"),
    )


def _refund(
    message: Message, common: _Common, fields: _Fields, refund_id: int
) -> RefundChanged:
    status = fields.listed("status", names.REFUND_STATUSES)
    event_type = None
    if message.tag is Tag.REFUND_UPDATED:
        event_type = fields.listed("eventType", names.EVENT_TYPES)
        if Reason.ENUM_UNKNOWN not in fields.problems and _contradicts(
            event_type, status
        ):
            fields.refuse(Reason.STATUS_CONTRADICTS_EVENT_TYPE)
    return RefundChanged(
        tag=message.tag,
        event_id=common.event_id,
        content_id=message.content_id,
        shop_id=common.shop_id,
        order_id=message.order_id,
        at_ms=fields.time(time_field(message.tag)),
        refund_id=refund_id,
        handling_way=fields.listed("handlingWay", names.HANDLING_WAYS),
        special_refund_type=fields.listed("specialRefundType", names.SPECIAL_TYPES),
        status=status,
        event_type=event_type,
    )


def _contradicts(event_type: int, status: int) -> bool:
    return status not in names.EVENT_STATUSES[names.RefundEvent(event_type)]
