"""Find the catalogue entries that concern the goods of an order."""

from typing import Final

from streams.families.fast_refund.model import Catalog, Goods

CATEGORY: Final = "category:"
ARTICLE: Final = "sku:"


def names_goods(entry_id: str) -> bool:
    """E-32: whether a catalogue id is ``category:ID`` or ``sku:ID``."""
    return any(
        entry_id.startswith(prefix) and entry_id != prefix
        for prefix in (CATEGORY, ARTICLE)
    )


def may_be_listed(names: set[str] | None, goods: Goods) -> bool:
    """Whether an entry may concern a line, by a cheap test; for most orders none does."""
    if names is None:
        return True
    try:
        for path in goods.paths:
            if type(path) is tuple and not names.isdisjoint(path):
                return True
        return not names.isdisjoint(goods.skus)
    except TypeError:  # a list in the path: no entry has such a name
        return True


def all_named(goods: Goods) -> bool:
    """E-29: whether every line names its article."""
    for sku in goods.skus:  # noqa: SIM110 - a generator costs as much as five lines
        if type(sku) is not str or not sku:
            return False
    return True


def unnamed_lines(catalog: Catalog | None, goods: Goods) -> tuple[int, ...] | None:
    """E-29: return the indexes of lines that might be an excluded article; None = none.

    Without a catalogue every line is unknown, which has a code of its own.
    """
    if catalog is None or not _lists_articles(catalog):
        return None
    return (
        tuple(place for place, sku in enumerate(goods.skus) if not _is_name(sku))
        or None
    )


def _lists_articles(catalog: Catalog) -> bool:
    if catalog.articles is not None:
        return bool(catalog.articles)
    return any(entry.startswith(ARTICLE) for entry in catalog.listed)


def _is_name(sku: object) -> bool:
    return type(sku) is str and sku != ""


def entries_on(
    table: dict[str, tuple[object, ...]], goods: Goods
) -> tuple[tuple[str, object], ...] | None:
    """E-23, E-33: return the catalogue entries that concern a line, each once."""
    found: dict[str, tuple[object, ...]] = {}
    for path in goods.paths:
        if type(path) is tuple:
            for name in path:
                if type(name) is str and CATEGORY + name in table:
                    found[CATEGORY + name] = table[CATEGORY + name]
    for sku in goods.skus:
        if type(sku) is str and ARTICLE + sku in table:
            found[ARTICLE + sku] = table[ARTICLE + sku]
    return (
        tuple((name, kind) for name, kinds in found.items() for kind in kinds) or None
    )
