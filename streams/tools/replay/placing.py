"""Find the partition of a replayed record: its own, or its buyer's in another partition count."""

from collections.abc import Iterable
from typing import Final, Protocol

import msgspec
import orjson

from streams.families.fast_refund.topics import BUYERS, ORDERS, REQUESTS, TOPICS
from streams.processing.partitioner import partition_of
from streams.processing.topics import POLICIES
from streams.processing.watermarks import WATERMARK_KEY, Watermarks
from streams.tools.capture.record import Captured

Placed = tuple[int, bytes | None]
"""Partition and value."""
BY_BUYER: Final = tuple(row.name for row in (TOPICS.input, *TOPICS.facts))


class _Owned(msgspec.Struct, gc=False):
    refund_id: object = None
    order_id: object = None
    buyer_id: object = None


_DECODER: Final = msgspec.json.Decoder(_Owned)


class Placing(Protocol):
    """Finds the partitions of a record; a watermark may go to several, or to none yet."""

    def place(self, name: str, record: Captured) -> Iterable[Placed]:
        """Return partitions and values for a record of a topic (without prefix)."""
        ...


class AsRecorded:
    """Keeps the partitions of the capture."""

    def place(self, name: str, record: Captured) -> Iterable[Placed]:
        """Return the record's own partition."""
        del name
        return ((record.partition, record.value),)


class Owners:
    """The buyers of orders and refunds, read from a capture beforehand."""

    def __init__(self, records: Iterable[Captured]) -> None:
        self._of_order: dict[str, str] = {}
        self._of_refund: dict[str, str] = {}
        for record in records:
            found = _owned(record.value)
            owner = _text(found.buyer_id)
            order_id, refund_id = _text(found.order_id), _text(found.refund_id)
            if owner is not None and order_id is not None:
                self._of_order[order_id] = owner
            if refund_id is not None and (owner or order_id):
                self._of_refund[refund_id] = owner or order_id or ""

    def find(self, name: str, record: Captured) -> str | None:
        """Return the key from which a record's partition is derived; None = unknown."""
        found = _owned(record.value)
        key = (record.key or b"").decode(errors="replace")
        order_id, refund_id = _text(found.order_id), _text(found.refund_id)
        if name == REQUESTS.name:
            return _text(found.buyer_id) or order_id
        if name == BUYERS.name:
            return _text(found.buyer_id) or key or None
        if name == ORDERS.name:
            order_id = order_id or key
            return _text(found.buyer_id) or self._of_order.get(order_id) or order_id
        if refund_id is not None:
            return self._of_refund.get(refund_id)
        return self._of_order.get(order_id or key, order_id or key or None)


class Rekeyed:
    """Uses another number of partitions: each record goes to its buyer's partition.

    A watermark belongs to one old partition, but a new one gets records of many: its
    watermark is that of the slowest old partition, once all have one.
    """

    def __init__(self, partitions: int, before: int, owners: Owners) -> None:
        self._partitions, self._before, self._owners = partitions, before, owners
        self._marks: dict[tuple[str, bytes], dict[int, Watermarks]] = {}
        self._said: dict[tuple[str, bytes], int] = {}
        self.unplaced = 0
        """Records without a known buyer; they keep their partition number if it
        exists."""

    def place(self, name: str, record: Captured) -> Iterable[Placed]:
        """Return the new partitions of a record."""
        key = record.key or b""
        if name == POLICIES.name:
            return ((0, record.value),)
        if key.startswith(WATERMARK_KEY):
            return self._mark(name, record)
        owner = (
            self._owners.find(name, record)
            if name in BY_BUYER
            else key.decode(errors="replace")
        )
        if not owner:
            self.unplaced += 1
            return ((record.partition % self._partitions, record.value),)
        return ((partition_of(owner, self._partitions), record.value),)

    def _mark(self, name: str, record: Captured) -> Iterable[Placed]:
        feed = (name, record.key or b"")
        numbers = range(self._partitions)
        if record.value is None:
            self._marks.pop(feed, None)
            return [(number, None) for number in numbers]
        marks = self._marks.setdefault(feed, {})
        marks.setdefault(record.partition, Watermarks()).apply(feed[1], record.value)
        spoken = [mark.ms for mark in marks.values() if mark.ms is not None]
        if len(spoken) < self._before or min(spoken) <= self._said.get(feed, -1):
            return ()
        self._said[feed] = min(spoken)
        value = orjson.dumps({"watermark_ms": min(spoken)})
        return [(number, value) for number in numbers]


def _owned(value: bytes | None) -> _Owned:
    try:
        return _DECODER.decode(value) if value else _Owned()
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return _Owned()


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None
