"""Find the partitions of order rows from ``refund.orders`` itself.

``ingest`` sends all records of an order to the partition of the order's row. Its memory
of pushes ends with the process, and the platform does not always answer, so the source
must survive both: the topic. Only order ids and buyer ids of recent rows are kept: a
copy of a push comes within two hours, and copies older than the memory of pushes are
not recognised anyway.
"""

import asyncio
from collections.abc import Callable
from typing import Any, Final

import msgspec
from aiokafka import AIOKafkaConsumer, TopicPartition

from streams.errors import FactsUnreadableError
from streams.kafka.errors import translating
from streams.processing.partitioner import partition_of
from streams.records.record import Record

_POLL_MS: Final = 100
_POLL_RECORDS: Final = 2000
"""Most records applied between two turns of the event loop."""


_ID_DIGITS: Final = 19
"""Digits of 2^63-1, the largest order id."""


class _Row(msgspec.Struct, gc=False):
    buyer_id: object = None


_ROW: Final = msgspec.json.Decoder(_Row)

_Owners = str | tuple[str, ...]
"""Usually one: a tuple for each would take half as much memory again."""


class Placement:
    """Order id -> owners from which the partitions of its rows were derived.

    Parameters
    ----------
    partitions
        Partitions of ``refund.orders``.
    horizon_ms
        How long a row is kept after it was written: at least this long, at most twice
        as long.
    now_ms
        Wall clock, UTC ms.
    """

    def __init__(
        self, partitions: int, horizon_ms: int, now_ms: Callable[[], int]
    ) -> None:
        self._partitions = partitions
        self.horizon_ms = horizon_ms
        self._now_ms = now_ms
        self._young: dict[int, _Owners] = {}
        self._old: dict[int, _Owners] = {}
        self._turned_ms: int | None = None
        """When the young generation last became the old one, UTC ms."""
        self._names: dict[str, str] = {}
        """Buyer ids: orders of one buyer share one text."""

    def __len__(self) -> int:
        return len(self._young) + len(self._old)

    def of(self, order_id: int) -> tuple[str, ...]:
        """Return the owners of an order's rows: buyer ids, or the order id itself.

        Empty when no row is known. Several after a crash during a move from one buyer
        to another.
        """
        found = self._young.get(order_id)
        if found is None:
            found = self._old.get(order_id, ())
        return (found,) if isinstance(found, str) else found

    def wrote(self, order_id: int, owner: str) -> None:
        """Note a row; it replaces one of another owner in the same partition."""
        self._turn()
        known = self.of(order_id)
        left: tuple[str, ...] = ()
        if known and known != (owner,):
            left = self._outside(known, partition_of(owner, self._partitions))
        owner = self._names.setdefault(owner, owner)
        self._put(order_id, (*left, owner) if left else owner)

    def ended(self, order_id: int, partition: int) -> None:
        """Note a tombstone."""
        left = self._outside(self.of(order_id), partition)
        if left:
            self._put(order_id, left if len(left) > 1 else left[0])
        else:
            self._young.pop(order_id, None)
            self._old.pop(order_id, None)

    def apply(self, partition: int, key: bytes | None, value: bytes | None) -> None:
        """Apply one record of ``refund.orders``; records that are no orders of ours are skipped."""
        if not key or not key.isdigit() or len(key) > _ID_DIGITS:
            return  # a watermark, or an order of another platform
        order_id = int(key)
        if value is None:
            self.ended(order_id, partition)
            return
        try:
            buyer_id = _ROW.decode(value).buyer_id
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return  # the deciding worker makes a dead letter of it
        named = isinstance(buyer_id, str) and buyer_id != ""
        self.wrote(order_id, str(buyer_id) if named else key.decode())

    def _outside(self, owners: tuple[str, ...], partition: int) -> tuple[str, ...]:
        """Return the owners whose rows are in other partitions."""
        return tuple(
            one for one in owners if partition_of(one, self._partitions) != partition
        )

    def _put(self, order_id: int, owners: _Owners) -> None:
        self._old.pop(order_id, None)
        self._young[order_id] = owners

    def _turn(self) -> None:
        """Drop everything last written before the horizon, at once."""
        now_ms = self._now_ms()
        if self._turned_ms is None:
            self._turned_ms = now_ms
        elif now_ms - self._turned_ms > self.horizon_ms:
            self._turned_ms = now_ms
            self._old, self._young, self._names = self._young, {}, {}


class PlacementReader:
    """Keeps a :class:`Placement` up to date with the topic; reads each record once.

    Parameters
    ----------
    consumer
        Without a group, not assigned to anything else.
    topic
        ``refund.orders`` with its prefix.
    """

    def __init__(
        self,
        consumer: AIOKafkaConsumer,
        topic: str,
        partitions: int,
        placement: Placement,
    ) -> None:
        self._consumer = consumer
        self._wanted = [TopicPartition(topic, number) for number in range(partitions)]
        self._placement = placement
        self._started = False

    async def read_on(self, now_ms: int) -> int:
        """Read from the last position to the current end; return the number of records.

        The first read starts at the horizon.

        Raises
        ------
        FactsUnreadableError
            The topic cannot be read.
        """
        with translating(
            "reading the placement of orders failed", FactsUnreadableError
        ):
            if not self._started:
                await self._begin(now_ms - self._placement.horizon_ms)
            return await self._read()

    async def _begin(self, from_ms: int) -> None:
        consumer, wanted = self._consumer, self._wanted
        consumer.assign(wanted)
        found = await consumer.offsets_for_times(dict.fromkeys(wanted, from_ms))
        ends = await consumer.end_offsets(wanted)
        for where in wanted:
            first = found.get(where)
            consumer.seek(where, ends[where] if first is None else first.offset)
        self._started = True

    async def _read(self) -> int:
        consumer, count = self._consumer, 0
        ends: dict[TopicPartition, int] = await consumer.end_offsets(self._wanted)
        consumer.resume(*self._wanted)
        waiting = set(self._wanted)
        while True:
            for where in list(waiting):
                if await consumer.position(where) >= ends[where]:
                    waiting.discard(where)
            if not waiting:
                break
            polled: dict[Any, list[Record]] = await consumer.getmany(
                timeout_ms=_POLL_MS, max_records=_POLL_RECORDS
            )
            for where, records in polled.items():
                count += len(records)
                for record in records:
                    self._placement.apply(where.partition, record.key, record.value)
            await asyncio.sleep(0)
        consumer.pause(*self._wanted)
        return count
