"""Decode order snapshots into compact structs: a million of them fit in memory.

Lines become columns, and values that repeat between orders (status, currency, the goods
of a one-line order) are shared.
"""

from typing import Final, Literal, TypeAlias, get_args

import msgspec

from streams.families.fast_refund.model import (
    NO_GOODS,
    NOTHING_UNUSUAL,
    Goods,
    Order,
    RareFields,
)
from streams.records.json_values import Unreadable, decode_object
from streams.records.plain_json import DIGITS_MAX, flaw

_SHARED_MAX: Final = 65_536
"""Most distinct values that a share table keeps; further values are not shared."""
_TEXTS_MAX: Final = 16_384
"""Most distinct line texts that are remembered."""
_TEXT_BYTES: Final = 512
"""A longer text has many lines and will hardly repeat."""


class _Line(msgspec.Struct, gc=False):
    sku_id: object = None
    category_path: object = None
    quantity: object = None
    shipped_count: object = None
    is_custom: object = None


_NO_LINES: Final = msgspec.Raw(b"null")


class _Snapshot(msgspec.Struct, gc=False):
    order_id: object = None
    order_version: object = None
    buyer_id: object = None
    shop_id: object = None
    currency: object = None
    order_type: object = None
    order_status: object = None
    paid_fen: object = None
    refundable_left_fen: object = None
    as_of_ms: object = None
    paid_at_ms: object = None
    total_changed_at_ms: object = None
    back_end_status: object = None
    pay_type: object = None
    presale_stage: object = None
    delivery_block: object = None
    risk_code: object = None
    waybill_printed_at_ms: object = None
    waybill_entered_at_ms: object = None
    picked_up_at_ms: object = None
    shipped_at_ms: object = None
    lines: msgspec.Raw = _NO_LINES
    """Raw JSON of the lines: most texts have been seen before, byte by byte."""


_Currency: TypeAlias = Literal["CNY"]
_Status: TypeAlias = Literal[
    "unknown", "awaiting_payment", "paid", "shipped", "signed", "success", "failed"
]
_NAMES: Final[tuple[str, ...]] = (*get_args(_Currency), *get_args(_Status))


class _Usual(msgspec.Struct, gc=False, kw_only=True):
    """The usual snapshot, with fields in the order in which they are sent.

    Its types check at decoding what would otherwise be checked field by field: a value
    that does not fit is decoded as a :class:`_Snapshot`. A name of a closed list is one
    shared text.
    """

    order_id: str
    order_version: int
    buyer_id: str
    shop_id: str
    currency: _Currency
    order_type: Literal[0] | None = None
    paid_at_ms: int | None = None
    order_status: _Status
    paid_fen: int
    refundable_left_fen: int
    total_changed_at_ms: None = None
    lines: msgspec.Raw = _NO_LINES
    back_end_status: None = None
    pay_type: int | None = None
    presale_stage: Literal["none"] | None = None
    delivery_block: Literal[0] | None = None
    risk_code: Literal[0] | None = None
    waybill_printed_at_ms: object = None
    waybill_entered_at_ms: object = None
    picked_up_at_ms: object = None
    shipped_at_ms: object = None
    as_of_ms: int


_USUAL: Final = msgspec.json.Decoder(_Usual)
_SNAPSHOT: Final = msgspec.json.Decoder(_Snapshot)
_LINES: Final = msgspec.json.Decoder(list[_Line] | None)


