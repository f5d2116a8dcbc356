"""Short talks with the control plane: requests as structs, straight to their handlers."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from typing import Any

from aiokafka.protocol.group import (
    HeartbeatRequest_v1,
    JoinGroupRequest_v2,
    JoinGroupRequest_v5,
    LeaveGroupRequest_v1,
    SyncGroupRequest_v3,
)

from testkit.simulated.cluster import Cluster
from testkit.simulated.groups import Groups, GroupSettings
from testkit.simulated.handling import Call
from testkit.simulated.logs.topics import Topics
from testkit.simulated.loop import Setup, run
from testkit.simulated.requests import (
    coordinators,
    groups,
    offsets,
    produce,
    transactions,
)
from testkit.simulated.transactions import Transactions

HANDLERS = {
    **coordinators.HANDLERS,
    **groups.HANDLERS,
    **offsets.HANDLERS,
    **produce.HANDLERS,
    **transactions.HANDLERS,
}
ASSIGNORS = [("range", b"\x00\x00\x00\x00\x00\x01\x00\x01t\xff\xff\xff\xff")]
"""What a member offers that wants the topic t."""
SESSION_MS = 10_000
REBALANCE_MS = 30_000


class Talk:
    """A cluster, and somebody who asks its nodes."""

    def __init__(self, cluster: Cluster) -> None:
        self.cluster = cluster

    async def ask(self, request: Any, *, node: int = 0, client: str = "c") -> Any:
        """Ask a node; 0 = the one that coordinates what the request is about."""
        if not node and getattr(request, "transactional_id", None):
            name = request.transactional_id
            node = self.cluster.transactions.coordinator_node(name) or 0
        elif not node:
            group = getattr(request, "group", getattr(request, "consumer_group", "g"))
            node = self.cluster.groups.coordinator_node(group) or 0
        call = Call(
            node_id=node,
            client_id=client,
            client_host="10.0.0.7",
            api_key=request.API_KEY,
            api_version=request.API_VERSION,
        )
        response = await HANDLERS[request.API_KEY](self.cluster, call, request)
        return type(response).decode(response.encode())  # only what the wire can say

    def later(self, request: Any, **where: Any) -> "asyncio.Task[Any]":
        """Ask, and go on."""
        return asyncio.get_running_loop().create_task(self.ask(request, **where))

    async def join(self, member: str = "", **said: Any) -> Any:
        return await self.ask(join(member, **said))

    async def new_member(self, **said: Any) -> str:
        """Get an id, and leave it pending."""
        answer = await self.join(**said)
        assert answer.error_code == 79
        return str(answer.member_id)

    async def stable(self, count: int = 1) -> tuple[list[str], int]:
        """Bring members into a stable group; return their ids, the leader first."""
        ids = [await self.new_member() for _ in range(count)]
        joins = [self.later(join(member)) for member in ids]
        answers = await asyncio.gather(*joins)
        generation = answers[0].generation_id
        leader = answers[0].leader_id
        ids.sort(key=lambda member: member != leader)
        shares = [(member, member[-4:].encode()) for member in ids]
        syncs = [self.later(sync(member, generation)) for member in ids[1:]]
        _ = await self.ask(sync(leader, generation, shares))
        await asyncio.gather(*syncs)
        return ids, generation


def join(member: str = "", **said: Any) -> JoinGroupRequest_v5:
    return JoinGroupRequest_v5(
        said.get("group", "g"),
        said.get("session_ms", SESSION_MS),
        said.get("rebalance_ms", REBALANCE_MS),
        member,
        said.get("instance"),
        said.get("kind", "consumer"),
        said.get("assignors", ASSIGNORS),
    )


def old_join(member: str = "") -> JoinGroupRequest_v2:
    """Return a request from before members were given an id first."""
    return JoinGroupRequest_v2(
        "g", SESSION_MS, REBALANCE_MS, member, "consumer", ASSIGNORS
    )


def sync(
    member: str,
    generation: int,
    shares: list[tuple[str, bytes]] | None = None,
    instance: str | None = None,
) -> SyncGroupRequest_v3:
    return SyncGroupRequest_v3("g", generation, member, instance, shares or [])


def beat(member: str, generation: int) -> HeartbeatRequest_v1:
    return HeartbeatRequest_v1("g", generation, member)


def leave(member: str) -> LeaveGroupRequest_v1:
    return LeaveGroupRequest_v1("g", member)


def talk(
    say: Callable[[Talk], Awaitable[None]],
    settings: GroupSettings | None = None,
    nodes: int = 3,
) -> None:
    """Hold a talk with a fresh cluster, in virtual time."""

    async def main() -> None:
        cluster = Cluster(nodes, random.Random(7))  # noqa: S311 - a seed
        cluster.topics = Topics(cluster)
        for topic in ("t", "u"):
            cluster.topics.create(topic, 2)
        cluster.groups = Groups(cluster, settings or GroupSettings())
        cluster.transactions = Transactions(cluster)
        await say(Talk(cluster))

    ended = run(main, Setup(seed=1))
    if ended.problem is not None:
        raise ended.problem
    assert ended.unobserved == []
