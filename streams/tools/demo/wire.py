"""The way to the topics: facts, requests and platform events, each to its partition."""

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
"""A second feed of orders that says how far it is, and then falls silent."""


class Wire:
    """Writes what the platform, the edge and the operator would write.

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
        """Write one record and wait until the broker has it.

        Parameters
        ----------
        value
            An object, or bytes to be written as they are.
        by
            What its partition is derived from.
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
        """Let a feed of orders say that it has fallen behind."""
        await self.mark(STALE_FEED, at_ms, ORDERS, self._partition_of(by, ORDERS))

    async def mark_all(self) -> None:
        """Say that buyers, shops and catalogue are up to date, in every partition."""
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
