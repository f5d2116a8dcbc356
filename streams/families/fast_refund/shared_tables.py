"""The shared facts in memory: shops, catalogue and policies, read by every partition."""

from collections.abc import Collection, Mapping, Sequence
from typing import Final

from streams.families.fast_refund.codec import (
    decode_catalog_entry,
    decode_shop,
)
from streams.families.fast_refund.listed import ARTICLE, names_goods
from streams.families.fast_refund.model import Catalog, Shop
from streams.families.fast_refund.policy import Policies
from streams.families.fast_refund.policy_type import POLICY
from streams.families.fast_refund.tables import UNREADABLE
from streams.families.fast_refund.topics import CATALOG, SHOPS
from streams.processing.applied import NOTHING, PARTITION, Applied, Result
from streams.processing.news import NewsQueue
from streams.processing.policies.book import PolicyBook
from streams.processing.state import MemoryTable, Table
from streams.processing.watermarks import WATERMARK_KEY, Watermarks, slowest
from streams.records.json_values import Unreadable, decode_object, key_text
from streams.records.record import Record

_SOUGHT_MAX: Final = 100_000
"""Most shops known to have no row, some 10 MB; others are looked up again."""


class SharedTables:
    """Shops, catalogue and policies: small, read completely by every worker."""

    def __init__(self, policies: Policies, partitions: int) -> None:
        self._shops: dict[str, Shop] = {}
        self.shops: Table[Shop] = MemoryTable[Shop](self._shops)
        self._sought: set[str | None] = set()
        self.sought = self._sought.__contains__
        """Whether a shop was looked up and had no row."""
        self._listed: dict[str, tuple[object, ...]] = {}
        self._listed_names: set[str] = set()
        self._articles: set[str] = set()
        self.catalog = Catalog(self._listed, None, self._listed_names, self._articles)
        self.book = PolicyBook(POLICY, policies)
        self.policies = policies
        """The policies of the book."""
        self._shop_marks = [Watermarks() for _ in range(partitions)]
        self._catalog_marks = [Watermarks() for _ in range(partitions)]
        self._switches: dict[int, list[tuple[str, int]]] = {}
        """Partition of shops -> merchants' switch attempts (FR-Q3) not processed yet,
        as (shop id, offset); includes those read while loading."""
        self.lists_ms: int | None = None
        """The slowest watermark of shops and catalogue, UTC ms; None until all have
        one."""

    def note_sought(self, shop_ids: Collection[str]) -> None:
        """Note shops that were looked up; those with a row by now are harmless."""
        if len(self._sought) + len(shop_ids) > _SOUGHT_MAX:
            self._sought.clear()
        self._sought.update(shop_ids)

    def take_switches(self, partition: int) -> Sequence[tuple[str, int]]:
        """Return and clear merchants' attempts in a partition of shops: (shop id, offset)."""
        return self._switches.pop(partition, ())

    @property
    def news(self) -> NewsQueue:
        """Lines that are not logged yet."""
        return self.book.news

    @property
    def policy_wait_ms(self) -> int:
        """How long input waits for a first policy at start, ms: always the default."""
        return int(POLICY.fields["policy_wait_ms"].default)

    def has_policy(self) -> bool:
        """Whether there is any policy, in force or not."""
        return bool(self.policies)

    def rows(self) -> dict[str, int]:
        """Return the number of rows by table."""
        return {
            "shops": len(self.shops),
            "catalog": len(self._listed),
            "policies": len(self.policies),
        }

    def marks(self, topic: str, partition: int) -> Watermarks | None:
        """Return the watermarks of a topic partition; policies have none."""
        if topic == SHOPS.name:
            return self._shop_marks[partition]
        return self._catalog_marks[partition] if topic == CATALOG.name else None

    def apply(self, topic: str, partition: int, record: Record) -> Result:
        """Apply a record of a shared fact topic."""
        key, value = record.key, record.value
        if topic == SHOPS.name:
            return self.apply_shop(partition, key, value, record.offset)
        if topic == CATALOG.name:
            return self.apply_catalog(partition, key, value)
        return self.apply_policy(key, value, record.timestamp)

    def apply_shop(
        self, partition: int, key: bytes | None, value: bytes | None, offset: int = -1
    ) -> Applied | Unreadable:
        """Apply a row of ``refund.shops``; a merchant's own attempt changes nothing (R-09)."""
        if key is not None and key.startswith(WATERMARK_KEY):
            return self._mark(self._shop_marks[partition], key, value)
        shop_id = key_text(key)
        if value is None:
            if shop_id is not None:
                self._shops.pop(shop_id, None)
            return NOTHING
        shop = decode_shop(value)
        if isinstance(shop, Unreadable):
            if shop_id is not None:
                self._shops[shop_id] = Shop(shop_id, standing=UNREADABLE)
            return shop
        sent = decode_object(value)
        if isinstance(sent, dict) and sent.get("by") == "merchant":
            found_at = (str(shop.shop_id), offset)
            self._switches.setdefault(partition, []).append(found_at)
            return PARTITION
        self._shops[str(shop.shop_id)] = shop
        return NOTHING

    def apply_catalog(
        self, partition: int, key: bytes | None, value: bytes | None
    ) -> Applied | Unreadable:
        """Apply a row of ``refund.catalog``: a category or SKU that the operator excludes."""
        if key is not None and key.startswith(WATERMARK_KEY):
            return self._mark(self._catalog_marks[partition], key, value)
        entry_id = key_text(key)
        if value is None:
            if entry_id is not None:
                self._take_off(entry_id)
            return NOTHING
        entry = decode_catalog_entry(value)
        if isinstance(entry, Unreadable):
            if entry_id is not None and names_goods(entry_id):
                self._list(entry_id, UNREADABLE)
            return entry
        if entry.excluded is True:
            self._list(entry.id, entry.kind)
        elif entry.excluded is False:
            self._take_off(entry.id)
        else:
            self._list(entry.id, UNREADABLE)
        return NOTHING

    def _list(self, entry_id: str, kind: object) -> None:
        self._listed[entry_id] = (kind,)
        self._listed_names.add(entry_id.partition(":")[2])
        if entry_id.startswith(ARTICLE):
            self._articles.add(entry_id)

    def _take_off(self, entry_id: str) -> None:
        self._listed.pop(entry_id, None)
        self._articles.discard(entry_id)

    def apply_policy(
        self, key: bytes | None, value: bytes | None, at_ms: int
    ) -> Applied | Unreadable:
        """Apply a version or a pause of ``refund.policies``; a bad version changes nothing.

        ``at_ms`` is the timestamp of the record, UTC ms.
        """
        refused = self.book.apply(key, value, at_ms)
        self.policies = self.book.policies
        return refused or NOTHING

    def policies_named(
        self, named: Mapping[tuple[str, str | None], tuple[str, int]], now_ms: int
    ) -> None:
        """Compare these policies with those that decisions name; see the book."""
        self.book.heard(named, now_ms)
        self.policies = self.book.policies

    def policies_cut(self) -> None:
        """Record that the head of the topic of policies was deleted; see the book."""
        self.book.head_deleted()
        self.policies = self.book.policies

    def pause_at(self, at_ms: int) -> object:
        """Return what decisions record of the pause in force at a moment; None = no pause."""
        return self.book.pauses.at(at_ms)

    def _mark(
        self, marks: Watermarks, key: bytes, value: bytes | None
    ) -> Applied | Unreadable:
        refused = marks.apply(key, value)
        self.lists_ms = slowest(self._shop_marks + self._catalog_marks)
        self.catalog = Catalog(
            self._listed,
            slowest(self._catalog_marks),
            self._listed_names,
            self._articles,
        )
        return refused or NOTHING
