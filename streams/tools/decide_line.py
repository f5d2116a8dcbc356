"""The input line of ``refund decide``: decode its members one by one.

Members stay raw JSON until they are decoded, so that an unreadable one affects only its
own line, and records go through the decoders of the topics.
"""

import json
from typing import Final, TypeVar

import msgspec

from streams.families.fast_refund.codec import decode_buyer
from streams.families.fast_refund.listed import ARTICLE, names_goods
from streams.families.fast_refund.model import Buyer, Catalog, Facts, Order, Shop
from streams.families.fast_refund.orders import decode_order
from streams.records.json_values import Unreadable
from streams.records.plain_json import NoJsonError, mark_cut, parse, whole_text

T = TypeVar("T")

SCOPES: Final = ("shop", "global")
NULL: Final = b"null"
ABSENT: Final = msgspec.Raw(b"")
"""Stands for a member that a line lacks."""

_QUOTED_MAX: Final = 60
"""Most characters of a name that a message quotes."""


class RefusedLineError(Exception):
    """The line is a dead letter; the message says why."""


class Line(msgspec.Struct, frozen=True):
    """Members of a line as raw JSON; an absent member has no bytes."""

    name: msgspec.Raw = ABSENT
    now_ms: msgspec.Raw = ABSENT
    request: msgspec.Raw = ABSENT
    order: msgspec.Raw = ABSENT
    buyer: msgspec.Raw = ABSENT
    shop: msgspec.Raw = ABSENT
    catalog: msgspec.Raw = ABSENT
    lists_as_of_ms: msgspec.Raw = ABSENT
    history: msgspec.Raw = ABSENT
    order_vetoed: msgspec.Raw = ABSENT
    breaker: msgspec.Raw = ABSENT
    unavailable: msgspec.Raw = ABSENT
    policy: msgspec.Raw = ABSENT


MEMBERS: Final = Line.__struct_fields__
"""All members that a line may have, in the order of the contract."""

_LINE: Final = msgspec.json.Decoder(dict[str, msgspec.Raw])


def members_of(line: bytes) -> dict[str, msgspec.Raw]:
    """Split a line into its members; of a repeated member the last one counts.

    Raises
    ------
    RefusedLineError
        The line is no JSON object.
    """
    try:
        return _LINE.decode(line)
    except msgspec.ValidationError:
        raise RefusedLineError("the line is not a JSON object") from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return _members_carefully(line)


def _members_carefully(line: bytes) -> dict[str, msgspec.Raw]:
    """Split a line with a lone surrogate in a text (E-34)."""
    try:
        found = parse(line)
        if not isinstance(found, dict):
            raise RefusedLineError("the line is not a JSON object")
        return {
            whole_text(name): msgspec.Raw(json.dumps(value).encode())
            for name, value in found.items()
        }
    except (NoJsonError, RecursionError) as problem:
        raise RefusedLineError(f"the line is not JSON: {problem}") from None


def line_of(members: dict[str, msgspec.Raw]) -> Line:
    """Build a line from its members (E-36).

    Raises
    ------
    RefusedLineError
        A member is unknown: ignoring it silently could change the decision.
    """
    unknown = [name[:_QUOTED_MAX] for name in members if name not in MEMBERS]
    if unknown:
        raise RefusedLineError(
            f"{', '.join(unknown)}: not a member of a line; remove it"
        )
    return Line(**members)


def value_of(raw: msgspec.Raw, member: str) -> object:
    """Decode one member; absent is null. A text with a lone surrogate is marked unreadable.

    Raises
    ------
    RefusedLineError
        It is no JSON: invalid UTF-8, or an integer with too many digits.
    """
    try:
        return mark_cut(parse(bytes(raw) or NULL))
    except (NoJsonError, RecursionError) as problem:
        raise RefusedLineError(f"{member}: no JSON: {problem}") from None


def name_of(raw: msgspec.Raw) -> str | float | None:
    """Return the name of a line as sent, if it is a text, number or boolean.

    Raises
    ------
    RefusedLineError
        It is no JSON.
    """
    try:
        name = parse(bytes(raw) or NULL)
    except NoJsonError as problem:
        raise RefusedLineError(f"name: no JSON: {problem}") from None
    return name if isinstance(name, (str, int, float)) else None


def facts_of(line: Line) -> Facts:
    """Return the facts of a line, without history.

    Raises
    ------
    RefusedLineError
        A member has another structure than in contract 4. Wrong values inside a fact
        are kept: the rules judge them.
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
    """E-11, E-32: decode a snapshot; one without a readable order id is no snapshot."""
    if _is_null(raw):
        return None
    found = decode_order(bytes(raw))
    if not isinstance(found, Unreadable):
        return found
    return _without_id(found, "order", None)


def _buyer(raw: msgspec.Raw) -> Buyer | None:
    """E-32: decode a buyer row; one without a readable id stays, without an id."""
    if _is_null(raw):
        return None
    found = decode_buyer(bytes(raw))
    if not isinstance(found, Unreadable):
        return found
    return _without_id(found, "buyer", NOBODY)


NOBODY: Final = Buyer(None)


def _without_id(found: Unreadable, member: str, row: T) -> T:
    """Return the replacement for a row without a usable id; refuse other values."""
    if found.error == "no_id":
        return row
    if found.error == "not_object":
        raise RefusedLineError(f"{member}: must be an object or null")
    raise RefusedLineError(f"{member}: no JSON: {found.message}")


def _shop(raw: msgspec.Raw) -> Shop | None:
    """E-12, E-32: decode a shop row, whatever its numbers; the rules check its id."""
    row = value_of(raw, "shop")
    if row is None:
        return None
    if not isinstance(row, dict):
        raise RefusedLineError("shop: must be an object or null")
    return Shop(
        row.get("shop_id"), row.get("enabled"), row.get("standing"), row.get("as_of_ms")
    )


def _catalog(raw: msgspec.Raw) -> Catalog | None:
    """Decode the catalogue; without its entries it counts as not loaded."""
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
    listed: dict[str, list[object]] = {}
    for row in excluded:
        if not isinstance(row, dict) or not isinstance(row.get("id"), str):
            raise RefusedLineError('catalog.excluded: must be a list of {"id", "kind"}')
        if not names_goods(row["id"]):
            quoted = row["id"][:_QUOTED_MAX]
            raise RefusedLineError(
                f'catalog.excluded: "{quoted}" is neither category:ID nor sku:ID'
            )
        listed.setdefault(row["id"], []).append(row.get("kind"))
    return Catalog(
        {name: _in_one_order(kinds) for name, kinds in listed.items()},
        found.get("as_of_ms"),
        articles={name for name in listed if name.startswith(ARTICLE)},
    )


def _in_one_order(kinds: list[object]) -> tuple[object, ...]:
    """E-33: return every kind once, in an order independent of the list."""
    by_text = {json.dumps(kind, sort_keys=True): kind for kind in kinds}
    return tuple(by_text[text] for text in sorted(by_text))


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
