"""The platform's closed lists: tags, states, and our name of each number.

Numbers outside these lists are unknown, and unknown goes to a person.
"""

from enum import IntEnum, StrEnum
from types import MappingProxyType
from typing import Final


class Tag(StrEnum):
    """Event tags that are read; every other tag is ignored."""

    ORDER_ADDED = "kwaishop_order_addOrder"
    ORDER_PAID = "kwaishop_order_paySuccess"
    ORDER_SHIPPED = "kwaishop_order_delivering"
    ORDER_SIGNED = "kwaishop_order_deliverySuccess"
    ORDER_SUCCESS = "kwaishop_order_orderSuccess"
    ORDER_FAILED = "kwaishop_order_orderFail"
    FEE_CHANGED = "kwaishop_order_totalFeeChange"
    REFUND_ADDED = "kwaishop_aftersales_addRefund"
    REFUND_UPDATED = "kwaishop_aftersales_updateRefund"


REFUND_TAGS: Final = frozenset({Tag.REFUND_ADDED, Tag.REFUND_UPDATED})
CREATION_TAGS: Final = frozenset({Tag.ORDER_ADDED, Tag.REFUND_ADDED})
"""Their business time is ``createTime``; that of all other tags is ``updateTime``."""


class OrderStatus(IntEnum):
    """State of an order; it grows over the order's life."""

    UNKNOWN = 0
    AWAITING_PAYMENT = 10
    PAID = 30
    SHIPPED = 40
    SIGNED = 50
    SUCCESS = 70
    FAILED = 80


TAG_STATUS: Final = MappingProxyType(
    {
        Tag.ORDER_PAID: OrderStatus.PAID,
        Tag.ORDER_SHIPPED: OrderStatus.SHIPPED,
        Tag.ORDER_SIGNED: OrderStatus.SIGNED,
        Tag.ORDER_SUCCESS: OrderStatus.SUCCESS,
        Tag.ORDER_FAILED: OrderStatus.FAILED,
    }
)
"""The one status each of these tags may carry; any other contradicts the tag."""


class HandlingWay(IntEnum):
    """Kind of after-sales case."""

    RETURN_AND_REFUND = 1
    EXCHANGE = 3
    REISSUE = 4
    REPAIR = 5
    REFUND_ONLY = 10


class RefundStatus(IntEnum):
    """State of a refund: the union of two vocabularies that share numbers.

    Only 10, 50, 60 and 70 are interpreted; the handling way never follows from it.
    """

    UNKNOWN = 0
    APPLIED = 10
    APPLIED_RETURN = 11
    REFUSED = 12
    DISPUTED = 20
    DISPUTED_RETURN = 21
    DISPUTED_CONFIRMED = 22
    DISPUTED_AWAITING_BUYER = 23
    RETURNING = 30
    RETURNED = 40
    EXCHANGE_SENT = 45
    EXECUTING = 50
    SUCCEEDED = 60
    CLOSED = 70


ENDED: Final = frozenset({RefundStatus.SUCCEEDED, RefundStatus.CLOSED})


class RefundEvent(IntEnum):
    """What changed a refund (``eventType``)."""

    UNKNOWN = 0
    SELLER_REFUSED = 2
    SELLER_AGREED = 3
    MODIFIED = 4
    BUYER_AGREED = 5
    RETURN_SENT = 6
    RETURN_RECEIVED = 7
    EXECUTING = 50
    SUCCEEDED = 60
    FAILED = 70


_DISPUTES: Final = frozenset({0, 20, 21, 22, 23})
_GOODS_UNDERWAY: Final = frozenset({30, 40, 45})

EVENT_STATUSES: Final = MappingProxyType(
    {
        RefundEvent.UNKNOWN: frozenset(int(status) for status in RefundStatus),
        RefundEvent.SELLER_REFUSED: _DISPUTES | _GOODS_UNDERWAY | {10, 11, 12},
        RefundEvent.SELLER_AGREED: _DISPUTES | _GOODS_UNDERWAY | {50},
        RefundEvent.MODIFIED: _DISPUTES | _GOODS_UNDERWAY | {10, 11, 12, 50},
        RefundEvent.BUYER_AGREED: _DISPUTES | _GOODS_UNDERWAY | {10, 11, 50},
        RefundEvent.RETURN_SENT: _DISPUTES | {40, 45},
        RefundEvent.RETURN_RECEIVED: _DISPUTES | {40, 45, 50},
        RefundEvent.EXECUTING: frozenset({50}),
        RefundEvent.SUCCEEDED: frozenset({60}),
        RefundEvent.FAILED: frozenset({70}),
    }
)
"""The refund states that do not contradict an event type.

Derived, because the platform publishes no such table. The last three name their state
and, apart from an unknown event, only they may end a refund (60, 70). An agreed refund
no longer waits for the seller (10, 11) and is not refused (12); 50 also follows an
agreement, a change or goods received. Disputes are consistent with every open state.
State 0 says nothing and contradicts only the last three.
"""

