"""aiokafka's own producer and consumer on the simulated data plane, while leaders move."""

import asyncio
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from testkit.simulated.cluster import Cluster
from testkit.simulated.logs.partitions import Partition
from tests.testkit.simulated.live_cluster import BOOTSTRAP, live
from tests.testkit.simulated.written import NOW_MS

WHERE = TopicPartition("t", 0)
PLACED: dict[str, Any] = {"partition": 0, "timestamp_ms": NOW_MS}
"""Without a time of ours, aiokafka takes that of a clock in C: the real one."""


def producer(**options: Any) -> AIOKafkaProducer:
    common = {"bootstrap_servers": BOOTSTRAP, "acks": "all", "enable_idempotence": True}
    return AIOKafkaProducer(**{**common, "linger_ms": 5, **options})


def reader(**options: Any) -> AIOKafkaConsumer:
    common = {"bootstrap_servers": BOOTSTRAP, "auto_offset_reset": "earliest"}
    return AIOKafkaConsumer(**{**common, **options})


def partition_of(cluster: Cluster) -> Partition:
    found: Partition = cluster.topics.by_name["t"].partitions[0]
    return found


async def write(count: int, **options: Any) -> list[int]:
    """Write numbered records, all at once in batches; return their offsets."""
    sender = producer(**options)
    await sender.start()
    try:
        waiting = []
        for number in range(count):
            waiting.append(await sender.send("t", b"%d" % number, **PLACED))
            if number % 7 == 0:
                await asyncio.sleep(0.02)
        return [(await one).offset for one in waiting]
    finally:
        await sender.stop()


async def read(count: int, **options: Any) -> list[tuple[int, bytes]]:
    found: list[tuple[int, bytes]] = []
    async with asyncio.timeout(60), reader(**options) as consumer:
        consumer.assign([WHERE])
        while len(found) < count:
            for records in (await consumer.getmany(timeout_ms=1_000)).values():
                found += [(record.offset, record.value) for record in records]
    return found


@pytest.mark.parametrize("codec", [None, "gzip", "snappy", "lz4", "zstd"])
def test_what_was_written_is_read_in_every_codec(codec: str | None) -> None:
    async def say(_: Cluster) -> None:
        assert await write(50, compression_type=codec) == list(range(50))
        assert await read(50) == [(n, b"%d" % n) for n in range(50)]

    live(say)


def test_leaders_that_move_lose_and_repeat_nothing_that_was_acknowledged() -> None:
    async def say(cluster: Cluster) -> None:
        partition = partition_of(cluster)

        async def move() -> None:
            for turn in range(12):
                await asyncio.sleep(0.05)
                cluster.topics.slow(1 + turn % 3)
                await asyncio.sleep(0.03)
                others = [node for node in partition.isr if node != partition.leader]
                partition.lead(others[0])
                cluster.topics.catch_up(1 + turn % 3)

        moving = asyncio.create_task(move())
        reading = asyncio.create_task(read(200))
        offsets = await write(200, retry_backoff_ms=20, metadata_max_age_ms=1_000)
        await moving
        assert partition.leader_epoch == 12
        assert offsets == list(range(200))
        values = [record.value for record in partition.log.decode()]
        assert values == [b"%d" % number for number in range(200)]
        assert [value for _, value in await reading] == values

    live(say)


def test_a_committed_read_waits_for_the_end_and_leaves_out_what_was_aborted() -> None:
    async def say(_: Cluster) -> None:
        sender = producer(transactional_id="x")
        await sender.start()
        for number, how in enumerate(("commit", "abort", "commit")):
            await sender.begin_transaction()
            await sender.send_and_wait("t", b"%d" % number, **PLACED)
            if how == "commit":
                await sender.commit_transaction()
            else:
                await sender.abort_transaction()
        await sender.stop()
        committed = await read(2, isolation_level="read_committed")
        assert committed == [(0, b"0"), (4, b"2")]
        assert await read(3) == [(0, b"0"), (2, b"1"), (4, b"2")]

    live(say)


def test_a_table_that_was_compacted_is_read_with_its_last_values() -> None:
    async def say(cluster: Cluster) -> None:
        topic = cluster.topics.by_name["t"]
        cluster.topics.configure(topic, {"cleanup.policy": "compact"})
        sender = producer()
        await sender.start()
        for number in range(20):
            key = b"k%d" % (number % 3)
            await sender.send_and_wait("t", b"%d" % number, key=key, **PLACED)
        cluster.topics.compact("t")
        await sender.send_and_wait("t", b"last", key=b"k0", **PLACED)
        await sender.stop()
        assert await read(4) == [(17, b"17"), (18, b"18"), (19, b"19"), (20, b"last")]

    live(say)


def test_a_reader_below_the_start_of_a_log_goes_on_where_it_starts_now() -> None:
    async def say(cluster: Cluster) -> None:
        await write(30)
        partition_of(cluster).delete_records(25)
        assert [offset for offset, _ in await read(5)] == [25, 26, 27, 28, 29]

    live(say)
