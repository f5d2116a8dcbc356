"""Order snapshots: JSON to the compact struct that a million of fit in memory.

Lines become columns, and what repeats between orders (status, currency, category
paths, the columns of a one-piece order) is shared instead of stored again.
"""

from typing import Final

import msgspec

from streams.decision.model import Order
from streams.records.codec import Unreadable, decode_object

_SHARED_MAX: Final = 65_536
"""Distinct values a share table keeps; beyond it, new values are simply not shared."""

Column = tuple[object, ...]


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
        self._shared: dict[object, object] = {}
        self._columns: dict[Column, Column] = {}

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
        if not isinstance(order_id, str) or not order_id:
            return Unreadable("no_id", "order_id is not a non-empty string")
        lines = sent.lines or ()
        share = self._share
        column = self._column
        return Order(
            order_id,
            sent.order_version,
            sent.buyer_id,
            share(sent.shop_id),
            share(sent.currency),
            sent.order_type,
            share(sent.order_status),
            sent.paid_fen,
            # a full refund is the usual case: one integer object serves both
            sent.paid_fen
            if type(sent.refundable_left_fen) is int
            and sent.refundable_left_fen == sent.paid_fen
            and type(sent.paid_fen) is int
            else sent.refundable_left_fen,
            sent.as_of_ms,
            sent.paid_at_ms,
            sent.total_changed_at_ms,
            share(sent.back_end_status),
            column(tuple([line.sku_id for line in lines])),
            column(tuple([_path(line.category_path) for line in lines])),
            column(tuple([line.quantity for line in lines])),
            column(tuple([line.shipped_count for line in lines])),
            column(tuple([line.is_custom for line in lines])),
            sent.pay_type,
            share(sent.presale_stage),
            sent.delivery_block,
            sent.risk_code,
            sent.waybill_printed_at_ms,
            sent.waybill_entered_at_ms,
            sent.picked_up_at_ms,
            sent.shipped_at_ms,
        )

    def _share(self, value: object) -> object:
        if type(value) is not str:
            return value
        found = self._shared.get(value)
        if found is not None:
            return found
        if len(self._shared) < _SHARED_MAX:
            self._shared[value] = value
        return value

    def _column(self, column: Column) -> Column:
        # A column of plain strings, or of sizes, or of paths. True == 1 == 1.0 as
        # keys, so columns holding anything but str, small int tuples stay unshared.
        for item in column:
            if not _shareable(item):
                return column
        try:
            found = self._columns.get(column)
        except TypeError:  # a path holding what cannot be hashed
            return column
        if found is not None:
            return found if _same_types(found, column) else column
        if len(self._columns) < _SHARED_MAX:
            self._columns[column] = column
        return column


def _shareable(item: object) -> bool:
    kind = type(item)
    return kind is str or kind is int or kind is bool or kind is tuple


def _same_types(one: Column, other: Column) -> bool:
    return all(
        type(a) is type(b) and (type(a) is not tuple or _same_types(a, b))  # type: ignore[arg-type]
        for a, b in zip(one, other, strict=True)
    )


def _path(sent: object) -> object:
    return tuple(sent) if isinstance(sent, list) else sent


def decode_order(value: bytes | None) -> Order | Unreadable:
    """Read one snapshot on its own, sharing nothing."""
    return OrderReader().read(value)