SPECIAL_TYPES: Final = frozenset({0, 1})
ORDER_STATUSES: Final = frozenset(int(status) for status in OrderStatus)
REFUND_STATUSES: Final = frozenset(int(status) for status in RefundStatus)
HANDLING_WAYS: Final = frozenset(int(way) for way in HandlingWay)
EVENT_TYPES: Final = frozenset(int(kind) for kind in RefundEvent)

ORDER_STATUS_NAMES: Final = MappingProxyType(
    {int(status): status.name.lower() for status in OrderStatus}
)
REFUND_KIND_NAMES: Final = MappingProxyType(
    {int(way): way.name.lower() for way in HandlingWay}
)
PAY_TYPES: Final = frozenset({1, 2, 3, 88, 99})
"""Known payment types; 88 is pay-later. 0 means unknown on the platform itself."""


class Kind(StrEnum):
    """The four classes; every record belongs to exactly one."""

    ACCEPTED = "accepted"
    MANUAL_REVIEW = "manual_review"
    IGNORED = "ignored"
    DEAD_LETTER = "dead_letter"


class Reason(StrEnum):
    """Why a record is not accepted. Closed list, in the order of the checks."""

    TOO_LARGE = "too_large"
    """From a topic only: a record over the size limit."""
    UNDECODABLE = "undecodable"
    """From a topic only: a record that the client cannot decode."""
    NOT_UTF8 = "not_utf8"
    NOT_JSON = "not_json"
    TOO_DEEP = "too_deep"
    NOT_OBJECT = "not_object"
    LONE_SURROGATE = "lone_surrogate"
    HEARTBEAT = "heartbeat"
    TAG_MISSING = "tag_missing"
    TAG_NOT_CONSUMED = "tag_not_consumed"
    INFO_NOT_TEXT = "info_not_text"
    INFO_NOT_OBJECT = "info_not_object"
    ORDER_ID_INVALID = "order_id_invalid"
    REFUND_ID_INVALID = "refund_id_invalid"
    EVENT_ID_REPEATED = "event_id_repeated"
    CONTENT_REPEATED = "content_repeated"
    OLDER_THAN_STORED = "older_than_stored"
    EVENT_ID_INVALID = "event_id_invalid"
    SHOP_ID_INVALID = "shop_id_invalid"
    SHOP_CONTRADICTS = "shop_contradicts"
    FIELD_INVALID = "field_invalid"
    MONEY_INVALID = "money_invalid"
    TIME_INVALID = "time_invalid"
    ENUM_UNKNOWN = "enum_unknown"
    BUYER_MISSING = "buyer_missing"
    STATUS_CONTRADICTS_TAG = "status_contradicts_tag"
    STATUS_CONTRADICTS_EVENT_TYPE = "status_contradicts_event_type"
    REFUND_REOPENED = "refund_reopened"
    REFUND_CHANGED_ORDER = "refund_changed_order"
    ORDER_WENT_BACK = "order_went_back"
    ORDER_MARKED = "order_marked"
    LINE_NOT_TEXT = "line_not_text"
    """Only for ``refund kuaishou classify``: a line that is no JSON string."""


DEAD_LETTER_REASONS: Final = (
    Reason.TOO_LARGE,
    Reason.UNDECODABLE,
    Reason.NOT_UTF8,
    Reason.NOT_JSON,
    Reason.TOO_DEEP,
    Reason.NOT_OBJECT,
    Reason.LONE_SURROGATE,
    Reason.TAG_MISSING,
    Reason.INFO_NOT_TEXT,
    Reason.INFO_NOT_OBJECT,
    Reason.ORDER_ID_INVALID,
    Reason.REFUND_ID_INVALID,
)
"""Reasons of :attr:`Kind.DEAD_LETTER`: checks 1 and 3 to 5 of the reading rules."""
