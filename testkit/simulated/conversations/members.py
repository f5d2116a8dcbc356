"""Requests of a member of a consumer group, as short calls."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from aiokafka.protocol.commit import OffsetCommitRequest_v3, OffsetFetchRequest_v3
from aiokafka.protocol.coordination import FindCoordinatorRequest_v1
from aiokafka.protocol.group import (
    HeartbeatRequest_v1,
    JoinGroupRequest_v2,
    JoinGroupRequest_v5,
    LeaveGroupRequest_v1,
    ProtocolMetadata,
    SyncGroupRequest_v3,
)

from testkit.simulated.conversations.talk import Talk
from testkit.simulated.conversations.wire import Peer, error_name

GROUP: Final = 0
TRANSACTION: Final = 1
NO_GENERATION: Final = -1

_MEMBER_ID_REQUIRED: Final = 79
_NO_RETENTION: Final = -1


def subscription(*topics: str) -> bytes:
    """Encode what a member tells its leader; the broker reads it, too."""
    return bytes(ProtocolMetadata(0, list(topics), b"").encode())


async def coordinator_found(talk: Talk, peer: Peer, key: str, kind: int) -> Any:
    """Ask for a coordinator until it is there; its topic is created by the first question.

    ``kind`` is ``GROUP`` or ``TRANSACTION``.
    """
    answers: list[Any] = []

    async def found() -> bool:
        answers.append(await peer.ask(FindCoordinatorRequest_v1(key, kind)))
        return bool(answers[-1].error_code == 0)

    await talk.until(found)
    return answers[-1]


@dataclass
class Member:
    """A member of a group, with what it has to say next."""

    talk: Talk
    peer: Peer
    group: str
    instance: str | None = None
    """Name of a static member."""
    protocols: Sequence[tuple[str, bytes]] = (("range", subscription("log")),)
    protocol_type: str = "consumer"
    session_ms: int = 30_000
    rebalance_ms: int = 30_000
    member_id: str = ""
    generation: int = NO_GENERATION
    joined: Any = field(default=None, repr=False)
    """The last answer to a join."""

    @classmethod
    async def of(cls, talk: Talk, group: str, **settings: Any) -> "Member":
        """Open a connection for a member, once the group has a coordinator."""
        member = cls(talk, await talk.peer(), talk.name(group), **settings)
        await coordinator_found(talk, member.peer, member.group, GROUP)

        async def loaded() -> bool:
            return not (await member.fetch_all()).error_code

        await talk.until(loaded)
        return member

    async def ask_to_join(self) -> Any:
        """Send one join request, version 5, and return the answer as it is."""
        return await self.peer.ask(
            JoinGroupRequest_v5(
                self.group,
                self.session_ms,
                self.rebalance_ms,
                self.member_id,
                self.instance,
                self.protocol_type,
                list(self.protocols),
            )
        )

    async def ask_to_join_without_id(self) -> Any:
        """Send one join request, version 2: it needs no second round for an id."""
        return await self.peer.ask(
            JoinGroupRequest_v2(
                self.group,
                self.session_ms,
                self.rebalance_ms,
                self.member_id,
                self.protocol_type,
                list(self.protocols),
            )
        )

    async def join(self) -> list[Any]:
        """Join as clients do: a second time with the id that the broker gives.

        Returns
        -------
        list
            Error, generation, protocol, whether it leads, members as a leader sees them.
        """
        answer = await self.ask_to_join()
        if answer.error_code == _MEMBER_ID_REQUIRED:
            self.member_id = answer.member_id
            self.symbol(self.member_id)  # by the time of joining, not as a leader lists
            answer = await self.ask_to_join()
        return self.take(answer)

    def take(self, answer: Any) -> list[Any]:
        """Remember what a join was answered; returns what :meth:`join` does."""
        error = error_name(answer.error_code)
        if answer.error_code == 0:
            self.member_id, self.generation = answer.member_id, answer.generation_id
            self.joined = answer
        return [
            error,
            answer.generation_id,
            answer.group_protocol,
            answer.leader_id == answer.member_id,
            sorted([self.symbol(row[0]), *row[1:-1]] for row in answer.members),
        ]

    def symbol(self, member_id: str) -> str:
        """Name a member in the transcript."""
        return self.talk.symbol("member", member_id)

    @property
    def named(self) -> str:
        """Name of the member in the transcript."""
        return self.symbol(self.member_id)

    async def sync(self, assignment: Mapping[str, bytes] | None = None) -> list[Any]:
        """Ask for the assignment, or hand it out; returns [error, own assignment]."""
        answer = await self.peer.ask(
            SyncGroupRequest_v3(
                self.group,
                self.generation,
                self.member_id,
                self.instance,
                list((assignment or {}).items()),
            )
        )
        return [error_name(answer.error_code), answer.member_assignment]

    async def beat(self) -> str:
        """Send a heartbeat; returns the error."""
        request = HeartbeatRequest_v1(self.group, self.generation, self.member_id)
        return error_name((await self.peer.ask(request)).error_code)

    async def called(self) -> None:
        """Send heartbeats until one says that a rebalance is under way."""

        async def told() -> bool:
            return await self.beat() == "RebalanceInProgressError"

        await self.talk.until(told)

    async def leave(self) -> str:
        """Leave the group; returns the error."""
        request = LeaveGroupRequest_v1(self.group, self.member_id)
        return error_name((await self.peer.ask(request)).error_code)

    async def commit(self, topic: str, offset: int, metadata: str = "") -> str:
        """Commit an offset of partition 0; returns the error."""
        rows = await self.commit_all([(topic, [(0, offset, metadata)])])
        return str(rows[0][2])

    async def commit_all(
        self, topics: Sequence[tuple[str, Sequence[tuple[int, int, str]]]]
    ) -> list[list[Any]]:
        """Commit offsets; returns [topic, partition, error] of each."""
        answer = await self.peer.ask(
            OffsetCommitRequest_v3(
                self.group,
                self.generation,
                self.member_id,
                _NO_RETENTION,
                list(topics),
            )
        )
        return [
            [topic, number, error_name(code)]
            for topic, rows in answer.topics
            for number, code in rows
        ]

    async def fetch_all(self, topics: Any = None) -> Any:
        """Ask for committed offsets; of all partitions that have one, by default."""
        return await self.peer.ask(OffsetFetchRequest_v3(self.group, topics))

    async def committed(self, topics: Any = None) -> list[Any]:
        """Return [topic, partition, offset, metadata, error] of each."""
        answer = await self.fetch_all(topics)
        found = [
            [topic, number, offset, metadata, error_name(code)]
            for topic, rows in answer.topics
            for number, offset, metadata, code in rows
        ]
        if answer.error_code:
            found.append([error_name(answer.error_code)])
        return sorted(found)

    async def alone(self) -> None:
        """Join as the only member, and take an assignment."""
        await self.join()
        await self.sync({self.member_id: b"all"})


async def together(leader: Member, follower: Member) -> list[list[Any]]:
    """Let two members join at the same time, when one of them is in already.

    Returns
    -------
    list
        What each was answered, the first one's first.
    """
    second = asyncio.create_task(follower.join())
    await leader.called()
    first = await leader.join()
    return [first, await second]


async def in_sync(leader: Member, follower: Member) -> list[list[Any]]:
    """Bring two members to a stable group; returns what their syncs were answered."""
    await together(leader, follower)
    waiting = asyncio.create_task(follower.sync())
    handed = {leader.member_id: b"left", follower.member_id: b"right"}
    return [await leader.sync(handed), await waiting]


async def leader_and_newcomer(talk: Talk, **settings: Any) -> tuple[Member, Member]:
    """A leader in a stable group of its own, and somebody who has not joined."""
    leader = await Member.of(talk, "group", **settings)
    follower = await Member.of(talk, "group", **settings)
    await leader.alone()
    return leader, follower
