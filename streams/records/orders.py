"""Order snapshots: JSON to the compact struct that a million of fit in memory.

Lines become columns, and what repeats between orders (status, currency, the goods of
a one-line order) is shared instead of stored again.
"""

from typing import Final

import msgspec

from streams.decision.model import NO_GOODS, Goods, Order
from streams.records.codec import Unreadable, decode_object

_SHARED_MAX: Final = 65_536
"""Distinct values a share table keeps; beyond it, new values are simply not shared."""


class _Line(msgspec.Struct, gc=False):
    sku_id: object = None
    category_path: object = None
    quantity: object = None
    shipped_count: object = None
    is_custom: object = None


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
    lines: list[_Line] | None = None


_SNAPSHOT: Final = msgspec.json.Decoder(_Snapshot)


class OrderReader:
    """Reads snapshots and shares equal parts between the orders it returns.

    One reader serves one table; it holds nothing but the shared values.
    """

    def __init__(self) -> None:
        self._shared: dict[str, str] = {}
        self._goods: dict[tuple[object, ...], Goods] = {}

    def read(self, value: bytes | None) -> Order | Unreadable:
        """Read one value of ``refund.orders``.

        Fields keep the JSON value that was sent; what is wrong is for the rules to
        say (E-4 to E-9). Only a value without a usable ``order_id`` is unreadable.
        """
        if value is None:
            return Unreadable("null_value", "an order without a value")
        try:
            snapshot = _SNAPSHOT.decode(value)
        except msgspec.ValidationError:
            return self._read_faulty(value)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as problem:
            return Unreadable("not_json", str(problem)[:200])
        return self._order(snapshot)

    def _read_faulty(self, value: bytes) -> Order | Unreadable:
        found = decode_object(value)
        if isinstance(found, Unreadable):
            return found
        lines = found.pop("lines", None)
        snapshot = msgspec.convert(found, _Snapshot)
        if isinstance(lines, list):
            snapshot.lines = [
                msgspec.convert(line, _Line) if isinstance(line, dict) else _Line()
                for line in lines
            ]
        return self._order(snapshot)

    def _order(self, sent: _Snapshot) -> Order | Unreadable:
        order_id = sent.order_id
        if type(order_id) is not str or not order_id:
            return Unreadable("no_id", "order_id is not a non-empty string")
        lines = sent.lines
        goods = self._one_line(lines[0]) if lines and len(lines) == 1 else _goods(lines)
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
            _unless_none(sent.order_type),
            share(sent.order_status),
            paid_fen,
            left_fen,
            sent.as_of_ms,
            sent.paid_at_ms,
            sent.total_changed_at_ms,
            sent.back_end_status,
            goods,
            sent.pay_type,
            None if sent.presale_stage == "none" else sent.presale_stage,
            _unless_none(sent.delivery_block),
            _unless_none(sent.risk_code),
            sent.waybill_printed_at_ms,
            sent.waybill_entered_at_ms,
            sent.picked_up_at_ms,
            sent.shipped_at_ms,
        )

    def _one_line(self, line: _Line) -> Goods:
        """Goods of an order with one line, shared where all five columns are plain."""
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
            except TypeError:  # a path that holds what cannot be hashed
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


def _unless_none(code: object) -> object:
    """Read 0 as null: both say "none" (E-6), and null costs neither memory nor bytes."""
    return None if type(code) is int and code == 0 else code


def _all_text(path: list[object]) -> bool:
    for name in path:  # noqa: SIM110 - a generator costs a third of reading a line
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
    """Read one snapshot on its own, sharing nothing."""
    return OrderReader().read(value)
