"""Add to schemas what struct types do not say: closed lists and well-formed facts.

A struct keeps a fact as it came, so its type is "any value". The schema states the
well-formed type first, and then that a wrong value is recorded as it came. Lists may
grow, so only lists that decide about money are strict.
"""

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any, Final

import msgspec

from streams.families.fast_refund.model import Decision, Request, Seen
from streams.families.fast_refund.reasons import REASONS
from streams.families.fast_refund.rules.request import ACTIONS, KINDS
from streams.families.fast_refund.wire import (
    BuyerFacts,
    CatalogRow,
    OrderLine,
    OrderSnapshot,
    OutcomeRecord,
    QualityEntry,
    ShopFacts,
    WatermarkRecord,
)
from streams.processing.policies.pause import Pause

GROWS: Final = (
    "The list may grow: take a value you do not know for a case for a person."
)
ANY_VALUE: Final = "Any JSON value, kept as it was sent."
MISSING: Final = "Missing, or nothing of the kind."
AS_IT_CAME: Final = (
    "A wrong value, recorded as it came; no rule takes it for a good one."
)

DISPOSITIONS: Final = tuple(dict.fromkeys(one.disposition for one in REASONS.values()))
OUTCOMES: Final = tuple(dict.fromkeys(one.outcome for one in REASONS.values()))
"""Includes None: only the disposition ``decided`` has an outcome."""
LIMITS: Final = ("limited", "cancelled", "unknown")
BREAKERS: Final = ("shop", "global")

_Field = tuple[type[msgspec.Struct], str]
"""A struct and the name of a field."""

_STRICT: Final[Mapping[_Field, tuple[str | None, ...]]] = MappingProxyType(
    {(Decision, "disposition"): DISPOSITIONS, (Decision, "outcome"): OUTCOMES}
)
"""Strict lists, which decide about money: another text means it is not our decision."""
_OPEN: Final[Mapping[_Field, tuple[str, ...]]] = MappingProxyType(
    {
        (Decision, "reason_codes"): tuple(REASONS),
        (Request, "refund_kind"): KINDS,
        (Request, "action"): ACTIONS,
        (Seen, "refund_kind"): KINDS,
        (Seen, "action"): ACTIONS,
        (Seen, "limits"): LIMITS,
        (Seen, "breaker"): BREAKERS,
    }
)
"""Lists that may grow: readers must accept new texts."""

FACTS: Final[Mapping[str, _Field]] = MappingProxyType(
    {
        **{
            field.name: (OrderSnapshot, field.name)
            for field in msgspec.structs.fields(Seen)
            if field.name in OrderSnapshot.__struct_fields__ and field.type is object
        },
        "order_as_of_ms": (OrderSnapshot, "as_of_ms"),
        "quality": (QualityEntry, "value"),
        "quality_now": (QualityEntry, "value"),
        "buyer_as_of_ms": (BuyerFacts, "as_of_ms"),
        "shop_standing": (ShopFacts, "standing"),
        "shop_enabled": (ShopFacts, "enabled"),
        "shop_as_of_ms": (ShopFacts, "as_of_ms"),
        "catalog_as_of_ms": (CatalogRow, "as_of_ms"),
        "lists_as_of_ms": (WatermarkRecord, "watermark_ms"),
        "order_vetoed": (OutcomeRecord, "veto"),
        "pause": (Pause, "published_at_ms"),
        "skus": (OrderLine, "sku_id"),
        "paths": (OrderLine, "category_path"),
        "quantities": (OrderLine, "quantity"),
        "shipped_counts": (OrderLine, "shipped_count"),
        "customs": (OrderLine, "is_custom"),
        "listed": (CatalogRow, "kind"),
    }
)
"""Fact in ``seen`` -> field that defines its well-formed type."""


def refine(part: dict[str, Any], kind: type[msgspec.Struct]) -> None:
    """Put closed lists and well-formed types into the schema of one struct."""
    properties = part["properties"]
    for (owner, name), values in _STRICT.items():
        if owner is kind:
            _note(properties[name], {"enum": list(values)}, GROWS)
    for (owner, name), values in _OPEN.items():
        if owner is kind:
            for slot in list(_texts(properties[name])):
                del slot["type"]
                slot["anyOf"] = [{"enum": list(values)}, {"type": "string"}]
            _note(properties[name], {}, GROWS)
    if kind is Seen:
        for name in FACTS:
            slot = _slot(properties[name])
            if slot.get("description") == ANY_VALUE:
                del slot["description"]
            slot.update(_as_it_came(name))


def _note(shown: dict[str, Any], becomes: dict[str, Any], text: str) -> None:
    """Add a sentence to a description, and replace the types with ``becomes``."""
    if becomes:
        for key in ("type", "anyOf"):
            shown.pop(key, None)
        shown.update(becomes)
    shown["description"] = f"{shown.get('description', '')} {text}".strip()


def _texts(shown: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield every part of a schema that allows any text."""
    if shown.get("type") == "string":
        yield shown
    for one in (*shown.get("anyOf", ()), shown.get("items")):
        if isinstance(one, dict):
            yield from _texts(one)


def _slot(shown: dict[str, Any]) -> dict[str, Any]:
    """Return the part that holds a fact's value: of a column its items, of a pair the second."""
    for one in (shown, *shown.get("anyOf", ())):
        items = one.get("items")
        if isinstance(items, dict) and "prefixItems" in items:
            found: dict[str, Any] = items["prefixItems"][1]
            return found
        if isinstance(items, dict):
            return items
    return shown


def well_formed(fact: str) -> list[dict[str, Any]]:
    """Return the well-formed types of a fact; null = no value."""
    owner, name = FACTS[fact]
    found = msgspec.json.schema(owner)["$defs"][owner.__name__]["properties"][name]
    forms = [one for one in found.get("anyOf", (found,)) if one != {"type": "null"}]
    return [
        *({key: one[key] for key in one if key != "default"} for one in forms),
        {"type": "null", "description": MISSING},
    ]


def _as_it_came(fact: str) -> dict[str, Any]:
    return {"anyOf": [*well_formed(fact), {"description": AS_IT_CAME}]}
