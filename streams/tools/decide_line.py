"""The input line of ``refund decide``: its members, each read for itself.

Members are kept as raw JSON until they are read, so that one that cannot be read
spoils its own line only, and that records go through the decoders of the topics.
"""

from typing import Final, TypeVar

import msgspec

from streams.decision.model import Buyer, Catalog, Facts, Order, Past, Shop
from streams.decision.reasons import ReasonCode
from streams.records.codec import (
    Unreadable,
    decode_buyer,
    decode_object,
)
from streams.records.orders import decode_order

T = TypeVar("T")

SCOPES: Final = ("shop", "global")
NULL: Final = b"null"

_CODES: Final = frozenset(code.value for code in ReasonCode)


class RefusedLineError(Exception):
    """The line is a dead letter; the text says why."""


class Line(msgspec.Struct, frozen=True):
    """Members of a line as raw JSON; an absent member has no bytes."""

    name: msgspec.Raw = msgspec.Raw(b"")
    now_ms: msgspec.Raw = msgspec.Raw(b"")
    request: msgspec.Raw = msgspec.Raw(b"")
    order: msgspec.Raw = msgspec.Raw(b"")
    buyer: msgspec.Raw = msgspec.Raw(b"")
    shop: msgspec.Raw = msgspec.Raw(b"")
    catalog: msgspec.Raw = msgspec.Raw(b"")
    lists_as_of_ms: msgspec.Raw = msgspec.Raw(b"")
    history: msgspec.Raw = msgspec.Raw(b"")
    order_vetoed: msgspec.Raw = msgspec.Raw(b"")
    breaker: msgspec.Raw = msgspec.Raw(b"")
    unavailable: msgspec.Raw = msgspec.Raw(b"")
    policy: msgspec.Raw = msgspec.Raw(b"")


LINE: Final = msgspec.json.Decoder(Line)


def value_of(raw: msgspec.Raw, member: str) -> object:
    """Read one member; absent is null. Numbers may be of any size.

    Raises
    ------
    RefusedLineError
        It is no JSON: a lone surrogate, bytes that are no UTF-8.
    """
    found = decode_object(b'{"value":' + (bytes(raw) or NULL) + b"}")
    if isinstance(found, Unreadable):
        raise RefusedLineError(f"{member}: no JSON")
    return found["value"]


def facts_of(line: Line) -> Facts:
    """Gather the facts of a line, history left out.

    Raises
    ------
    RefusedLineError
        A member has another structure than contract 4 gives it. Wrong values inside
        a fact are kept: the rules judge them.
    """
    order = _order(line.order)
    buyer = _buyer(line.buyer)
    return Facts(
        order=order,
        order_as_of_ms=None if order is None else order.as_of_ms,
        buyer=buyer,
        buyer_as_of_ms=None if buyer is None else buyer.as_of_ms,
        shop=_shop(line.shop),
        catalog=_catalog(line.catalog),
        lists_as_of_ms=value_of(line.lists_as_of_ms, "lists_as_of_ms"),
        order_vetoed=value_of(
            line.order_vetoed, "order_vetoed"
        ),  # absent = unknown, E-22
        breaker=_breaker(line.breaker),
        unavailable=_unavailable(line.unavailable),
    )


def _is_null(raw: msgspec.Raw) -> bool:
    return bytes(raw) in (b"", NULL)


def _order(raw: msgspec.Raw) -> Order | None:
    return None if _is_null(raw) else _row(decode_order(bytes(raw)), "order")


def _buyer(raw: msgspec.Raw) -> Buyer | None:
    return None if _is_null(raw) else _row(decode_buyer(bytes(raw)), "buyer")


def _shop(raw: msgspec.Raw) -> Shop | None:
    """E-12: whose row it is, the rules say; read here so that no number spoils it."""
    row = value_of(raw, "shop")
    if row is None:
        return None
    if not isinstance(row, dict):
        raise RefusedLineError("shop: must be an object or null")
    return Shop(
        row.get("shop_id"), row.get("enabled"), row.get("standing"), row.get("as_of_ms")
    )


def _row(found: "T | Unreadable", member: str) -> "T | None":
    """E-11, E-12: a row without a usable id is nobody's row."""
    if not isinstance(found, Unreadable):
        return found
    if found.error == "no_id":
        return None
    raise RefusedLineError(f"{member}: must be an object or null")


def _catalog(raw: msgspec.Raw) -> Catalog | None:
    """Read what is excluded; a catalogue that does not say it is not loaded."""
    found = value_of(raw, "catalog")
    if found is None:
        return None
    if not isinstance(found, dict):
        raise RefusedLineError("catalog: must be an object or null")
    excluded = found.get("excluded")
    if excluded is None:
        return None
    if not isinstance(excluded, list):
        raise RefusedLineError('catalog.excluded: must be a list of {"id", "kind"}')
    listed: dict[str, object] = {}
    for row in excluded:
        if not isinstance(row, dict) or not isinstance(row.get("id"), str):
            raise RefusedLineError('catalog.excluded: must be a list of {"id", "kind"}')
        listed[row["id"]] = row.get("kind")
    return Catalog(listed, found.get("as_of_ms"))


def _breaker(raw: msgspec.Raw) -> str | None:
    scope = value_of(raw, "breaker")
    if scope is None:
        return None
    if isinstance(scope, str) and scope in SCOPES:
        return scope
    raise RefusedLineError("breaker: must be null, shop or global")


def _unavailable(raw: msgspec.Raw) -> tuple[str, ...] | None:
    names = value_of(raw, "unavailable")
    if names is None:
        return None
    if isinstance(names, list) and all(isinstance(name, str) for name in names):
        return tuple(names) or None
    raise RefusedLineError("unavailable: must be a list of names of facts")


def history_of(raw: msgspec.Raw) -> tuple[Past, ...]:
    """Read the earlier requests; absent or null = none.

    Raises
    ------
    RefusedLineError
        It is no list of objects, or reason codes are not from the closed list.
    """
    rows = value_of(raw, "history")
    if rows is None:
        return ()
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise RefusedLineError("history: must be a list of objects")
    found = tuple(msgspec.convert(row, Past) for row in rows)
    if not all(_codes_readable(row.reason_codes) for row in found):
        raise RefusedLineError("history.reason_codes: must be a list of reason codes")
    return found


def _codes_readable(codes: object) -> bool:
    return codes is None or (
        isinstance(codes, list)
        and all(isinstance(code, str) and code in _CODES for code in codes)
    )
