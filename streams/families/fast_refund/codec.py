"""Decode JSON bytes into records: a fast decoder, and a lenient one that agrees with it.

The typed decoder reads well-formed values at C speed. Only when it refuses, the value
is decoded again as plain JSON to find the wrong fields: a request keeps its good fields
and names the bad ones, a fact keeps the raw values for the rules.
"""

from typing import Final, TypeVar

import msgspec

from streams.families.fast_refund.listed import names_goods
from streams.families.fast_refund.model import (
    ID_MAX,
    Buyer,
    Limit,
    Quality,
    Request,
    Shop,
)
from streams.records.json_values import (
    Unreadable,
    decode_object,
    flawed,
    parse_object,
    unreadable,
)
from streams.records.plain_json import DIGITS_MAX, is_id, whole_text

T = TypeVar("T")


class CatalogEntry(msgspec.Struct, frozen=True, gc=False):
    """One row of ``refund.catalog``: an id such as ``category:virtual`` or ``sku:k1``."""

    id: str
    excluded: object = None
    kind: object = None
    as_of_ms: object = None


class Outcome(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """One record of ``refund.outcomes``: the fate of a decision, or an order veto."""

    refund_id: object = None
    kind: object = None
    """``payout_succeeded``, ``payout_failed``, ``reviewed``."""
    by: object = None
    result: object = None
    """Of ``reviewed``: ``approved`` or ``rejected``."""
    at_ms: object = None
    order_id: object = None
    buyer_id: object = None
    """The buyer whose partition it belongs to; few senders give it."""
    veto: object = None


_REQUEST: Final = msgspec.json.Decoder(Request)
_BUYER: Final = msgspec.json.Decoder(Buyer)
_SHOP: Final = msgspec.json.Decoder(Shop)
_CATALOG: Final = msgspec.json.Decoder(CatalogEntry)
_OUTCOME: Final = msgspec.json.Decoder(Outcome)

_INTEGERS: Final = (
    "refund_version",
    "special_refund_type",
    "refund_fen",
    "requested_at_ms",
    "expire_at_ms",
)
_IDS: Final = ("order_id", "buyer_id", "shop_id")
_TEXTS: Final = ("refund_kind", "event_id", "reason")


def decode_request(value: bytes | None) -> Request | Unreadable:
    """Decode one value of ``refund.requests`` (E-10, E-28).

    Returns
    -------
    Request or Unreadable
        A field with a wrong JSON type is None and named in ``faults``. Without a usable
        ``refund_id``: Unreadable.
    """
    if value is None:
        return unreadable("null_value", "a request without a value")
    try:
        request = _REQUEST.decode(value)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return _faulty_request(value)
    if not value.isascii() or len(value) > DIGITS_MAX:
        refused = flawed(value)
        if refused is not None:
            return refused
    if not request.refund_id:
        return unreadable("no_id", "refund_id is empty")
    if request.faults is not None:  # the field is ours; a sender's value does not count
        return msgspec.structs.replace(request, faults=None)
    return request


def _faulty_request(value: bytes) -> Request | Unreadable:
    found = parse_object(value)
    if isinstance(found, Unreadable):
        return found
    refund_id = found.get("refund_id")
    if not is_id(refund_id):
        return unreadable("no_id", "refund_id is not a non-empty string")
    if len(refund_id) > ID_MAX:
        return unreadable("no_id", f"refund_id is longer than {ID_MAX} characters")
    good: dict[str, object] = {"refund_id": refund_id}
    faults: list[str] = []
    for names, fits in (
        (_INTEGERS, _is_integer),
        (("action",), _is_text),
        (_IDS, _may_be_id),
        (_TEXTS, _is_text),
        (("lines",), _is_id_list),
        (("unavailable",), _is_text_list),
    ):
        for name in names:
            field = found.get(name)
            if field is None or fits(field):
                good[name] = _whole(field)
            elif name != "refund_kind" or not _is_integer(
                field
            ):  # E-9: a platform number
                faults.append(name)
    good["faults"] = tuple(faults) or None
    return msgspec.convert(good, Request)


def _whole(value: object) -> object:
    """Return a text, or each text of a list, without what cannot be encoded."""
    if isinstance(value, list):
        return [_whole(item) for item in value]
    return whole_text(value) if isinstance(value, str) else value


def _is_integer(value: object) -> bool:
    return type(value) is int  # a bool is no integer


def _is_text(value: object) -> bool:
    return isinstance(value, str)


def _is_text_list(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(item, str) for item in value)


def _may_be_id(value: object) -> bool:
    """Whether a value has the type of an id; an empty one is missing, but no format error."""
    return value == "" or (is_id(value) and len(value) <= ID_MAX)


def _is_id_list(value: object) -> bool:
    return isinstance(value, list) and all(item == "" or is_id(item) for item in value)


def _decode_row(
    value: bytes | None,
    decoder: "msgspec.json.Decoder[T]",
    kind: type[T],
    id_field: str,
) -> T | Unreadable:
    """Decode a flat row whose only required field is its id, a non-empty string."""
    if value is None:
        return unreadable("null_value", "a row without a value")
    refused = flawed(value)
    if refused is not None:
        return refused
    try:
        row = decoder.decode(value)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        found = decode_object(value)
        if isinstance(found, Unreadable):
            return found
        try:
            row = msgspec.convert(found, kind)
        except msgspec.ValidationError as problem:
            return unreadable("no_id", problem)
    row_id = getattr(row, id_field)
    if not isinstance(row_id, str) or not 0 < len(row_id) <= ID_MAX:
        what = f"{id_field} is not a non-empty string"
        return unreadable("no_id", f"{what} of {ID_MAX} characters at most")
    return row


def decode_buyer(value: bytes | None) -> Buyer | Unreadable:
    """Decode one value of ``refund.buyers``; bad parts become values no rule accepts (E-30)."""
    if value is None:
        return unreadable("null_value", "a buyer without a value")
    refused = flawed(value)
    if refused is not None:
        return refused
    try:
        buyer = _BUYER.decode(value)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return _faulty_buyer(value)
    if not isinstance(buyer.buyer_id, str) or not buyer.buyer_id:
        return unreadable("no_id", "buyer_id is not a non-empty string")
    return buyer


def _faulty_buyer(value: bytes) -> Buyer | Unreadable:
    found = decode_object(value)
    if isinstance(found, Unreadable):
        return found
    buyer_id = found.get("buyer_id")
    if not isinstance(buyer_id, str) or not buyer_id:
        return unreadable("no_id", "buyer_id is not a non-empty string")
    quality, limits = found.get("quality"), found.get("limits")
    return Buyer(
        buyer_id,
        tuple(_quality(item) for item in quality) if isinstance(quality, list) else (),
        tuple(_limit(item) for item in limits) if isinstance(limits, list) else None,
        found.get("as_of_ms"),
    )


def _quality(item: object) -> Quality:
    if not isinstance(item, dict):
        return Quality()
    return Quality(item.get("from_ms"), item.get("value"))


def _limit(item: object) -> Limit:
    if not isinstance(item, dict):
        return Limit()
    return Limit(item.get("kind"), item.get("from_ms"), item.get("until_ms"))


def decode_shop(value: bytes | None) -> Shop | Unreadable:
    """Decode one value of ``refund.shops``."""
    return _decode_row(value, _SHOP, Shop, "shop_id")


def decode_catalog_entry(value: bytes | None) -> CatalogEntry | Unreadable:
    """Decode one value of ``refund.catalog``; its id names what is listed (E-32)."""
    entry = _decode_row(value, _CATALOG, CatalogEntry, "id")
    if isinstance(entry, Unreadable) or names_goods(entry.id):
        return entry
    return unreadable("no_id", "id is neither category:ID nor sku:ID")


def decode_outcome(value: bytes | None) -> Outcome | Unreadable:
    """Decode one value of ``refund.outcomes``; it must name a refund or an order."""
    if value is None:
        return unreadable("null_value", "an outcome without a value")
    refused = flawed(value)
    if refused is not None:
        return refused
    try:
        outcome = _OUTCOME.decode(value)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        found = decode_object(value)
        if isinstance(found, Unreadable):
            return found
        outcome = msgspec.convert(found, Outcome)
    named = outcome.order_id if outcome.veto is not None else outcome.refund_id
    if not isinstance(named, str) or not named:
        return unreadable("no_id", "neither a refund_id nor an order veto")
    return outcome
