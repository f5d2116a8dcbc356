"""What requests name and the tables lack."""

from streams.families.fast_refund.model import Request
from streams.families.fast_refund.tables import PartitionTables, SharedTables


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
        order = None if order_id is None else tables.orders.get(order_id)
        if order is not None:
            if buyer_id is None and isinstance(order.buyer_id, str):
                buyer_id = order.buyer_id
            if shop_id is None and isinstance(order.shop_id, str):
                shop_id = order.shop_id
        elif order_id is not None:
            self.orders = True
            self.any_shop = self.any_shop or shop_id is None
        if buyer_id is not None and buyer_id not in tables.buyers:
            self.buyers.add(buyer_id)
        if (
            shop_id is not None
            and shop_id not in shared.shops
            and shop_id not in shared.sought
        ):
            self.shops.add(shop_id)
