"""A consumer without wrapping reads what an ordinary one reads, on a real broker."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, ConsumerRecord, TopicPartition

from faults.lab_logs import now_ms
from streams.kafka.aiokafka_internals.fetch_decode import hand_out_unpacked
from tests.kafka.conftest import Kafka
from tests.kafka.test_broker import create

pytestmark = pytest.mark.asyncio

HEADERS = [("ce_id", b"one"), ("ce_id", b"twice"), ("raw", b"\xff\x00")]
A_FEW = 3
"""Records of a poll: fewer than a batch has, so that polls begin within batches."""
Seen = list[tuple[int, int, bytes | None, bytes | None, list[tuple[str, bytes]]]]


@asynccontextmanager
async def producer(kafka: Kafka, **settings: object) -> AsyncIterator[AIOKafkaProducer]:
    made = AIOKafkaProducer(bootstrap_servers=kafka.bootstrap, **settings)
    await made.start()
    try:
        yield made
    finally:
        await made.stop()


async def send(sender: AIOKafkaProducer, where: TopicPartition, name: str) -> None:
    """Write one batch of ten: with and without key, value, headers.

    As of now: what is older than a week the broker may delete while we read.
    """
    batch = sender.create_batch()
    at_ms = now_ms()
    for number in range(10):
        text = f"{name}-{number}".encode()
        batch.append(
            timestamp=at_ms + number,
            key=None if number % 3 == 0 else text,
            value=None if number % 5 == 4 else text * 20,
            headers=HEADERS if number % 2 else [],
        )
    batch.close()
    await (await sender.send_batch(batch, where.topic, partition=where.partition))


async def fill(kafka: Kafka, where: TopicPartition) -> None:
    """Write plain and compressed batches, and transactions of which every other is aborted."""
    for codec in (None, "zstd", "lz4"):
        async with producer(kafka, compression_type=codec) as sender:
            await send(sender, where, f"codec {codec}")
    async with producer(kafka, transactional_id=f"{where.topic}-sender") as sender:
        for number in range(4):
            await sender.begin_transaction()
            await send(sender, where, f"transaction {number}")
            if number % 2:
                await sender.abort_transaction()
            else:
                await sender.commit_transaction()


@asynccontextmanager
async def consumer(kafka: Kafka, isolation: str) -> AsyncIterator[AIOKafkaConsumer]:
    made = AIOKafkaConsumer(
        bootstrap_servers=kafka.bootstrap,
        auto_offset_reset="earliest",
        isolation_level=isolation,
    )
    await made.start()
    try:
        yield made
    finally:
        await made.stop()


async def read(
    reader: AIOKafkaConsumer, where: TopicPartition, start: int
) -> tuple[Seen, list[int], set[type]]:
    """Read from an offset to the end: what was seen, positions on the way, types."""
    reader.assign([where])
    reader.seek(where, start)
    end = (await reader.end_offsets([where]))[where]
    seen: Seen = []
    positions: list[int] = []
    types: set[type] = set()
    async with asyncio.timeout(30):
        while await reader.position(where) < end:
            polled: dict[Any, list[Any]] = await reader.getmany(
                timeout_ms=200, max_records=A_FEW
            )
            for one in polled.get(where, ()):
                types.add(type(one))
                headers = list(one.headers)
                seen.append((one.offset, one.timestamp, one.key, one.value, headers))
            if polled:
                positions.append(await reader.position(where))
    return seen, positions, types


@pytest.mark.parametrize("isolation", ["read_committed", "read_uncommitted"])
async def test_records_and_positions_are_those_of_an_ordinary_consumer(
    kafka: Kafka, topics: str, isolation: str
) -> None:
    where = TopicPartition(f"{topics}mixed", 1)
    await create(kafka.bootstrap, where.topic, 1)
    await fill(kafka, where)
    async with (
        consumer(kafka, isolation) as ordinary,
        consumer(kafka, isolation) as lean,
    ):
        hand_out_unpacked(lean)
        counts = []
        for start in (0, 4, 27, 33):  # the last three lie within batches
            seen, positions, types = await read(ordinary, where, start)
            found = await read(lean, where, start)
            assert found[:2] == (seen, positions)
            assert types == {ConsumerRecord}
            assert ConsumerRecord not in found[2]
            counts.append(len(seen))
    all_of_them = 50 if isolation == "read_committed" else 70
    assert counts == [all_of_them - start for start in (0, 4, 27, 33)]
