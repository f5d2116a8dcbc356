"""Short talks with the data plane: requests as structs, straight to their handlers."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from typing import Any

from aiokafka.protocol.fetch import FetchRequest_v11
from aiokafka.protocol.offset import OffsetRequest_v3
from aiokafka.protocol.produce import ProduceRequest_v7

from testkit.simulated.cluster import Cluster
from testkit.simulated.handling import Call
from testkit.simulated.logs.partitions import Partition
from testkit.simulated.logs.topics import Topics
from testkit.simulated.loop import Setup, run
from testkit.simulated.requests import (
    configs,
    fetch,
    list_offsets,
    metadata,
    produce,
    records,
    topics,
)
from tests.testkit.simulated.written import batch

HANDLERS = {
    **configs.HANDLERS,
    **fetch.HANDLERS,
    **list_offsets.HANDLERS,
    **metadata.HANDLERS,
    **produce.HANDLERS,
    **records.HANDLERS,
    **topics.HANDLERS,
}


class Talk:
    """A cluster of three nodes with the topic t: one partition, led by node 1."""

    def __init__(self, cluster: Cluster) -> None:
        self.cluster = cluster
        cluster.topics = Topics(cluster)
        cluster.topics.create("t", 1, 3, {"min.insync.replicas": "2"})

    @property
    def partition(self) -> Partition:
        found: Partition = self.cluster.topics.by_name["t"].partitions[0]
        return found

    async def ask(self, request: Any, node: int = 1) -> Any:
        call = Call(
            node_id=node,
            client_id="c",
            client_host="10.0.0.7",
            api_key=request.API_KEY,
            api_version=request.API_VERSION,
        )
        answer = await HANDLERS[request.API_KEY](self.cluster, call, request)
        if answer is None:
            return None
        return request.RESPONSE_TYPE.decode(answer.encode())

    def later(self, request: Any, node: int = 1) -> "asyncio.Task[Any]":
        return asyncio.get_running_loop().create_task(self.ask(request, node))

    async def produce(self, acks: int = -1, node: int = 1) -> list[int]:
        """Send a record; returns error and offset."""
        return produced(await self.ask(sending(acks), node))

    async def fetch(self, offset: int, node: int = 1, **said: int) -> "Answer":
        return Answer(await self.ask(fetching(offset, **said), node))

    def down(self, node: int) -> None:
        self.cluster.nodes[node].up = False
        self.cluster.topics.node_down(node)

    def up(self, node: int) -> None:
        self.cluster.nodes[node].up = True
        self.cluster.topics.node_up(node)


class Answer:
    """What a fetch of one partition has answered."""

    def __init__(self, response: Any) -> None:
        ((_, (row,)),) = response.topics
        self.error, self.high_watermark, self.stable, self.start = row[1:5]
        self.size = len(row[-1])


def sending(acks: int = -1, timeout_ms: int = 5_000) -> Any:
    return ProduceRequest_v7(None, acks, timeout_ms, [("t", [(0, batch())])])


def produced(response: Any) -> list[int]:
    ((_, ((_, error, offset, _, _),)),) = response.topics
    return [error, offset]


def fetching(
    offset: int,
    *,
    wait_ms: int = 500,
    min_bytes: int = 1,
    isolation: int = 0,
    epoch: int = -1,
) -> Any:
    topics_ = [("t", [(0, epoch, offset, -1, 2**20)])]
    return FetchRequest_v11(
        -1, wait_ms, min_bytes, 2**25, isolation, 0, -1, topics_, [], ""
    )


def listing(timestamp_ms: int, isolation: int = 0) -> Any:
    return OffsetRequest_v3(-1, isolation, [("t", [(0, timestamp_ms)])])


def listed(response: Any) -> list[int]:
    ((_, ((_, error, _, offset),)),) = response.topics
    return [error, offset]


async def settle() -> None:
    """Let tasks that can go on do so."""
    for _ in range(5):
        await asyncio.sleep(0)


def talk(about: Callable[[Talk], Awaitable[None]]) -> None:
    """Hold a talk in virtual time, and raise what it raises."""

    async def main() -> None:
        await about(Talk(Cluster(3, random.Random(1))))  # noqa: S311 - a seed

    ended = run(main, Setup(seed=1))
    if ended.problem is not None:
        raise ended.problem
    assert ended.unobserved == []
