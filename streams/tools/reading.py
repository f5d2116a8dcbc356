"""Read topics once, from their beginning to their current end, without a group."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Final

from aiokafka import AIOKafkaConsumer, TopicPartition

from streams.errors import TopicsError
from streams.kafka.aiokafka_internals.fetch_decode import hand_out_all
from streams.kafka.aiokafka_internals.tested import client_arguments
from streams.kafka.ending import SHORT_MS, disconnect
from streams.kafka.errors import CLIENT, translated_for_command, unreachable
from streams.kafka.starting import connect
from streams.kafka.topic_admin import admin_client
from streams.records.record import Placed
from streams.settings import Kafka

_POLL_MS: Final = 500


@contextmanager
def broker_errors(kafka: Kafka) -> Iterator[None]:
    """Translate errors of the Kafka client into one line that names the brokers.

    Raises
    ------
    RefundError
        The class in the error's row (:mod:`streams.kafka.errors`), in place of any
        Kafka or timeout error.
    """
    try:
        yield
    except CLIENT as problem:
        what = "cannot be reached" if unreachable(problem) else "refuses"
        where = f"Kafka at {kafka.bootstrap_servers} {what}"
        raise translated_for_command(problem, where) from problem


async def partitions_of(kafka: Kafka, topics: Iterable[str]) -> list[TopicPartition]:
    """Return all partitions of the topics.

    Raises
    ------
    TopicsError
        A topic is missing.
    """
    async with admin_client(kafka) as admin:
        found = {
            topic["topic"]: len(topic["partitions"])
            for topic in await admin.describe_topics(None)
        }
    topics = tuple(topics)
    missing = [name for name in topics if name not in found]
    if missing:
        raise TopicsError(
            f"{name}: missing; run `refund topics create`" for name in missing
        )
    return [
        TopicPartition(name, number) for name in topics for number in range(found[name])
    ]


@asynccontextmanager
async def reader(
    kafka: Kafka, reset: str = "earliest"
) -> AsyncIterator["AIOKafkaConsumer[bytes, bytes]"]:
    """Connect a consumer that joins no group and commits nothing.

    Parameters
    ----------
    reset
        What to do at a deleted offset: continue at the ``earliest``, or ``none`` = fail
        with ``OffsetOutOfRangeError``.
    """
    consumer: AIOKafkaConsumer[bytes, bytes] = AIOKafkaConsumer(
        **client_arguments(kafka),
        group_id=None,
        enable_auto_commit=False,
        auto_offset_reset=reset,
        isolation_level="read_committed",
        fetch_max_wait_ms=kafka.fetch_max_wait_ms,
    )
    try:
        await connect(consumer)
        hand_out_all(consumer)
        yield consumer
    finally:
        await disconnect([consumer], SHORT_MS)


async def scan(
    consumer: "AIOKafkaConsumer[bytes, bytes]",
    partitions: list[TopicPartition],
    take: Callable[[Placed], None],
) -> None:
    """Pass every record present now to ``take``, in order within a partition."""
    ends = await consumer.end_offsets(partitions)
    starts = await consumer.beginning_offsets(partitions)
    left = {one for one in partitions if starts[one] < ends[one]}
    if not left:
        return
    consumer.assign(sorted(left))
    await consumer.seek_to_beginning()
    while left:
        polled = await consumer.getmany(timeout_ms=_POLL_MS)
        for partition, records in polled.items():
            for record in records:
                if record.offset < ends[partition]:
                    take(record)
        done = {one for one in left if await consumer.position(one) >= ends[one]}
        left -= done
        consumer.pause(*done)


async def fetch_one(
    consumer: "AIOKafkaConsumer[bytes, bytes]",
    where: TopicPartition,
    offset: int,
    timeout_s: float = 10.0,
) -> Placed | None:
    """Return the record at an offset; None when there is none."""
    starts = await consumer.beginning_offsets([where])
    ends = await consumer.end_offsets([where])
    if not starts[where] <= offset < ends[where]:
        return None
    consumer.assign([where])
    consumer.seek(where, offset)
    async with asyncio.timeout(timeout_s):
        record = await consumer.getone(where)
    return record if record.offset == offset else None
