"""The records of a run: the same facts and requests for every engine, from numbers.

Request ``i`` asks for the whole of order ``shuffled[i]``, so that no order is refunded
twice and neighbours in the log are no neighbours in memory.
"""

from collections.abc import Iterator
from random import Random
from typing import Final

import orjson

from streams.kafka.routing import partition_of
from streams.kafka.tables import WATERMARK_KEY

REFUND_PREFIX: Final = "26077"
_ORDER_PREFIX: Final = "26078"
_BUYER_PREFIX: Final = "b-2100"
_SHOPS: Final = 50
_SKUS: Final = 1_000
_PAID_FEN: Final = 19_900
_HOUR_MS: Final = 3_600_000
_DAY_MS: Final = 24 * _HOUR_MS
_SEED: Final = 18

Row = tuple[bytes, bytes, int]
"""Key, value, partition."""


class World:
    """Facts and requests by number.

    Parameters
    ----------
    orders, buyers
        How many there are; order ``n`` belongs to buyer ``n % buyers``.
    partitions
        Of every topic.
    """

    def __init__(self, orders: int, buyers: int, partitions: int) -> None:
        self._orders = orders
        self._partitions = partitions
        self.buyer_ids = [f"{_BUYER_PREFIX}{number:08d}" for number in range(buyers)]
        self._where = [
            partition_of(buyer_id, partitions) for buyer_id in self.buyer_ids
        ]
        self._shuffled = list(range(orders))
        Random(_SEED).shuffle(self._shuffled)  # noqa: S311 - order of records

    def order_ids(self) -> list[str]:
        """Return the ids of all orders."""
        return [_order_id(number) for number in range(self._orders)]

    def buyer_rows(self, now_ms: int) -> Iterator[Row]:
        """Yield facts of every buyer: quality user, no limit."""
        for number, buyer_id in enumerate(self.buyer_ids):
            fact = {
                "buyer_id": buyer_id,
                "quality": [{"from_ms": now_ms - 90 * _DAY_MS, "value": "quality"}],
                "limits": [],
                "as_of_ms": now_ms,
            }
            yield buyer_id.encode(), orjson.dumps(fact), self._where[number]

    def order_rows(self, now_ms: int) -> Iterator[Row]:
        """Yield a paid, unshipped order of 199 yuan each."""
        for number in range(self._orders):
            buyer = number % len(self.buyer_ids)
            order = _order(number, self.buyer_ids[buyer], now_ms)
            yield order["order_id"].encode(), orjson.dumps(order), self._where[buyer]  # type: ignore[attr-defined]

    def list_rows(self, now_ms: int) -> Iterator[tuple[str, Row]]:
        """Yield shops and catalogue entries with the name of their topic."""
        for number in range(_SHOPS):
            shop_id = _shop_id(number)
            shop = {
                "shop_id": shop_id,
                "enabled": True,
                "standing": "good",
                "as_of_ms": now_ms,
            }
            yield "shops", self._by_key(shop_id, shop)
        for kind in ("virtual", "custom"):
            name = f"category:{kind}"
            entry = {"id": name, "excluded": True, "kind": kind, "as_of_ms": now_ms}
            yield "catalog", self._by_key(name, entry)

    def _by_key(self, key: str, value: object) -> Row:
        return key.encode(), orjson.dumps(value), partition_of(key, self._partitions)

    def request(self, number: int, now_ms: int) -> Row:
        """Return request ``number``, made at ``now_ms``."""
        order = self._shuffled[number]
        buyer = order % len(self.buyer_ids)
        refund_id = f"{REFUND_PREFIX}{number:09d}"
        request = {
            "event_id": f"e-{number:09d}",
            "action": "open",
            "refund_id": refund_id,
            "refund_version": now_ms,
            "order_id": _order_id(order),
            "buyer_id": self.buyer_ids[buyer],
            "shop_id": _shop_id(order),
            "refund_kind": "refund_only",
            "special_refund_type": 0,
            "refund_fen": _PAID_FEN,
            "requested_at_ms": now_ms,
            "expire_at_ms": now_ms + 2 * _DAY_MS,
            "reason": "11",
        }
        return refund_id.encode(), orjson.dumps(request), self._where[buyer]


def watermark(now_ms: int) -> tuple[bytes, bytes]:
    """Return key and value of a watermark record."""
    return WATERMARK_KEY, orjson.dumps({"watermark_ms": now_ms})


def request_number(key: bytes) -> int:
    """Return the number of the request whose refund id is ``key``."""
    return int(key[len(REFUND_PREFIX) :])


def _order_id(number: int) -> str:
    return f"{_ORDER_PREFIX}{number:09d}"


def _shop_id(order: int) -> str:
    return f"21000{order % _SHOPS:05d}"


def _order(number: int, buyer_id: str, now_ms: int) -> dict[str, object]:
    line = {
        "sku_id": f"k-{number % _SKUS:06d}",
        "category_path": ["clothing", "shirts"],
        "quantity": 1,
        "shipped_count": 0,
        "is_custom": False,
        "is_gift": False,
    }
    return {
        "order_id": _order_id(number),
        "order_version": now_ms - _HOUR_MS,
        "buyer_id": buyer_id,
        "shop_id": _shop_id(number),
        "currency": "CNY",
        "order_type": 0,
        "ordered_at_ms": now_ms - 2 * _HOUR_MS,
        "paid_at_ms": now_ms - 2 * _HOUR_MS + 30_000,
        "order_status": "paid",
        "paid_fen": _PAID_FEN,
        "freight_fen": 0,
        "coupon_shop_fen": 0,
        "coupon_platform_fen": 0,
        "subsidy_fen": 0,
        "refundable_left_fen": _PAID_FEN,
        "total_changed_at_ms": None,
        "lines": [line],
        "pay_type": 1,
        "presale_stage": "none",
        "delivery_block": 0,
        "risk_code": 0,
        "waybill_printed_at_ms": None,
        "waybill_entered_at_ms": None,
        "picked_up_at_ms": None,
        "shipped_at_ms": None,
        "as_of_ms": now_ms,
    }
