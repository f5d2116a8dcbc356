"""Ask for one refund: write what the platform and the buyer's app would write.

    python examples/ask.py PAID_FEN

Watermarks first; then a buyer, an order paid with that many fen and the request in one
flush. Prints the id of the decision to come. Brokers and prefix are those of
``refund worker``: REFUND_KAFKA__BOOTSTRAP_SERVERS, REFUND_TOPICS__PREFIX.
"""

import asyncio
import json
import os
import sys
import time

from aiokafka import AIOKafkaProducer

from streams.processing.partitioner import partition_of
from streams.settings import Settings, connection, load

WATERMARKS = ("orders", "buyers", "shops", "catalog")
"""Topics whose facts count only while their feed says that it is up to date."""

FEED_S = 1.0
"""A feed writes its watermarks every few seconds. This one has just begun, and a worker
counts a watermark half a second after it was read."""


def records(paid_fen: int, now_ms: int) -> dict[str, dict[str, object]]:
    """Return topic -> record: a quality user asks for an unshipped order's money."""
    refund_id, order_id, buyer_id = f"r{now_ms}", f"o{now_ms}", f"b{now_ms}"
    line = {
        "sku_id": "k1",
        "category_path": ["clothing", "shirts"],
        "quantity": 1,
        "shipped_count": 0,
        "is_custom": False,
        "is_gift": False,
    }
    return {
        "buyers": {
            "buyer_id": buyer_id,
            "quality": [{"from_ms": now_ms - 86_400_000, "value": "quality"}],
            "limits": [],
            "as_of_ms": now_ms,
        },
        "orders": {
            "order_id": order_id,
            "order_version": now_ms,
            "buyer_id": buyer_id,
            "shop_id": "s1",
            "currency": "CNY",
            "ordered_at_ms": now_ms - 600_000,
            "paid_at_ms": now_ms - 540_000,
            "order_status": "paid",
            "paid_fen": paid_fen,
            "refundable_left_fen": paid_fen,
            "lines": [line],
            "as_of_ms": now_ms,
        },
        "requests": {
            "refund_id": refund_id,
            "refund_version": now_ms,
            "action": "open",
            "order_id": order_id,
            "buyer_id": buyer_id,
            "shop_id": "s1",
            "refund_kind": "refund_only",
            "special_refund_type": 0,
            "refund_fen": paid_fen,
            "requested_at_ms": now_ms,
        },
    }


async def ask(settings: Settings, paid_fen: int, now_ms: int) -> str:
    """Write the records and return the id of the decision they lead to."""
    prefix, partitions = settings.topics.prefix, settings.topics.partitions
    written = records(paid_fen, now_ms)
    buyer_id = str(written["buyers"]["buyer_id"])
    where = partition_of(buyer_id, partitions)  # all that is about a buyer
    async with AIOKafkaProducer(
        **connection(settings.kafka), acks="all", enable_idempotence=True
    ) as producer:
        mark = json.dumps({"watermark_ms": now_ms}).encode()
        for topic in WATERMARKS:
            for partition in range(partitions):
                await producer.send(
                    prefix + topic, mark, b"__watermark__", partition=partition
                )
        await producer.flush()
        await asyncio.sleep(FEED_S)
        for topic, record in written.items():
            key = str(record[KEYS[topic]]).encode()
            value = json.dumps(record).encode()
            await producer.send(prefix + topic, value, key, partition=where)
        await producer.flush()
    return f"FR:{written['requests']['refund_id']}:{now_ms}"


KEYS = {"buyers": "buyer_id", "orders": "order_id", "requests": "refund_id"}
"""Topic -> the field that is the record's key."""


def main() -> None:
    """Read the amount from the command line."""
    if len(sys.argv) != 2 or not sys.argv[1].isdecimal():
        sys.exit("usage: python examples/ask.py PAID_FEN")
    settings = load(os.environ, None, {})
    now_ms = time.time_ns() // 1_000_000
    print(asyncio.run(ask(settings, int(sys.argv[1]), now_ms)))


if __name__ == "__main__":
    main()
