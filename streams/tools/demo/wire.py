"""Write facts, requests and platform events to their topics and partitions."""

import asyncio
from collections.abc import Callable, Mapping

import orjson
from aiokafka import AIOKafkaProducer

from streams.families.fast_refund.topics import BUYERS, CATALOG, ORDERS, SHOPS
from streams.platforms.kuaishou.topics import EVENTS
from streams.processing.partitioner import partition_of
from streams.processing.topics import Topic
from streams.processing.watermarks import WATERMARK_KEY
from streams.settings import Settings
from streams.settings.topics import topic_name, topic_partitions

STALE_FEED = WATERMARK_KEY + b":demo-edge"
"""Watermark key of a second order feed that writes one watermark and then stops."""


class Wire:
    """Writes the records that platform, edge and operator would write.

    Parameters
    ----------
    producer
        Started; owned by the caller.
    """

    def __init__(
        self, producer: AIOKafkaProducer, settings: Settings, now_ms: Callable[[], int]
    ) -> None:
        self._producer = producer
        self._settings = settings
        self.now_ms = now_ms

    async def put(
        self, topic: Topic, key: str, value: Mapping[str, object] | bytes, by: str
    ) -> None:
        """Write one record and wait for its acknowledgement.

        Parameters
        ----------
        value
            An object, or bytes to be written unchanged.
        by
            Key from which its partition is derived.
        """
        await self._send(
            topic,
            self._partition_of(by, topic),
            key.encode(),
            value if isinstance(value, bytes) else orjson.dumps(value),
        )

    async def push(self, order_id: int, value: bytes) -> None:
        """Write one platform event."""
        key = str(order_id)
        await self._send(EVENTS, self._partition_of(key, EVENTS), key.encode(), value)

    async def mark(self, key: bytes, at_ms: int, topic: Topic, partition: int) -> None:
        """Write one watermark: "all of mine up to ``at_ms`` is written"."""
        value = orjson.dumps({"watermark_ms": at_ms})
        await self._send(topic, partition, key, value)

    async def mark_stale(self, by: str, at_ms: int) -> None:
        """Write a watermark of an order feed that has fallen behind."""
        await self.mark(STALE_FEED, at_ms, ORDERS, self._partition_of(by, ORDERS))

    async def mark_all(self) -> None:
        """Write watermarks: buyers, shops and catalogue are up to date in every partition."""
        at_ms = self.now_ms()
        await asyncio.gather(
            *(
                self.mark(WATERMARK_KEY, at_ms, topic, partition)
                for topic in (BUYERS, SHOPS, CATALOG)
                for partition in range(topic_partitions(topic, self._settings))
            )
        )

    def _partition_of(self, by: str, topic: Topic) -> int:
        return partition_of(by, topic_partitions(topic, self._settings))

    async def _send(
        self, topic: Topic, partition: int, key: bytes, value: bytes
    ) -> None:
        name = topic_name(topic, self._settings.topics)
        await self._producer.send_and_wait(name, value, key, partition=partition)
