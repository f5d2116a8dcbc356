"""Date facts: by their own moment, or by a later watermark."""

from streams.families.fast_refund.shared_tables import SharedTables
from streams.families.fast_refund.tables import PartitionTables


def lists_as_of(tables: PartitionTables, shared: SharedTables) -> int | None:
    """Return the moment up to which limits, shops, SKUs and vetoes are all known."""
    buyers, lists = tables.buyer_marks.ms, shared.lists_ms
    vetoes = tables.outcome_marks.ms
    if vetoes is None:
        vetoes = tables.vetoes_known_ms
    if buyers is None or lists is None or vetoes is None:
        return None
    return min(buyers, lists, vetoes)


def fresh(own: object, mark: int | None) -> object:
    """Return ``as_of_ms`` of a fact: its own or its partition's watermark, whichever is later.

    A wrong value stays wrong; a watermark does not repair it (E-4).
    """
    if mark is None:
        return own
    if own is None:
        return mark
    if type(own) is int and own < mark:
        return mark
    return own
