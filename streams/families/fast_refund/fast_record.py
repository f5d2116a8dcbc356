"""Keep a plain approval in a quarter of the memory of its record.

A worker remembers every decision, to answer a second delivery with the same bytes. For
a plain approval it keeps the parts, most of them shared with others, and encodes the
record from them again.
"""

from typing import TypeAlias

import msgspec

from streams.families.fast_refund.decide import PASSED
from streams.families.fast_refund.model import Shop
from streams.families.fast_refund.policy import Policy

Written: TypeAlias = tuple[str, bytes]
"""The id of a decision, and its record as written."""


class ShopText(msgspec.Struct, frozen=True, gc=False):
    """An eligible shop, with its part of a record as JSON."""

    row: Shop | None
    shop_id: str
    standing: str
    rest: str


def shop_text(
    row: Shop | None,
    shop_id: str,
    standing: object = None,
    enabled: object = None,
    as_of_ms: object = None,
) -> ShopText:
    """Return a shop's part of a record; None values are left out, except the standing."""
    rest = "" if enabled is None else f',"shop_enabled":{json_text(enabled)}'
    if as_of_ms is not None:
        rest += f',"shop_as_of_ms":{json_text(as_of_ms)}'
    return ShopText(row, json_text(shop_id), json_text(standing), rest)


def json_text(value: object) -> str:
    """Return a value as JSON, as in a record."""
    return msgspec.json.encode(value).decode()


class Named(msgspec.Struct, frozen=True, gc=False):
    """The common parts of all approvals under a policy, as JSON; built once per policy."""

    middle: str
    """The fields from disposition to policy."""
    end: str
    """The fields after ``seen``."""


class Common(msgspec.Struct, frozen=True, gc=False):
    """The common values of all approvals of a slice.

    Numbers, not text: at low rates a slice is one request, and each would keep its own
    text.
    """

    named: Named
    decided_at_ms: int
    tree_ms: int
    lists_ms: int


class CommonText(msgspec.Struct, frozen=True, gc=False):
    """The text of :class:`Common` as JSON, and of two frequent values.

    Built once per slice, and not kept with its approvals.
    """

    middle: str
    end: str
    decided: str
    lists: str
    orders_ms: int
    """``as_of_ms`` of most orders: the watermark that raises them."""
    orders: str
    buyers_ms: int
    """The same for buyers."""
    buyers: str


def common_text(common: Common, orders_ms: int, buyers_ms: int) -> CommonText:
    """Return the text of the common values of a slice's approvals."""
    return CommonText(
        common.named.middle,
        common.named.end,
        f',"decided_at_ms":{common.decided_at_ms},"review_deadline_ms":null'
        ',"seen":{"order_version":',
        f',"currency":"CNY","catalog_as_of_ms":{common.tree_ms}'
        f',"lists_as_of_ms":{common.lists_ms}',
        orders_ms,
        f"{orders_ms}",
        buyers_ms,
        f"{buyers_ms}",
    )


class Approval(msgspec.Struct, frozen=True, gc=False):
    """A plain approval, kept as the parts of its record.

    It is remembered in this form, in a quarter of the memory, because it shares most
    parts with others. It has the same attributes as an ``Entry``.
    """

    refund_id: str
    version: int
    order_id: str
    buyer_id: str
    refund_fen: int
    requested_at_ms: int
    order_version: int
    paid_fen: int
    left_fen: int
    order_ms: int
    """The order's ``as_of_ms``, or the watermark that raises it."""
    buyer_ms: int
    paid_at_ms: int | None
    pay_type: int | None
    kind: str
    action: str
    goods: str
    """The goods' fields as JSON."""
    shop: ShopText
    common: Common

    @property
    def disposition(self) -> str:
        """``decided``, always."""
        return PASSED[0]

    @property
    def outcome(self) -> str | None:
        """``auto_approve``, always."""
        return PASSED[1]

    @property
    def reason_codes(self) -> tuple[str, ...]:
        """FR_ALL_CONDITIONS_MET, always."""
        return PASSED[2]

    @property
    def decided_at_ms(self) -> int:
        """When it was decided, UTC ms."""
        return self.common.decided_at_ms

    @property
    def withdraws(self) -> bool:
        """False: a withdrawal is never approved."""
        return False

    @property
    def value(self) -> bytes:
        """Return its record as it was written."""
        return self.written()[1]

    def written(self) -> Written:
        """Encode the record: the same bytes each time, equal to those of the full path."""
        return self.written_with(common_text(self.common, self.order_ms, self.buyer_ms))

    def written_with(self, text: CommonText) -> Written:
        """Encode the record with the common text of its slice."""
        refund_id, version, at_ms = self.refund_id, self.version, self.requested_at_ms
        paid_fen, left_fen, asked_fen = self.paid_fen, self.left_fen, self.refund_fen
        paid_at_ms, pay_type, shop = self.paid_at_ms, self.pay_type, self.shop
        paid_at = "" if paid_at_ms is None else f',"paid_at_ms":{paid_at_ms}'
        pay = "" if pay_type is None else f',"pay_type":{pay_type}'
        # Formatting a number costs as much as ten comparisons, and most requests ask
        # for everything.
        paid = f"{paid_fen}"
        left = paid if left_fen == paid_fen else f"{left_fen}"
        asked = left if asked_fen == left_fen else f"{asked_fen}"
        order_ms, buyer_ms, numbered = self.order_ms, self.buyer_ms, f"{version}"
        ordered = text.orders if order_ms == text.orders_ms else f"{order_ms}"
        bought = text.buyers if buyer_ms == text.buyers_ms else f"{buyer_ms}"
        named = f"FR:{refund_id}:{numbered}"
        return named, (
            f'{{"decision_id":"{named}","family":"FR","refund_id":"{refund_id}"'
            f',"refund_version":{numbered},"order_id":"{self.order_id}"'
            f',"buyer_id":"{self.buyer_id}","shop_id":{shop.shop_id}'
            f"{text.middle}{asked}"
            f',"payout_key":"pay:{refund_id}","requested_at_ms":{at_ms}'
            f"{text.decided}{self.order_version}"
            f',"order_status":"paid","paid_fen":{paid}'
            f',"refundable_left_fen":{left}'
            f',"order_as_of_ms":{ordered},"quality":"quality"'
            f',"quality_now":"quality","buyer_as_of_ms":{bought}'
            f',"shop_standing":{shop.standing},{self.goods}'
            f'{text.lists},"refund_kind":"{self.kind}","special_refund_type":0'
            f',"action":"{self.action}"'
            f"{paid_at}{pay}{shop.rest}{text.end}"
        ).encode()


def named_by(policy: Policy) -> Named:
    """Return the common parts of a policy's approvals, including its name and hash."""
    return Named(
        ',"disposition":"decided","outcome":"auto_approve"'
        ',"reason_codes":["FR_ALL_CONDITIONS_MET"]'
        f',"policy":"{policy.name}","refund_fen":',
        f'}},"policy_hash":"{policy.policy_hash}"}}',
    )
