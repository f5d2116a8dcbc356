"""Rebalances: who joins again, who is late, who leaves meanwhile."""

import asyncio
from typing import Final

from testkit.simulated.conversations.members import (
    in_sync,
    leader_and_newcomer,
    subscription,
    together,
)
from testkit.simulated.conversations.talk import Conversation, Talk

_SHORT_REBALANCE_MS: Final = 3_000


async def rebalance_under_way(talk: Talk) -> None:
    """What members of the old generation may still do while others join."""
    topic = await talk.topic()
    leader, follower = await leader_and_newcomer(talk)
    second = asyncio.create_task(follower.join())
    await leader.called()
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


async def leaving_during_a_rebalance(talk: Talk) -> None:
    """A join that waits for somebody who leaves is answered."""
    leader, follower = await leader_and_newcomer(talk)
    second = asyncio.create_task(follower.join())
    await leader.called()
    talk.say("leave", await leader.leave())
    talk.say("second", await second)


async def join_again(talk: Talk) -> None:
    """A follower that says the same joins nothing new; a leader calls for a rebalance."""
    leader, follower = await leader_and_newcomer(talk)
    await in_sync(leader, follower)
    talk.say("follower again", await follower.join())
    talk.say("its sync", await follower.sync())
    talk.say("leader's heartbeat", await leader.beat())
    again = asyncio.create_task(leader.join())
    await follower.called()
    talk.say("follower joins", await follower.join())
    talk.say("leader joined", await again)


async def follower_with_another_subscription(talk: Talk) -> None:
    """Its new metadata calls for a rebalance."""
    leader, follower = await leader_and_newcomer(talk)
    await in_sync(leader, follower)
    follower.protocols = (("range", subscription("log", "other")),)
    for joined in await together(leader, follower):
        talk.say("join", joined)


async def late_for_a_rebalance(talk: Talk) -> None:
    """Who does not join in time is out; the others do not wait longer."""
    leader, follower = await leader_and_newcomer(talk, rebalance_ms=_SHORT_REBALANCE_MS)
    talk.say("join", await follower.join())
    talk.say("late heartbeat", await leader.beat())
    talk.say("late join", await leader.join())


async def late_for_the_sync(talk: Talk) -> None:
    """The leader never hands out an assignment; the group starts again without it."""
    leader, follower = await leader_and_newcomer(talk, rebalance_ms=_SHORT_REBALANCE_MS)
    await together(leader, follower)
    talk.say("follower's sync", await follower.sync())
    talk.say("follower joins", await follower.join())
    talk.say("leader's heartbeat", await leader.beat())


CONVERSATIONS: Final[tuple[Conversation, ...]] = (
    rebalance_under_way,
    leaving_during_a_rebalance,
    join_again,
    follower_with_another_subscription,
    late_for_a_rebalance,
    late_for_the_sync,
)
