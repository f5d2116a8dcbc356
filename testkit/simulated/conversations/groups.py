"""Groups: join, sync, heartbeat, leave, generations, sessions."""

import asyncio
from dataclasses import replace
from typing import Final

from testkit.simulated.conversations.members import (
    Member,
    in_sync,
    leader_and_newcomer,
    subscription,
    together,
)
from testkit.simulated.conversations.talk import Conversation, Talk
from testkit.simulated.conversations.wire import error_name

_PAUSE_S: Final = 0.3
_SHORTEST_SESSION_MS: Final = 6_000
_SHORT_REBALANCE_MS: Final = 3_000


async def member_id_first(talk: Talk) -> None:
    """The first join is answered with an id only; the second one joins."""
    member = await Member.of(talk, "group")
    answer = await member.ask_to_join()
    talk.say("first", error_name(answer.error_code), answer.generation_id)
    talk.say("protocol", answer.group_protocol, "leader", answer.leader_id)
    talk.say("has an id", bool(answer.member_id), "members", answer.members)
    member.member_id = answer.member_id
    talk.say("heartbeat", await member.beat())
    talk.say("join", member.take(await member.ask_to_join()))
    talk.say("heartbeat", await member.beat())
    talk.say("sync", await member.sync({member.member_id: b"all"}))
    talk.say("heartbeat", await member.beat())


async def join_of_an_old_client(talk: Talk) -> None:
    """Version 2 knows nothing of ids that come first."""
    member = await Member.of(talk, "group")
    answer = await member.ask_to_join_without_id()
    talk.say("join", error_name(answer.error_code), answer.generation_id)
    talk.say("leads", answer.leader_id == answer.member_id, len(answer.members))


async def second_member_calls_for_a_rebalance(talk: Talk) -> None:
    """The first one is told by its heartbeat, and both get the next generation."""
    leader, follower = await leader_and_newcomer(talk)
    talk.say("heartbeat", await leader.beat())
    for joined in await together(leader, follower):
        talk.say("join", joined)
    talk.say("heartbeat before sync", await leader.beat(), await follower.beat())
    waiting = asyncio.create_task(follower.sync())
    await asyncio.sleep(_PAUSE_S)
    talk.say("follower has an answer", waiting.done())
    handed = {leader.member_id: b"left", follower.member_id: b"right"}
    talk.say("leader", await leader.sync(handed))
    talk.say("follower", await waiting)
    talk.say("heartbeats", await leader.beat(), await follower.beat())


async def sync_again(talk: Talk) -> None:
    """In a stable group a sync only asks; what a leader sends then changes nothing."""
    leader, follower = await leader_and_newcomer(talk)
    talk.say("sync", await in_sync(leader, follower))
    talk.say("leader again", await leader.sync({leader.member_id: b"other"}))
    talk.say("follower again", await follower.sync())


async def sync_that_forgets_a_member(talk: Talk) -> None:
    """Who is not in the assignment gets an empty one; strangers in it do not matter."""
    leader, follower = await leader_and_newcomer(talk)
    await together(leader, follower)
    waiting = asyncio.create_task(follower.sync())
    await asyncio.sleep(_PAUSE_S)
    talk.say("leader", await leader.sync({"stranger": b"s", leader.member_id: b"l"}))
    talk.say("follower", await waiting)


async def generation_that_is_over(talk: Talk) -> None:
    """Heartbeat, commit and sync of an older generation."""
    topic = await talk.topic()
    leader, follower = await leader_and_newcomer(talk)
    await in_sync(leader, follower)
    for what, generation in (("old", leader.generation - 1), ("future", 99)):
        stale = replace(leader, generation=generation)
        talk.say(f"{what} heartbeat", await stale.beat())
        talk.say(f"{what} commit", await stale.commit(topic, 5))
        talk.say(f"{what} sync", await stale.sync())
    talk.say("committed", await leader.committed())
    talk.say("heartbeat", await leader.beat())


