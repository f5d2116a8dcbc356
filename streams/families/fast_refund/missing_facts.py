"""Look up facts that a request names and the tables lack.

A sender may write buyer, order and request at once; the request can then arrive before
the facts are applied. So the fact topics are read up to date once per poll before such
a request is judged. A missing order costs a person's work, so it is looked up each
time, together with its buyer. A missing buyer alone is looked up only as long as that
helps: where a platform has rows of some buyers only, each poll names others without a
row, and a look-up delays all requests of a poll by up to one fetch of facts. A shop
without a row is covered (FR-1.2a), and most shops have none: each is looked up once,
and then known to have no row, because a row would arrive like any other change.
"""

from collections.abc import Iterable, Sequence
from typing import Final

from streams.families.fast_refund.model import Request
from streams.families.fast_refund.shared_tables import SharedTables
from streams.families.fast_refund.tables import PartitionTables
from streams.families.fast_refund.topics import BUYERS, ORDERS, OUTCOMES, SHOPS


class Missing:
    """The facts that requests of a slice name and the tables lack."""

    __slots__ = ("any_shop", "buyers", "orders", "shops")

    def __init__(self) -> None:
        self.orders = False
        self.buyers: set[str] = set()
        self.any_shop = False
        """True = the shop of a missing order, which may be any shop."""
        self.shops: set[str] = set()

    def __bool__(self) -> bool:
        return self.orders or bool(self.buyers) or bool(self.shops)

    def note(
        self, request: Request, tables: PartitionTables, shared: SharedTables
    ) -> None:
        """Note the missing facts of one request; ids that it lacks are the order's (E-12)."""
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
"""After a look-up that found no buyer, buyers alone are not looked up for this long,
ms: at 50 ms each, look-ups take a hundredth of the time."""


class FactLookups:
    """Decides which look-ups to do, and learns from their results.

    Parameters
    ----------
    partitions
        Partitions of the topic of shops.
    """

    def __init__(self, shared: SharedTables, partitions: int) -> None:
        self._shared = shared
        self._partitions = partitions
        self.due_ms = 0
        """Monotonic ms from which buyers alone may be looked up again."""

    def wanted(
        self, missing: Missing, partitions: Sequence[int], at_ms: int
    ) -> list[tuple[str, int]]:
        """Return the fact partitions that must be read further before the slice is judged."""
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
        """Note what was found after these topics were read further."""
        if BUYERS.name in topics and not missing.orders:
            found = any(
                tables.buyers.has(buyer_id)
                for tables in states
                for buyer_id in missing.buyers
            )
            self.due_ms = at_ms if found else at_ms + _FRUITLESS_MS
        self._shared.note_sought(missing.shops)
