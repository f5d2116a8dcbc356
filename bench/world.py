"""The records of a run: the same facts and requests for every engine, from numbers.

Request ``i`` asks for the whole of order ``shuffled[i]``, so that no order is refunded
twice and neighbours in the log are no neighbours in memory. Requests beyond the number
of orders begin again with the first order: a second refund, which goes to a person.
Requests for warming up have numbers, and orders, of their own.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from random import Random
from typing import Final

from bench.names import buyer_id, order_id, refund_id
from streams.processing.partitioner import partition_of
from streams.processing.watermarks import WATERMARK_KEY
from streams.tools.traffic import records

WARM_UP_FROM: Final = 900_000_000
"""Number of the first request for warming up."""
SPARE_ORDERS: Final = 10_000
"""Orders that only warming up asks for."""
_SHOPS: Final = 50
_SKUS: Final = 1_000
_SEED: Final = 18
_NOTE_CHARS: Final = 65_536
_ALPHABET: Final = "abcdefghijklmnopqrstuvwxyz0123456789 .,-"

KeyedValue = tuple[bytes, bytes, int]
"""Key, value, partition."""


@dataclass(frozen=True, slots=True)
class WorldSize:
    """What the records of a run are made by; the same gives the same."""

    orders: int
    """Asked for by requests, each once; :data:`SPARE_ORDERS` come on top."""
    buyers: int
    """Order ``n`` belongs to buyer ``n % buyers``."""
    partitions: int
    """Of every topic."""
    skew: int = 0
    """Percent of requests that go to partition 0; 0 = as the buyers fall, about evenly."""
    padding: int = 0
    """Bytes of text that a request carries besides what is read; 0 = none."""


class NumberedWorld:
    """Facts and requests by number."""

    def __init__(self, size: WorldSize) -> None:
        self._size = size
        self.buyer_ids = [buyer_id(number) for number in range(size.buyers)]
        self._where = [partition_of(buyer, size.partitions) for buyer in self.buyer_ids]
        random = Random(_SEED)  # noqa: S311 - order of records
        self._shuffled = list(range(size.orders))
        random.shuffle(self._shuffled)
        if size.skew:
            self._shuffled = self._uneven(random)
        self._note = ""
        if size.padding:
            self._note = "".join(random.choices(_ALPHABET, k=_NOTE_CHARS))

    def _uneven(self, random: Random) -> list[int]:
        """Pick the next order from partition 0 so often; stop where it has no more."""
        first = [order for order in self._shuffled if not self._where_is(order)]
        others = [order for order in self._shuffled if self._where_is(order)]
        picked: list[int] = []
        while first and others:
            chosen = first if random.random() * 100 < self._size.skew else others
            picked.append(chosen.pop())
        return picked

    def _where_is(self, order: int) -> int:
        return self._where[order % self._size.buyers]

    def _all_orders(self) -> range:
        return range(self._size.orders + SPARE_ORDERS)

    def buyer_rows(self, now_ms: int) -> Iterator[KeyedValue]:
        """Yield facts of every buyer: quality user, no limit."""
        for number, buyer in enumerate(self.buyer_ids):
            fact = records.encoded(records.buyer(buyer, now_ms))
            yield buyer.encode(), fact, self._where[number]

    def order_rows(self, now_ms: int) -> Iterator[KeyedValue]:
        """Yield a paid, unshipped order of 199 yuan each."""
        for number in self._all_orders():
            item = self._item(number)
            version = now_ms - records.HOUR_MS
            order = records.order(item, now_ms, order_version=version)
            yield item.order_id.encode(), records.encoded(order), item.partition

    def list_rows(self, now_ms: int) -> Iterator[tuple[str, KeyedValue]]:
        """Yield shops and catalogue entries with the name of their topic."""
        for number in range(_SHOPS):
            shop_id = _shop_id(number)
            yield "shops", self._by_key(shop_id, records.shop(shop_id, now_ms))
        for kind in ("virtual", "custom"):
            entry = records.excluded_kind(kind, now_ms)
            yield "catalog", self._by_key(f"category:{kind}", entry)

    def _by_key(self, key: str, fields: records.Fields) -> KeyedValue:
        where = partition_of(key, self._size.partitions)
        return key.encode(), records.encoded(fields), where

    def _item(self, number: int) -> records.Item:
        return records.Item(
            order_id=order_id(number),
            buyer_id=self.buyer_ids[number % self._size.buyers],
            partition=self._where_is(number),
            shop_id=_shop_id(number),
            sku_id=f"k-{number % _SKUS:06d}",
        )

    def request(self, number: int, now_ms: int) -> KeyedValue:
        """Return request ``number``, made at ``now_ms``."""
        item = self._item(self._order_of(number))
        refund = refund_id(number)
        request = records.request(
            records.Ask(refund, item),
            now_ms,
            event_id=f"e-{number:09d}",
            refund_version=now_ms,
        )
        if self._note:
            begin = number * 131 % (_NOTE_CHARS - self._size.padding)
            request["note"] = self._note[begin : begin + self._size.padding]
        return refund.encode(), records.encoded(request), item.partition

    def _order_of(self, number: int) -> int:
        if number >= WARM_UP_FROM:
            return self._size.orders + number % SPARE_ORDERS
        return self._shuffled[number % len(self._shuffled)]


def watermark(now_ms: int) -> tuple[bytes, bytes]:
    """Return key and value of a watermark record."""
    return WATERMARK_KEY, records.encoded(records.watermark(now_ms))


def _shop_id(order: int) -> str:
    return f"21000{order % _SHOPS:05d}"
