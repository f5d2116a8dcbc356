"""Members that do what clients do on bad days: vanish, ask twice, join half."""

import asyncio
from dataclasses import replace
from typing import Any, Final

from testkit.simulated.conversations.members import (
    Member,
    in_sync,
    leader_and_newcomer,
    subscription,
    together,
)
from testkit.simulated.conversations.talk import Conversation, Talk
from testkit.simulated.conversations.wire import error_name

_SHORTEST_SESSION_MS: Final = 6_000
_SHORT_REBALANCE_MS: Final = 3_000
_PAUSE_S: Final = 0.3


async def _with_id(talk: Talk, **settings: Any) -> Member:
    """Somebody who was given an id and has not joined with it."""
    member = await Member.of(talk, "group", **settings)
    member.member_id = (await member.ask_to_join()).member_id
    return member


async def id_that_is_not_used(talk: Talk) -> None:
    """It is forgotten after its session; others start without it."""
    pending = await _with_id(talk, session_ms=_SHORTEST_SESSION_MS)
    member = await Member.of(talk, "group")
    talk.say("other joins", await member.join())

    talk.say("sync", await member.sync({member.member_id: b"all"}))
    await asyncio.sleep(_SHORTEST_SESSION_MS / 1000 + 1)
    talk.say("leave", await pending.leave())
    talk.say("join", await pending.join())
    talk.say("heartbeat", await member.beat())


async def id_that_is_given_back(talk: Talk) -> None:
    """Who leaves before joining is forgotten at once."""
    pending = await _with_id(talk)
    talk.say("heartbeat", await pending.beat())
    talk.say("leave", await pending.leave())
    talk.say("leave again", await pending.leave())
    talk.say("join", await pending.join())


async def rebalance_with_an_id_that_is_not_used(talk: Talk) -> None:
    """The group waits for the one who has an id, as long as a rebalance may take."""
    leader = await Member.of(talk, "group", rebalance_ms=_SHORT_REBALANCE_MS)
    follower = await Member.of(talk, "group", rebalance_ms=_SHORT_REBALANCE_MS)
    await leader.alone()
    pending = await _with_id(talk, rebalance_ms=_SHORT_REBALANCE_MS)
    talk.say("heartbeat", await leader.beat())
    joining = asyncio.create_task(follower.join())
    await leader.called()
    again = asyncio.create_task(leader.join())
    await asyncio.sleep(_PAUSE_S)
    talk.say("answered too early", again.done(), joining.done())
    for joined in (await again, await joining):
        talk.say("join", joined)
    talk.say("late one", (await pending.join())[0])


async def third_member_before_the_sync(talk: Talk) -> None:
    """Whoever waits for an assignment is sent back to join again."""
    leader, follower = await leader_and_newcomer(talk)
    third = await Member.of(talk, "group")
    await together(leader, follower)
    waiting = asyncio.create_task(follower.sync())
    await asyncio.sleep(_PAUSE_S)
    joining = asyncio.create_task(third.join())
    talk.say("follower's sync", await waiting)
    talk.say("leader's sync", await leader.sync({leader.member_id: b"all"}))
    talk.say("leader's heartbeat", await leader.beat())
    rejoined = await asyncio.gather(leader.join(), follower.join(), joining)
    talk.say("leader", rejoined[0][:4], len(rejoined[0][4]))
    for joined in rejoined[1:]:
        talk.say("follower", joined)


async def join_again_before_the_sync(talk: Talk) -> None:
    """With the same subscription the answer is the same; with another all begin again."""
    leader, follower = await leader_and_newcomer(talk)
    await together(leader, follower)
    talk.say("follower", await follower.join())
    talk.say("leader", await leader.join())
    talk.say("heartbeats", await leader.beat(), await follower.beat())
    follower.protocols = (("range", subscription("log", "other")),)
    for joined in await together(leader, follower):
        talk.say("other subscription", joined)


async def join_from_a_second_connection(talk: Talk) -> None:
    """The first connection waits for ever; the second one has the answer."""
    leader, follower = await leader_and_newcomer(talk)
    follower.member_id = (await follower.ask_to_join()).member_id
    lost = asyncio.create_task(follower.ask_to_join())
    await leader.called()
    again = replace(follower, peer=await talk.peer())
    second = asyncio.create_task(again.join())
    await asyncio.sleep(_PAUSE_S)
    talk.say("leader", await leader.join())
    talk.say("second", await second)
    await asyncio.sleep(_PAUSE_S)
    talk.say("first has an answer", lost.done())
    lost.cancel()
    waiting = asyncio.create_task(again.sync())
    handed = {leader.member_id: b"left", again.member_id: b"right"}
    talk.say("sync", await leader.sync(handed), await waiting)


