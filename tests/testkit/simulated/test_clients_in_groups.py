"""aiokafka's own clients on the simulated control plane."""

import asyncio

from aiokafka import AIOKafkaProducer

from testkit.simulated.cluster import Cluster
from tests.testkit.simulated.live_cluster import (
    BOOTSTRAP,
    PARTITIONS,
    consumer,
    live,
    settled,
)


def test_members_share_the_partitions_and_take_over_from_one_that_leaves() -> None:
    async def say(_: Cluster) -> None:
        one, two, three = (consumer(client_id=name) for name in "abc")
        for member in (one, two, three):
            await member.start()
        await settled(one, two, three)
        await three.stop()
        await settled(one, two)
        await two.stop()
        await settled(one)
        await one.stop()

    live(say)


def test_a_static_member_restarts_without_a_rebalance() -> None:
    async def say(cluster: Cluster) -> None:
        one = consumer(group_instance_id="a")
        two = consumer(group_instance_id="b")
        await one.start()
        await two.start()
        await settled(one, two)
        share, generation = two.assignment(), cluster.groups.by_id["g"].generation
        await two.stop()
        two = consumer(group_instance_id="b")
        await two.start()
        await settled(one, two)
        assert two.assignment() == share
        assert cluster.groups.by_id["g"].generation == generation
        await one.stop()
        await two.stop()

    live(say)


def test_a_member_commits_reads_it_back_and_goes_on_through_a_move() -> None:
    async def say(cluster: Cluster) -> None:
        member = consumer()
        await member.start()
        await settled(member)
        await member.commit({PARTITIONS[0]: (0, "first")})
        assert await member.committed(PARTITIONS[0]) == 0
        assert await member.committed(PARTITIONS[1]) is None
        generation = cluster.groups.by_id["g"].generation
        assert cluster.groups.move("g") is not None
        await member.commit({PARTITIONS[1]: (0, "second")})
        await asyncio.sleep(10)
        assert cluster.groups.by_id["g"].generation == generation
        assert sorted(cluster.groups.committed("g")) == PARTITIONS[:2]
        await member.stop()

    live(say)


async def write(cluster: Cluster, producer: AIOKafkaProducer, value: bytes) -> None:
    """Write a record of now: aiokafka's compiled code has the real clock."""
    now_ms = cluster.now_ms()
    _ = await producer.send_and_wait("t", value, partition=0, timestamp_ms=now_ms)


def test_a_producer_commits_and_aborts_transactions() -> None:
    async def say(cluster: Cluster) -> None:
        producer = AIOKafkaProducer(bootstrap_servers=BOOTSTRAP, transactional_id="x")
        await producer.start()
        async with producer.transaction():
            await write(cluster, producer, b"kept")
            await producer.send_offsets_to_transaction({PARTITIONS[2]: 5}, "g")
        await producer.begin_transaction()
        await write(cluster, producer, b"dropped")
        await producer.abort_transaction()
        await producer.stop()
        assert cluster.groups.committed("g") == {PARTITIONS[2]: (5, "")}
        reader = consumer(group_id=None, isolation_level="read_committed")
        await reader.start()
        found = await reader.getone()
        assert found.value == b"kept"
        assert await reader.getmany(timeout_ms=2_000) == {}
        await reader.stop()

    live(say)


def test_an_idempotent_producer_waits_for_its_id() -> None:
    async def say(cluster: Cluster) -> None:
        producer = AIOKafkaProducer(
            bootstrap_servers=BOOTSTRAP, enable_idempotence=True
        )
        await producer.start()
        await write(cluster, producer, b"one")
        await producer.stop()
        assert cluster.topics.by_name["t"].partitions[0].log.end_offset == 1

    live(say)