async def member_that_nobody_knows(talk: Talk) -> None:
    """An id that the broker never gave, in a group that exists and in one that does not."""
    topic = await talk.topic()
    member = await Member.of(talk, "group")
    stranger = await Member.of(talk, "group", member_id="stranger", generation=1)
    lonely = await Member.of(talk, "nothing", member_id="stranger", generation=1)
    await member.alone()
    for what, one in (("group", stranger), ("no group", lonely)):
        talk.say(f"{what}: heartbeat", await one.beat())
        talk.say(f"{what}: sync", await one.sync())
        talk.say(f"{what}: leave", await one.leave())
        talk.say(f"{what}: commit", await one.commit(topic, 1))
        talk.say(f"{what}: join", await one.join())
    talk.say("heartbeat", await member.beat())


async def leaving(talk: Talk) -> None:
    """The others rebalance; the last one leaves an empty group, which counts on."""
    leader, follower = await leader_and_newcomer(talk)
    await in_sync(leader, follower)
    talk.say("leader leaves", await leader.leave())
    talk.say("its heartbeat", await leader.beat())
    talk.say("it leaves again", await leader.leave())
    talk.say("follower's heartbeat", await follower.beat())
    talk.say("follower joins", await follower.join())
    talk.say("sync", await follower.sync({follower.member_id: b"all"}))
    talk.say("follower leaves", await follower.leave())
    newcomer = await Member.of(talk, "group")
    talk.say("newcomer", await newcomer.join())


async def session_that_ends(talk: Talk) -> None:
    """Without heartbeats a member is out after its session, and the others rebalance."""
    leader, follower = await leader_and_newcomer(talk, session_ms=_SHORTEST_SESSION_MS)
    await in_sync(leader, follower)
    await follower.called()
    talk.say("silent one's heartbeat", await leader.beat())
    talk.say("other joins", await follower.join())


async def session_times_out_of_bounds(talk: Talk) -> None:
    """Shorter than six seconds, longer than half an hour."""
    for session_ms in (0, _SHORTEST_SESSION_MS - 1, 1_800_000, 1_800_001):
        member = await Member.of(talk, f"group-{session_ms}", session_ms=session_ms)
        answer = await member.ask_to_join()
        talk.say(f"{session_ms} ms", error_name(answer.error_code))


async def protocols_that_do_not_fit(talk: Talk) -> None:
    """Another type, and no common assignor: refused, and the group goes on."""
    leader, follower = await leader_and_newcomer(talk)
    other = replace(follower, protocol_type="connect")
    talk.say("other type", await other.join())
    other = replace(follower, protocols=(("sticky", subscription("log")),))
    talk.say("no common assignor", await other.join())
    other = replace(follower, protocols=())
    talk.say("no assignor", await other.join())
    other = replace(follower, protocol_type="")
    talk.say("no type", await other.join())
    talk.say("heartbeat", await leader.beat())


async def vote_for_a_protocol(talk: Talk) -> None:
    """All members must know it; then the most wanted."""
    wanted = subscription("log")
    both = (("range", wanted), ("roundrobin", wanted))
    leader = await Member.of(talk, "group", protocols=both)
    follower = await Member.of(talk, "group", protocols=both[1:])
    await leader.join()
    talk.say("alone", leader.joined.group_protocol)
    await leader.sync({leader.member_id: b"all"})
    for joined in await together(leader, follower):
        talk.say("join", joined)


async def group_without_a_name(talk: Talk) -> None:
    """The empty name is none."""
    topic = await talk.topic()
    member = await Member.of(talk, "group")
    nameless = replace(member, group="")
    talk.say("join", await nameless.join())
    nameless = replace(nameless, member_id="m", generation=1)
    talk.say("heartbeat", await nameless.beat())
    talk.say("sync", await nameless.sync())
    talk.say("leave", await nameless.leave())
    talk.say("commit", await nameless.commit(topic, 1))


CONVERSATIONS: Final[tuple[Conversation, ...]] = (
    member_id_first,
    join_of_an_old_client,
    second_member_calls_for_a_rebalance,
    sync_again,
    sync_that_forgets_a_member,
    generation_that_is_over,
    member_that_nobody_knows,
    leaving,
    session_that_ends,
    session_times_out_of_bounds,
    protocols_that_do_not_fit,
    vote_for_a_protocol,
    group_without_a_name,
)