async def sync_from_a_second_connection(talk: Talk) -> None:
    """The same for an assignment."""
    leader, follower = await leader_and_newcomer(talk)
    await together(leader, follower)
    lost = asyncio.create_task(follower.sync())
    await asyncio.sleep(_PAUSE_S)
    again = replace(follower, peer=await talk.peer())
    second = asyncio.create_task(again.sync())
    await asyncio.sleep(_PAUSE_S)
    handed = {leader.member_id: b"left", again.member_id: b"right"}
    talk.say("leader", await leader.sync(handed))
    talk.say("second", await second)
    await asyncio.sleep(_PAUSE_S)
    talk.say("first has an answer", lost.done())
    lost.cancel()


async def gone_while_it_joins(talk: Talk) -> None:
    """A member whose connection breaks is in the next generation all the same."""
    leader, follower = await leader_and_newcomer(talk)
    follower.member_id = (await follower.ask_to_join()).member_id
    lost = asyncio.create_task(follower.ask_to_join())
    await leader.called()
    lost.cancel()
    await follower.peer.close()
    talk.say("leader", await leader.join())
    talk.say("sync", await leader.sync({leader.member_id: b"all"}))
    again = replace(follower, peer=await talk.peer(), generation=leader.generation)
    talk.say("heartbeat of the lost one", await again.beat())
    talk.say("its sync", await again.sync())


async def leader_leaves_before_the_sync(talk: Talk) -> None:
    """The others wait for no assignment that nobody will hand out."""
    leader, follower = await leader_and_newcomer(talk)
    await together(leader, follower)
    waiting = asyncio.create_task(follower.sync())
    await asyncio.sleep(_PAUSE_S)
    talk.say("leave", await leader.leave())
    talk.say("follower's sync", await waiting)
    talk.say("follower", await follower.join())


async def heartbeats_keep_a_session(talk: Talk) -> None:
    """A member that joins and waits needs none; one that has joined does."""
    settings = {"session_ms": _SHORTEST_SESSION_MS}
    leader, follower = await leader_and_newcomer(talk, **settings)
    joining = asyncio.create_task(follower.join())
    for _ in range(8):
        await asyncio.sleep(_SHORTEST_SESSION_MS / 6_000)
        await leader.beat()
    talk.say("heartbeat", await leader.beat())
    talk.say("follower has an answer", joining.done())
    talk.say("leader", await leader.join())
    talk.say("follower", await joining)


async def two_first_members_at_once(talk: Talk) -> None:
    """A group that is empty waits for nobody; the second one calls for a rebalance."""
    one, other = await Member.of(talk, "group"), await Member.of(talk, "group")
    talk.say("one", await one.join())
    joining = asyncio.create_task(other.join())
    await one.called()
    talk.say("sync", await one.sync({one.member_id: b"all"}))
    talk.say("one", await one.join())
    talk.say("other", await joining)


async def longest_rebalance_counts(talk: Talk) -> None:
    """The group waits as long as its most patient member allows."""
    leader = await Member.of(talk, "group", rebalance_ms=_SHORT_REBALANCE_MS)
    follower = await Member.of(talk, "group", rebalance_ms=100)
    await leader.alone()
    joining = asyncio.create_task(follower.join())
    await leader.called()
    await asyncio.sleep(1)
    talk.say("follower has an answer", joining.done())
    talk.say("leader", await leader.join())
    talk.say("follower", await joining)


async def other_client_takes_the_id(talk: Talk) -> None:
    """Whoever knows the id of a member is that member."""
    leader, follower = await leader_and_newcomer(talk)
    await in_sync(leader, follower)
    impostor = replace(follower, peer=await talk.peer())
    talk.say("heartbeat", await impostor.beat())
    talk.say("sync", await impostor.sync())
    answer = await impostor.ask_to_join()
    talk.say("join", error_name(answer.error_code), answer.generation_id)


CONVERSATIONS: Final[tuple[Conversation, ...]] = (
    id_that_is_not_used,
    id_that_is_given_back,
    rebalance_with_an_id_that_is_not_used,
    third_member_before_the_sync,
    join_again_before_the_sync,
    join_from_a_second_connection,
    sync_from_a_second_connection,
    gone_while_it_joins,
    leader_leaves_before_the_sync,
    heartbeats_keep_a_session,
    two_first_members_at_once,
    longest_rebalance_counts,
    other_client_takes_the_id,
)