class OrderReader:
    """Decodes snapshots, and shares equal parts between the returned orders.

    One reader serves one table; it holds only the shared values.
    """

    def __init__(self) -> None:
        self._shared: dict[str, str] = {name: name for name in _NAMES}
        self._goods: dict[tuple[object, ...], Goods] = {}
        self._goods_of: dict[bytes, Goods] = {}
        """Text of the lines -> goods."""

    def read(self, value: bytes | None) -> Order | Unreadable:
        """Decode one value of ``refund.orders``.

        E-4 to E-9: fields keep the JSON value that was sent, and the rules judge wrong
        ones. Only a value without a usable ``order_id`` is unreadable.
        """
        if value is None:
            return Unreadable("null_value", "an order without a value")
        if not value.isascii() or len(value) > DIGITS_MAX:
            why = flaw(value)
            if why is not None:
                return Unreadable("not_json", why)
        try:
            sent = _USUAL.decode(value)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return self._read_any(value)
        goods = self._goods_of.get(bytes(sent.lines))
        if goods is None or not sent.order_id:
            return self._read_any(value)
        shop_id, paid_fen = sent.shop_id, sent.paid_fen
        left_fen = sent.refundable_left_fen
        waiting = (
            sent.shipped_at_ms is None
            and sent.waybill_printed_at_ms is None
            and sent.waybill_entered_at_ms is None
            and sent.picked_up_at_ms is None
        )
        return Order(
            sent.order_id,
            sent.order_version,
            sent.buyer_id,
            self._shared.get(shop_id) or self._share(shop_id),
            sent.currency,
            sent.order_status,
            paid_fen,
            # The usual case: one integer object serves both.
            paid_fen if left_fen == paid_fen else left_fen,
            sent.as_of_ms,
            sent.paid_at_ms,
            goods,
            sent.pay_type,
            NOTHING_UNUSUAL if waiting else _on_the_way(sent),
        )

    def _read_any(self, value: bytes) -> Order | Unreadable:
        """Decode an unusual snapshot, or one with new lines, field by field."""
        try:
            sent = _SNAPSHOT.decode(value)
            text = bytes(sent.lines)
            goods = self._goods_of.get(text)
            if goods is None:
                goods = self._read_goods(text)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return self._read_faulty(value)
        return self._order(sent, goods)

    def _read_faulty(self, value: bytes) -> Order | Unreadable:
        found = decode_object(value)
        if isinstance(found, Unreadable):
            return found
        lines = found.pop("lines", None)
        goods = NO_GOODS
        if isinstance(lines, list):
            goods = _goods(
                [
                    msgspec.convert(line, _Line) if isinstance(line, dict) else _Line()
                    for line in lines
                ]
            )
        return self._order(msgspec.convert(found, _Snapshot), goods)

    def _read_goods(self, text: bytes) -> Goods:
        """Decode the lines of an order; the same text is decoded once."""
        lines = _LINES.decode(text)
        goods = self._one_line(lines[0]) if lines and len(lines) == 1 else _goods(lines)
        if len(text) <= _TEXT_BYTES and len(self._goods_of) < _TEXTS_MAX:
            self._goods_of[text] = goods
        return goods

    def _order(self, sent: _Snapshot, goods: Goods) -> Order | Unreadable:
        order_id = sent.order_id
        if type(order_id) is not str or not order_id:
            return Unreadable("no_id", "order_id is not a non-empty string")
        share = self._share
        paid_fen, left_fen = sent.paid_fen, sent.refundable_left_fen
        if type(left_fen) is int and type(paid_fen) is int and left_fen == paid_fen:
            left_fen = paid_fen  # the usual case: one integer object serves both
        return Order(
            order_id,
            sent.order_version,
            sent.buyer_id,
            share(sent.shop_id),
            share(sent.currency),
            share(sent.order_status),
            paid_fen,
            left_fen,
            sent.as_of_ms,
            sent.paid_at_ms,
            goods,
            sent.pay_type,
            _rare_fields_of(sent),
        )

    def _one_line(self, line: _Line) -> Goods:
        """Return the goods of a one-line order, shared where all five columns are plain."""
        sku, path = line.sku_id, line.category_path
        quantity, shipped, custom = line.quantity, line.shipped_count, line.is_custom
        if (
            type(sku) is str
            and type(path) is list
            and type(quantity) is int
            and type(shipped) is int
            and type(custom) is bool
        ):
            # True == 1 and 1 == 1.0 as keys: the types above keep them apart.
            key = (sku, *path, quantity, shipped, custom)
            try:
                found = self._goods.get(key)
            except TypeError:  # a path with an unhashable element
                return _goods([line])
            if found is not None and _all_text(path):
                return found
            if len(self._goods) < _SHARED_MAX and _all_text(path):
                found = self._goods[key] = _goods([line])
                return found
        return _goods([line])

    def _share(self, value: object) -> object:
        if type(value) is not str:
            return value
        found = self._shared.get(value)
        if found is not None:
            return found
        if len(self._shared) < _SHARED_MAX:
            self._shared[value] = value
        return value


def _on_the_way(sent: _Usual) -> RareFields:
    """Return the times of waybill, pick-up and shipping."""
    return RareFields(
        waybill_printed_at_ms=sent.waybill_printed_at_ms,
        waybill_entered_at_ms=sent.waybill_entered_at_ms,
        picked_up_at_ms=sent.picked_up_at_ms,
        shipped_at_ms=sent.shipped_at_ms,
    )


def _rare_fields_of(sent: _Snapshot) -> RareFields:
    """Return the rare fields of an order: nearly all orders share one object.

    0 and ``none`` are read as null: they mean the same (E-6).
    """
    order_type, stage = sent.order_type, sent.presale_stage
    block, risk = sent.delivery_block, sent.risk_code
    if order_type == 0 and type(order_type) is int:
        order_type = None
    if stage == "none":
        stage = None
    if block == 0 and type(block) is int:
        block = None
    if risk == 0 and type(risk) is int:
        risk = None
    if (
        order_type is None
        and stage is None
        and block is None
        and risk is None
        and sent.total_changed_at_ms is None
        and sent.back_end_status is None
        and sent.waybill_printed_at_ms is None
        and sent.waybill_entered_at_ms is None
        and sent.picked_up_at_ms is None
        and sent.shipped_at_ms is None
    ):
        return NOTHING_UNUSUAL
    return RareFields(
        order_type,
        sent.total_changed_at_ms,
        sent.back_end_status,
        stage,
        block,
        risk,
        sent.waybill_printed_at_ms,
        sent.waybill_entered_at_ms,
        sent.picked_up_at_ms,
        sent.shipped_at_ms,
    )


def _all_text(path: list[object]) -> bool:
    for name in path:  # noqa: SIM110 - a generator takes a third of decoding a line
        if type(name) is not str:
            return False
    return True


def _goods(lines: list[_Line] | None) -> Goods:
    if not lines:
        return NO_GOODS
    return Goods(
        tuple([line.sku_id for line in lines]),
        tuple([_path(line.category_path) for line in lines]),
        tuple([line.quantity for line in lines]),
        tuple([line.shipped_count for line in lines]),
        tuple([line.is_custom for line in lines]),
    )


def _path(sent: object) -> object:
    return tuple(sent) if isinstance(sent, list) else sent


def decode_order(value: bytes | None) -> Order | Unreadable:
    """Decode one snapshot by itself, without sharing."""
    return OrderReader().read(value)
