"""The population of generated traffic: buyers of several kinds, shops of all sizes, goods."""

from collections.abc import Iterator, Sequence
from itertools import accumulate
from math import exp, log
from random import Random
from typing import Final, NamedTuple

from streams.families.fast_refund.topics import BUYERS, CATALOG, ORDERS, SHOPS
from streams.processing.partitioner import partition_of
from streams.processing.watermarks import WATERMARK_KEY
from streams.tools.drive.rows import BEFORE_START, TimedRow
from streams.tools.traffic import records
from streams.tools.traffic.records import Fields, Item

KINDS: Final = {
    "quality": 0.78,
    "ordinary": 0.17,
    "revoked": 0.02,
    "limited": 0.02,
    "abuser": 0.01,
}
"""Shares of buyers. Abusers count as quality users until they are noticed."""
_STANDINGS: Final = {"good": 0.95, "watch": 0.03, "restricted": 0.02}
_CATEGORIES: Final[dict[tuple[str, ...] | None, float]] = {
    ("clothing", "shirts"): 0.34,
    ("home", "kitchen"): 0.21,
    ("food", "snacks"): 0.15,
    ("beauty", "skin"): 0.12,
    ("digital", "phones"): 0.09,
    ("toys", "blocks"): 0.06,
    ("virtual", "codes"): 0.02,
    None: 0.01,
}
_CUSTOM_SHARE: Final = 0.02
_MEDIAN_FEN: Final = 8_900
_SPREAD: Final = 0.9
"""Standard deviation of the logarithm of prices: one in eleven is 300 yuan or more."""
_PRICES_FEN: Final = (100, 500_000)
_UNDER_LIMIT_FEN: Final = (29_000, 30_000)
"""Amounts that abusers pay: just under the limit, which is exclusive."""
_SKUS: Final = 5_000
_EXCLUDED: Final = ("virtual", "custom")
MARKED: Final = tuple(row.name for row in (ORDERS, BUYERS, SHOPS, CATALOG))
"""Topics whose feeds send watermarks."""


class Buyer(NamedTuple):
    """One buyer."""

    buyer_id: str
    partition: int
    kind: str


class Population:
    """Buyers, shops and goods; the same seed gives the same ones."""

    def __init__(self, seed: int, buyers: int, shops: int, partitions: int) -> None:
        draw = Random(seed)  # noqa: S311 - a world, no secret
        self.partitions = partitions
        kinds = draw.choices(list(KINDS), list(KINDS.values()), k=buyers)
        self.buyers = [
            Buyer(name, partition_of(name, partitions), kind)
            for number, kind in enumerate(kinds)
            for name in (f"b-{seed}-{number:07d}",)
        ]
        self.abusers = [one for one in self.buyers if one.kind == "abuser"]
        names = [f"s-{seed}-{number:05d}" for number in range(shops)]
        standings = draw.choices(list(_STANDINGS), list(_STANDINGS.values()), k=shops)
        self.shops = list(zip(names, standings, strict=True))
        # The n-th shop sells a share proportional to 1/n: few sell much, many sell
        # little.
        self._shop_weights = list(accumulate(1 / (n + 1) for n in range(shops)))
        self._categories = list(_CATEGORIES)
        self._category_weights = list(accumulate(_CATEGORIES.values()))

    def item(self, draw: Random, order_id: str, buyer: Buyer) -> Item:
        """Return an order of a buyer."""
        (shop,) = draw.choices(self.shops, cum_weights=self._shop_weights)
        (path,) = draw.choices(self._categories, cum_weights=self._category_weights)
        if buyer.kind == "abuser":
            paid_fen = draw.randrange(*_UNDER_LIMIT_FEN)
        else:
            fen = int(exp(draw.gauss(log(_MEDIAN_FEN), _SPREAD)))
            paid_fen = min(max(fen, _PRICES_FEN[0]), _PRICES_FEN[1])
        return Item(
            order_id,
            buyer.buyer_id,
            buyer.partition,
            shop[0],
            paid_fen,
            path,
            draw.random() < _CUSTOM_SHARE,
            f"k-{draw.randrange(_SKUS):06d}",
        )

    def rows(self, prefix: str, start_ms: int) -> Iterator[TimedRow]:
        """Yield the facts that are known before a run."""
        for name in _EXCLUDED:
            value = records.excluded_kind(name, start_ms)
            yield self._by_key(prefix + CATALOG.name, f"category:{name}", value)
        for name, standing in self.shops:
            value = records.shop(name, start_ms, standing)
            yield self._by_key(prefix + SHOPS.name, name, value)
        for buyer in self.buyers:
            value = records.buyer(buyer.buyer_id, start_ms, buyer.kind)
            key = buyer.buyer_id.encode()
            yield _before(prefix + BUYERS.name, buyer.partition, key, value)

    def _by_key(self, topic: str, key: str, value: Fields) -> TimedRow:
        return _before(topic, partition_of(key, self.partitions), key.encode(), value)


def _before(topic: str, partition: int, key: bytes, fields: Fields) -> TimedRow:
    value = records.encoded(fields)
    return TimedRow(BEFORE_START, False, topic, partition, key, value, [])  # noqa: FBT003 - a field


def marks(prefix: str, partitions: int, due_ns: int, at_ms: int) -> Sequence[TimedRow]:
    """Return a watermark for every partition of facts."""
    value = records.encoded(records.watermark(at_ms))
    return [
        TimedRow(due_ns, False, prefix + name, number, WATERMARK_KEY, value, [])  # noqa: FBT003 - a field
        for name in MARKED
        for number in range(partitions)
    ]
