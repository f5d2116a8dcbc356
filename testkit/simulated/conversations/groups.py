"""Groups: join, sync, heartbeat, leave, generations, sessions."""

import asyncio
from dataclasses import replace
from typing import Any, Final

from testkit.simulated.conversations.members import (
    Member,
    in_sync,
    subscription,
    together,
)
from testkit.simulated.conversations.talk import Conversation, Talk
from testkit.simulated.conversations.wire import error_name

_PAUSE_S: Final = 0.3
_SHORTEST_SESSION_MS: Final = 6_000
_SHORT_REBALANCE_MS: Final = 3_000


async def _two(talk: Talk, **settings: Any) -> tuple[Member, Member]:
    """A leader in a stable group of its own, and somebody who has not joined."""
    leader = await Member.of(talk, "group", **settings)
    follower = await Member.of(talk, "group", **settings)
    await leader.alone()
    return leader, follower


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
    leader, follower = await _two(talk)
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
    leader, follower = await _two(talk)
    talk.say("sync", await in_sync(leader, follower))
    talk.say("leader again", await leader.sync({leader.member_id: b"other"}))
    talk.say("follower again", await follower.sync())


async def sync_that_forgets_a_member(talk: Talk) -> None:
    """Who is not in the assignment gets an empty one; strangers in it do not matter."""
    leader, follower = await _two(talk)
    await together(leader, follower)
    waiting = asyncio.create_task(follower.sync())
    await asyncio.sleep(_PAUSE_S)
    talk.say("leader", await leader.sync({"stranger": b"s", leader.member_id: b"l"}))
    talk.say("follower", await waiting)


async def generation_that_is_over(talk: Talk) -> None:
    """Heartbeat, commit and sync of an older generation."""
    topic = await talk.topic()
    leader, follower = await _two(talk)
    await in_sync(leader, follower)
    for what, generation in (("old", leader.generation - 1), ("future", 99)):
        stale = replace(leader, generation=generation)
        talk.say(f"{what} heartbeat", await stale.beat())
        talk.say(f"{what} commit", await stale.commit(topic, 5))
        talk.say(f"{what} sync", await stale.sync())
    talk.say("committed", await leader.committed())
    talk.say("heartbeat", await leader.beat())


async def rebalance_under_way(talk: Talk) -> None:
    """What members of the old generation may still do while others join."""
    topic = await talk.topic()
    leader, follower = await _two(talk)
    second = asyncio.create_task(follower.join())

    async def called() -> bool:
        return await leader.beat() == "RebalanceInProgressError"

    await talk.until(called)
    talk.say("commit", await leader.commit(topic, 3))
    talk.say("sync", await leader.sync())
    talk.say("join", await leader.join())
    talk.say("second", await second)
    talk.say("commit before sync", await leader.commit(topic, 4))
    talk.say("heartbeat before sync", await leader.beat())
    waiting = asyncio.create_task(follower.sync())
    talk.say("sync", await leader.sync({leader.member_id: b"l"}))
    talk.say("follower", await waiting)
    talk.say("commit", await leader.commit(topic, 5))
    talk.say("committed", await leader.committed())


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
    leader, follower = await _two(talk)
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


async def leaving_during_a_rebalance(talk: Talk) -> None:
    """A join that waits for somebody who leaves is answered."""
    leader, follower = await _two(talk)
    second = asyncio.create_task(follower.join())

    async def called() -> bool:
        return await leader.beat() == "RebalanceInProgressError"

    await talk.until(called)
    talk.say("leave", await leader.leave())
    talk.say("second", await second)


async def join_again(talk: Talk) -> None:
    """A follower that says the same joins nothing new; a leader calls for a rebalance."""
    leader, follower = await _two(talk)
    await in_sync(leader, follower)
    talk.say("follower again", await follower.join())
    talk.say("its sync", await follower.sync())
    talk.say("leader's heartbeat", await leader.beat())
    again = asyncio.create_task(leader.join())

    async def called() -> bool:
        return await follower.beat() == "RebalanceInProgressError"

    await talk.until(called)
    talk.say("follower joins", await follower.join())
    talk.say("leader joined", await again)


async def follower_with_another_subscription(talk: Talk) -> None:
    """Its new metadata calls for a rebalance."""
    leader, follower = await _two(talk)
    await in_sync(leader, follower)
    follower.protocols = (("range", subscription("log", "other")),)
    for joined in await together(leader, follower):
        talk.say("join", joined)


async def late_for_a_rebalance(talk: Talk) -> None:
    """Who does not join in time is out; the others do not wait longer."""
    leader, follower = await _two(talk, rebalance_ms=_SHORT_REBALANCE_MS)
    talk.say("join", await follower.join())
    talk.say("late heartbeat", await leader.beat())
    talk.say("late join", await leader.join())


async def late_for_the_sync(talk: Talk) -> None:
    """The leader never hands out an assignment; the group starts again without it."""
    leader, follower = await _two(talk, rebalance_ms=_SHORT_REBALANCE_MS)
    await together(leader, follower)
    talk.say("follower's sync", await follower.sync())
    talk.say("follower joins", await follower.join())
    talk.say("leader's heartbeat", await leader.beat())


async def session_that_ends(talk: Talk) -> None:
    """Without heartbeats a member is out after its session, and the others rebalance."""
    leader, follower = await _two(talk, session_ms=_SHORTEST_SESSION_MS)
    await in_sync(leader, follower)

    async def called() -> bool:
        return await follower.beat() == "RebalanceInProgressError"

    await talk.until(called)
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
    leader, follower = await _two(talk)
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
    rebalance_under_way,
    member_that_nobody_knows,
    leaving,
    leaving_during_a_rebalance,
    join_again,
    follower_with_another_subscription,
    late_for_a_rebalance,
    late_for_the_sync,
    session_that_ends,
    session_times_out_of_bounds,
    protocols_that_do_not_fit,
    vote_for_a_protocol,
    group_without_a_name,
)
