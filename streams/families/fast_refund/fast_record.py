"""A plain approval in a quarter of the memory its record takes.

A worker remembers every decision, to give the same bytes for a second delivery. Of a
plain approval it keeps the parts, most of which it shares with others, and writes the
record of them again.
"""

from typing import TypeAlias

import msgspec

from streams.families.fast_refund.decide import PASSED
from streams.families.fast_refund.model import Shop
from streams.families.fast_refund.policy import Policy

Written: TypeAlias = tuple[str, bytes]
"""The id of a decision, and its record as it is written."""


class ShopText(msgspec.Struct, frozen=True, gc=False):
    """An eligible shop, and its part of a record as JSON."""

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
    """Return a shop's part of a record; None is left out, but for the standing."""
    rest = "" if enabled is None else f',"shop_enabled":{json_text(enabled)}'
    if as_of_ms is not None:
        rest += f',"shop_as_of_ms":{json_text(as_of_ms)}'
    return ShopText(row, json_text(shop_id), json_text(standing), rest)


def json_text(value: object) -> str:
    """Return a value as it stands in a record."""
    return msgspec.json.encode(value).decode()


class Named(msgspec.Struct, frozen=True, gc=False):
    """What the approvals of a policy have in common, as JSON; made once a policy."""

    middle: str
    """Disposition to policy."""
    end: str
    """What follows ``seen``."""


class Common(msgspec.Struct, frozen=True, gc=False):
    """What the approvals of a slice have in common.

    Numbers, not text: at low rates a slice is one request, and each would keep its own.
    """

    named: Named
    decided_at_ms: int
    tree_ms: int
    lists_ms: int


class CommonText(msgspec.Struct, frozen=True, gc=False):
    """The numbers of :class:`Common` in their places as JSON, and two that are frequent.

    Made once for a slice, and not kept with its approvals.
    """

    middle: str
    end: str
    decided: str
    lists: str
    orders_ms: int
    """As of when most orders are: the watermark that lifts them."""
    orders: str
    buyers_ms: int
    """The same of buyers."""
    buyers: str


def common_text(common: Common, orders_ms: int, buyers_ms: int) -> CommonText:
    """Return the text of what the approvals of a slice have in common."""
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
    """A plain approval, as what its record is made of.

    It is remembered like this, in a quarter of the memory: most of a record it shares
    with others. What an ``Entry`` tells of a decision it tells too.
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
    """The order's ``as_of_ms``, or the watermark that lifts it."""
    buyer_ms: int
    paid_at_ms: int | None
    pay_type: int | None
    kind: str
    action: str
    goods: str
    """Their fields as JSON."""
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
        """Return that all conditions are met, always."""
        return PASSED[2]

    @property
    def decided_at_ms(self) -> int:
        """When it was decided, UTC ms."""
        return self.common.decided_at_ms

    @property
    def withdraws(self) -> bool:
        """A withdrawal is never approved."""
        return False

    @property
    def value(self) -> bytes:
        """Its record as it was written."""
        return self.written()[1]

    def written(self) -> Written:
        """Write the record: the same bytes each time, those of the full path."""
        return self.written_with(common_text(self.common, self.order_ms, self.buyer_ms))

    def written_with(self, text: CommonText) -> Written:
        """Write the record with the text of what it has in common with its slice."""
        refund_id, version, at_ms = self.refund_id, self.version, self.requested_at_ms
        paid_fen, left_fen, asked_fen = self.paid_fen, self.left_fen, self.refund_fen
        paid_at_ms, pay_type, shop = self.paid_at_ms, self.pay_type, self.shop
        paid_at = "" if paid_at_ms is None else f',"paid_at_ms":{paid_at_ms}'
        pay = "" if pay_type is None else f',"pay_type":{pay_type}'
        # Writing a number out costs as much as ten comparisons, and mostly all is asked.
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
    """Return what the approvals of a policy have in common, its name and hash among it."""
    return Named(
        ',"disposition":"decided","outcome":"auto_approve"'
        ',"reason_codes":["FR_ALL_CONDITIONS_MET"]'
        f',"policy":"{policy.name}","refund_fen":',
        f'}},"policy_hash":"{policy.policy_hash}"}}',
    )
