"""A simulated cluster that listens, and aiokafka's consumers in a group on it."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition

from testkit.simulated.cluster import Cluster
from testkit.simulated.dispatch import handlers
from testkit.simulated.faults import NoFaults
from testkit.simulated.groups import Groups, GroupSettings
from testkit.simulated.logs.topics import Topics
from testkit.simulated.loop import Setup, run, spawn
from testkit.simulated.server import NodeServer
from testkit.simulated.transactions import Transactions

PARTITIONS = [TopicPartition("t", number) for number in range(4)]
BOOTSTRAP = "broker-1:9092,broker-2:9092,broker-3:9092"


def live(say: Callable[[Cluster], Awaitable[None]]) -> None:
    """Run clients on a host of their own, against three nodes that listen."""

    async def main() -> None:
        cluster = Cluster(3, random.Random(7))  # noqa: S311 - a seed
        cluster.topics = Topics(cluster)
        cluster.topics.create("t", len(PARTITIONS))
        cluster.groups = Groups(cluster, GroupSettings())
        cluster.transactions = Transactions(cluster)
        for node in cluster.nodes.values():
            await NodeServer(cluster, node, handlers(), NoFaults()).listen()

        async def clients() -> None:
            await say(cluster)

        await spawn(clients(), host="clients")

    ended = run(main, Setup(seed=1))
    if ended.problem is not None:
        raise ended.problem
    assert ended.unobserved == []


def consumer(**options: Any) -> AIOKafkaConsumer:
    common = {
        "bootstrap_servers": BOOTSTRAP,
        "group_id": "g",
        "enable_auto_commit": False,
        "session_timeout_ms": 6_000,
        "heartbeat_interval_ms": 500,
        "auto_offset_reset": "earliest",
    }
    return AIOKafkaConsumer("t", **{**common, **options})


async def settled(*members: AIOKafkaConsumer) -> None:
    """Wait until the members have all partitions between them."""
    async with asyncio.timeout(60):
        while True:
            shares = [member.assignment() for member in members]
            if sum(map(len, shares)) == len(PARTITIONS) == len(set().union(*shares)):
                return
            await asyncio.sleep(0.1)
