"""Facts that a request names and the tables lack: looked for once more.

A sender may write buyer, order and request in one go; the request can then be here
before the facts are applied. So what is missing is looked for before it is judged, once
a poll. An order that is not there is the reason for a person's work, so it is looked for
each time, and with it its buyer. A buyer alone is looked for as long as that helps: where
a platform keeps rows of some buyers only, each poll names others that have none, and a
look holds up all requests of a poll for as long as a fetch of facts may take. A shop
without a row is covered (FR-1.2a), and most shops have none: each is looked for once, and
known to have no row from then on, because its row would arrive like any other change of a
fact.
"""

from collections.abc import Iterable, Sequence
from typing import Final

from streams.families.fast_refund.model import Request
from streams.families.fast_refund.shared_tables import SharedTables
from streams.families.fast_refund.tables import PartitionTables
from streams.families.fast_refund.topics import BUYERS, ORDERS, OUTCOMES, SHOPS


class Missing:
    """What the requests of a slice name and the tables lack."""

    __slots__ = ("any_shop", "buyers", "orders", "shops")

    def __init__(self) -> None:
        self.orders = False
        self.buyers: set[str] = set()
        self.any_shop = False
        """That of an order which is missing."""
        self.shops: set[str] = set()

    def __bool__(self) -> bool:
        return self.orders or bool(self.buyers) or bool(self.shops)

    def note(
        self, request: Request, tables: PartitionTables, shared: SharedTables
    ) -> None:
        """Note what one request lacks; ids it does not name are the order's (E-12)."""
        order_id, buyer_id, shop_id = (
            request.order_id,
            request.buyer_id,
            request.shop_id,
        )
        order = tables.orders.get(order_id)
        if order is not None:
            if buyer_id is None and isinstance(order.buyer_id, str):
                buyer_id = order.buyer_id
            if shop_id is None and isinstance(order.shop_id, str):
                shop_id = order.shop_id
        elif order_id is not None:
            self.orders = True
            self.any_shop = self.any_shop or shop_id is None
        if buyer_id is not None and not tables.buyers.has(buyer_id):
            self.buyers.add(buyer_id)
        if (
            shop_id is not None
            and not shared.shops.has(shop_id)
            and not shared.sought(shop_id)
        ):
            self.shops.add(shop_id)


_FRUITLESS_MS: Final = 5_000
"""After a look that found no buyer, none is looked for alone for so long: at 50 ms a
look, a hundredth of the time."""


class FactLookups:
    """Decides what is looked for, and learns from what is found.

    Parameters
    ----------
    partitions
        Of the topics of shops.
    """

    def __init__(self, shared: SharedTables, partitions: int) -> None:
        self._shared = shared
        self._partitions = partitions
        self.due_ms = 0
        """Monotonic ms from which a look for buyers alone may begin."""

    def wanted(
        self, missing: Missing, partitions: Sequence[int], at_ms: int
    ) -> list[tuple[str, int]]:
        """Return the fact partitions to be read on before the slice is judged."""
        found: list[tuple[str, int]] = []
        if missing.orders:
            for number in partitions:
                found += [(row.name, number) for row in (ORDERS, BUYERS, OUTCOMES)]
        elif missing.buyers and at_ms >= self.due_ms:
            found += [(BUYERS.name, number) for number in partitions]
        if missing.shops or missing.any_shop:
            found += [(SHOPS.name, number) for number in range(self._partitions)]
        return found

    def looked(
        self,
        missing: Missing,
        topics: frozenset[str],
        states: Iterable[PartitionTables],
        at_ms: int,
    ) -> None:
        """Take note of what was found, once these topics were read on."""
        if BUYERS.name in topics and not missing.orders:
            found = any(
                tables.buyers.has(buyer_id)
                for tables in states
                for buyer_id in missing.buyers
            )
            self.due_ms = at_ms if found else at_ms + _FRUITLESS_MS
        self._shared.note_sought(missing.shops)
