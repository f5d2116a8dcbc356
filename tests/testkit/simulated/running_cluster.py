"""A running cluster that disturbs what a test names, and clients of aiokafka on it."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from typing import Any

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from testkit.simulated.cluster import Cluster
from testkit.simulated.faults import Disturbance
from testkit.simulated.groups import Groups, GroupSettings
from testkit.simulated.handling import Call
from testkit.simulated.logs.partitions import Partition
from testkit.simulated.logs.topics import Topics
from testkit.simulated.loop import Setup, run, spawn
from testkit.simulated.running import RunningCluster
from testkit.simulated.transactions import Transactions
from tests.testkit.simulated.written import NOW_MS, batch

CLIENTS = "clients"
"""Host of all clients."""
PRODUCE, FETCH, METADATA = 0, 1, 3
WHERE = TopicPartition("t", 0)
PLACED: dict[str, Any] = {"partition": 0, "timestamp_ms": NOW_MS}


class Script:
    """Disturbs the first requests of a kind, each as it is told; keeps what was asked."""

    def __init__(self, api_key: int, *disturbances: Disturbance | None) -> None:
        self._api_key = api_key
        self._left = list(disturbances)
        self.calls: list[Call] = []

    def meet(self, call: Call) -> Disturbance | None:
        if call.api_key != self._api_key:
            return None
        self.calls.append(call)
        return self._left.pop(0) if self._left else None


class Scene:
    """A cluster of three nodes, with the topic t that node 1 leads."""

    def __init__(self, script: Script) -> None:
        cluster = Cluster(3, random.Random(7))  # noqa: S311 - a seed
        cluster.topics = Topics(cluster)
        cluster.topics.create("t", 1, 3, {"min.insync.replicas": "2"})
        cluster.groups = Groups(cluster, GroupSettings())
        cluster.transactions = Transactions(cluster)
        self.cluster = cluster
        self.script = script
        self.running = RunningCluster(cluster, script)
        self._clients: list[AIOKafkaProducer | AIOKafkaConsumer] = []

    @property
    def partition(self) -> Partition:
        found: Partition = self.cluster.topics.by_name["t"].partitions[0]
        return found

    @property
    def leader(self) -> int:
        leader = self.partition.leader
        assert leader is not None
        return leader

    @property
    def values(self) -> list[bytes]:
        return [record.value or b"" for record in self.partition.log.decode()]

    def now_s(self) -> float:
        return asyncio.get_running_loop().time()

    async def producer(self, **options: Any) -> AIOKafkaProducer:
        """Start a producer that knows the topic."""
        common = {
            "acks": "all",
            "enable_idempotence": True,
            "request_timeout_ms": 2_000,
            "retry_backoff_ms": 20,
        }
        made = AIOKafkaProducer(
            bootstrap_servers=self.running.bootstrap, **{**common, **options}
        )
        self._clients.append(made)
        await made.start()
        await made.partitions_for("t")
        return made

    async def consumer(self, **options: Any) -> AIOKafkaConsumer:
        common = {
            "auto_offset_reset": "earliest",
            "request_timeout_ms": 2_000,
            "retry_backoff_ms": 20,
        }
        made = AIOKafkaConsumer(
            bootstrap_servers=self.running.bootstrap, **{**common, **options}
        )
        self._clients.append(made)
        await made.start()
        made.assign([WHERE])
        return made

    async def stop(self) -> None:
        """Stop all clients."""
        for client in self._clients:
            await client.stop()

    async def knock(self, node: int) -> None:
        """Connect to a node, and hang up."""
        address = self.cluster.nodes[node]
        _, writer = await asyncio.open_connection(address.host, address.port)
        writer.close()
        await writer.wait_closed()

    def put(self, *values: bytes) -> None:
        """Append records straight to the log, each as a batch."""
        for value in values:
            result = self.partition.append(batch([(None, value)]))
            assert not result.refused


def play(say: Callable[[Scene], Awaitable[None]], script: Script | None = None) -> None:
    """Run clients on a host of their own against a cluster."""

    async def main() -> None:
        scene = Scene(script or Script(-1))
        await scene.running.start()

        async def clients() -> None:
            try:
                await say(scene)
            finally:
                await scene.stop()

        await spawn(clients(), host=CLIENTS)

    ended = run(main, Setup(seed=1))
    if ended.problem is not None:
        raise ended.problem
    assert ended.unobserved == []


async def sent(producer: AIOKafkaProducer, value: bytes) -> int:
    """Send a record; returns its offset."""
    return int((await producer.send_and_wait("t", value, **PLACED)).offset)


async def read(
    consumer: AIOKafkaConsumer, count: int, found: list[bytes] | None = None
) -> list[bytes]:
    """Read until there are so many values; add them to those that were found."""
    found = [] if found is None else found
    async with asyncio.timeout(60):
        while len(found) < count:
            for records in (await consumer.getmany(timeout_ms=500)).values():
                found += [record.value for record in records]
    return found
