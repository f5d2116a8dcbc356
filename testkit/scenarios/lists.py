"""Shops and catalogue that all scenarios share."""

from collections.abc import Iterator
from typing import Final

from streams.tools.traffic import records
from testkit.rows import Row, row

EXCLUDED: Final = ("category:wine", "sku:k-no")
SHOPS: Final = {
    "s-off": ("good", False),
    "s-low": ("restricted", True),
    "s-odd": ("odd", True),
    "s-good": ("good", True),
    "s-watch": ("watch", True),
}
"""Standing, and whether the operator lets the service work for the shop."""


def lists(now_ms: int) -> Iterator[Row]:
    """Yield the rows, as of a moment, UTC ms."""
    for shop_id, (standing, enabled) in SHOPS.items():
        fields = records.shop(shop_id, now_ms, standing, enabled=enabled)
        yield row("shops", shop_id, shop_id, **fields)
    for entry_id in EXCLUDED:
        fields = records.excluded(entry_id, now_ms)
        yield row("catalog", entry_id, entry_id, **fields)
