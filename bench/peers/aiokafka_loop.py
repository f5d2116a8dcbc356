"""A bare aiokafka loop: polls in, batches out, offsets committed behind them.

Usage: ``python -m bench.peers.aiokafka_loop BOOTSTRAP INPUT OUTPUT ORDERS BUYERS``.
No supervision, no facts from topics, no metrics, no headers: about the least that
Python can do with these records and keep at-least-once.
"""

import asyncio
import signal
import sys
import time
from collections.abc import Iterable
from typing import Any, Final

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from bench.peers.typed import TypedWorld

_COMMIT_INTERVAL_S: Final = 0.2
_BATCH_BYTES: Final = 524_288
_WAIT_MS: Final = 200
"""For records; what is there is taken at once. So long may a stop take, too."""


async def run(arguments: list[str], over: asyncio.Event) -> None:
    """Decide until told to stop."""
    bootstrap, requests, decisions, orders, buyers = arguments
    world = TypedWorld(int(orders), int(buyers))
    producer = AIOKafkaProducer(
        bootstrap_servers=bootstrap,
        acks="all",
        enable_idempotence=True,
        max_batch_size=_BATCH_BYTES,
    )
    consumer = AIOKafkaConsumer(
        requests,
        bootstrap_servers=bootstrap,
        group_id=f"{requests}-bare",
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        fetch_max_wait_ms=50,
    )
    async with producer, consumer:
        committed_at = time.monotonic()
        while not over.is_set():
            polled = await consumer.getmany(timeout_ms=_WAIT_MS)
            acks = [
                ack
                for where, records in polled.items()
                for ack in await _send(
                    producer, decisions, where, _decide(world, records)
                )
            ]
            await asyncio.gather(*acks)
            if polled and time.monotonic() - committed_at >= _COMMIT_INTERVAL_S:
                await consumer.commit()  # all that was polled is acknowledged
                committed_at = time.monotonic()
        if consumer.assignment():
            await consumer.commit()


def _decide(world: TypedWorld, records: Iterable[Any]) -> list[tuple[bytes, bytes]]:
    answer = world.answer
    return [(record.key, answer(record.value)) for record in records]


async def _send(
    producer: AIOKafkaProducer,
    topic: str,
    where: TopicPartition,
    rows: list[tuple[bytes, bytes]],
) -> list["asyncio.Future[object]"]:
    acks = []
    batch = producer.create_batch()
    for key, value in rows:
        if batch.append(key=key, value=value, timestamp=None) is None:
            acks.append(
                await producer.send_batch(batch, topic, partition=where.partition)
            )
            batch = producer.create_batch()
            batch.append(key=key, value=value, timestamp=None)
    acks.append(await producer.send_batch(batch, topic, partition=where.partition))
    return acks


async def main(arguments: list[str]) -> None:
    """Run until SIGTERM."""
    over = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, over.set)
    await run(arguments, over)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1:]))
