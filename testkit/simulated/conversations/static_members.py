"""Static members: a name that outlives connection and member id."""

import asyncio
from dataclasses import replace
from typing import Final

from testkit.simulated.conversations.members import (
    Member,
    in_sync,
    subscription,
    together,
)
from testkit.simulated.conversations.talk import Conversation, Talk

_SHORTEST_SESSION_MS: Final = 6_000


async def _two(talk: Talk, session_ms: int = 30_000) -> tuple[Member, Member]:
    """A stable group of two static members."""
    leader = await Member.of(talk, "group", instance="one", session_ms=session_ms)
    follower = await Member.of(talk, "group", instance="two", session_ms=session_ms)
    await leader.alone()
    await in_sync(leader, follower)
    return leader, follower


async def _started_again(talk: Talk, member: Member) -> Member:
    """The same static member in a new process."""
    return replace(member, peer=await talk.peer(), member_id="", generation=-1)


async def static_member_alone(talk: Talk) -> None:
    """It gets its id and joins in one step."""
    member = await Member.of(talk, "group", instance="one")
    talk.say("join", member.take(await member.ask_to_join()))
    talk.say("sync", await member.sync({member.member_id: b"all"}))
    talk.say("heartbeat", await member.beat())


async def follower_started_again(talk: Talk) -> None:
    """Takes its place and assignment without a rebalance; its old id is worth nothing."""
    topic = await talk.topic()
    leader, follower = await _two(talk)
    again = await _started_again(talk, follower)
    talk.say("join", await again.join())
    talk.say("has a new id", again.member_id != follower.member_id)
    talk.say("sync", await again.sync())
    talk.say("heartbeats", await leader.beat(), await again.beat())
    talk.say("commit", await again.commit(topic, 3))
    talk.say("old one: heartbeat", await follower.beat())
    talk.say("old one: commit", await follower.commit(topic, 4))
    talk.say("old one: sync", await follower.sync())
    talk.say("old one: join", await follower.join())
    talk.say("old one: leave", await follower.leave())
    talk.say("heartbeats", await leader.beat(), await again.beat())


async def leader_started_again(talk: Talk) -> None:
    """It leads no longer in this generation, but keeps its assignment."""
    leader, follower = await _two(talk)
    again = await _started_again(talk, leader)
    talk.say("join", await again.join())
    talk.say("its leader is the old id", again.joined.leader_id == leader.member_id)
    talk.say("its leader is the new id", again.joined.leader_id == again.member_id)
    talk.say("sync", await again.sync())
    talk.say("heartbeats", await follower.beat(), await again.beat())
    talk.say("old one: heartbeat", await leader.beat())


async def started_again_with_another_subscription(talk: Talk) -> None:
    """As long as the protocol is the same, nobody notices before the next rebalance."""
    leader, follower = await _two(talk)
    again = await _started_again(talk, follower)
    again.protocols = (("range", subscription("log", "other")),)
    talk.say("join", await again.join())
    talk.say("sync", await again.sync())
    talk.say("heartbeats", await leader.beat(), await again.beat())
    talk.say("old one: heartbeat", await follower.beat())
    talk.say("again, with its id", await again.join())
    talk.say("heartbeats", await leader.beat(), await again.beat())


async def started_again_with_another_protocol(talk: Talk) -> None:
    """The group has to agree again: a rebalance."""
    wanted = subscription("log")
    both = (("range", wanted), ("roundrobin", wanted))
    leader = await Member.of(talk, "group", instance="one", protocols=both)
    follower = await Member.of(talk, "group", instance="two", protocols=both)
    await leader.alone()
    await in_sync(leader, follower)
    again = await _started_again(talk, follower)
    again.protocols = both[1:]
    for joined in await together(leader, again):
        talk.say("join", joined)
    talk.say("old one: heartbeat", await follower.beat())


async def started_again_while_it_waits(talk: Talk) -> None:
    """The join of the old process is fenced when the new one joins."""
    leader = await Member.of(talk, "group", instance="one")
    follower = await Member.of(talk, "group", instance="two")
    await leader.alone()
    waiting = asyncio.create_task(follower.join())
    await leader.called()
    again = await _started_again(talk, follower)
    second = asyncio.create_task(again.join())
    talk.say("old one", await waiting)
    talk.say("leader", await leader.join())
    talk.say("new one", await second)


async def started_again_before_the_sync(talk: Talk) -> None:
    """The group waits for an assignment; whoever comes back calls for a rebalance."""
    leader = await Member.of(talk, "group", instance="one")
    follower = await Member.of(talk, "group", instance="two")
    await leader.alone()
    await together(leader, follower)
    again = await _started_again(talk, follower)
    second = asyncio.create_task(again.join())
    await leader.called()
    talk.say("sync", await leader.sync({leader.member_id: b"all"}))
    talk.say("leader", await leader.join())
    talk.say("new one", await second)


async def id_of_another_member(talk: Talk) -> None:
    """A name with an id that is not its own is fenced."""
    leader, follower = await _two(talk)
    mixed = replace(follower, member_id=leader.member_id)
    talk.say("sync", await mixed.sync())
    talk.say("join", await mixed.join())
    made_up = replace(follower, member_id="stranger")
    talk.say("stranger's sync", await made_up.sync())
    talk.say("stranger's join", await made_up.join())
    nobody = replace(follower, instance="three")
    talk.say("unknown name: sync", await nobody.sync())
    talk.say("unknown name: join", await nobody.join())
    talk.say("heartbeats", await leader.beat(), await follower.beat())


async def static_member_leaves(talk: Talk) -> None:
    """By its id it leaves like any other."""
    leader, follower = await _two(talk)
    talk.say("leave", await follower.leave())
    talk.say("leader's heartbeat", await leader.beat())
    talk.say("leader joins", await leader.join())
    again = await _started_again(talk, follower)
    for joined in await together(leader, again):
        talk.say("join", joined)


async def static_session_that_ends(talk: Talk) -> None:
    """A static member that is silent for too long is out, and comes back as a new one."""
    leader, follower = await _two(talk, _SHORTEST_SESSION_MS)
    await leader.called()
    talk.say("silent one's heartbeat", await follower.beat())
    talk.say("leader joins", await leader.join())
    again = await _started_again(talk, follower)
    for joined in await together(leader, again):
        talk.say("join", joined)


CONVERSATIONS: Final[tuple[Conversation, ...]] = (
    static_member_alone,
    follower_started_again,
    leader_started_again,
    started_again_with_another_subscription,
    started_again_with_another_protocol,
    started_again_while_it_waits,
    started_again_before_the_sync,
    id_of_another_member,
    static_member_leaves,
    static_session_that_ends,
)
