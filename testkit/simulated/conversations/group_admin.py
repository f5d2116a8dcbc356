"""What operators ask about groups: describe, list, delete."""

import asyncio
from typing import Any, Final

from aiokafka.protocol.admin import (
    DeleteGroupsRequest_v1,
    DescribeGroupsRequest_v1,
    ListGroupsRequest_v1,
)

from testkit.simulated.conversations.members import (
    NO_GENERATION,
    Member,
    in_sync,
)
from testkit.simulated.conversations.talk import Conversation, Talk
from testkit.simulated.conversations.wire import error_name


async def _state(member: Member, asking: Any) -> list[Any]:
    """Error, state, type, protocol; then the members with what they were handed."""
    answer = await asking.peer.ask(DescribeGroupsRequest_v1([member.group]))
    ((code, _, state, kind, protocol, members),) = answer.groups
    rows = [[member.symbol(row[0]), row[1], row[4]] for row in members]
    return [error_name(code), state, kind, protocol, sorted(rows)]


async def _delete(asking: Member, *groups: str) -> list[list[Any]]:
    answer = await asking.peer.ask(DeleteGroupsRequest_v1(list(groups)))
    return sorted([name, error_name(code)] for name, code in answer.results)


async def states_of_a_group(talk: Talk) -> None:
    """Dead, stable, preparing, completing, empty."""
    leader, follower = await Member.of(talk, "group"), await Member.of(talk, "group")
    asking = await Member.of(talk, "other")
    talk.say("nobody yet", await _state(leader, asking))
    await leader.alone()
    talk.say("one member", await _state(leader, asking))
    waiting = asyncio.create_task(follower.join())
    await leader.called()
    talk.say("preparing", (await _state(leader, asking))[:4])
    await leader.join()
    await waiting
    talk.say("completing", (await _state(leader, asking))[:4])
    syncing = asyncio.create_task(follower.sync())
    handed = {leader.member_id: b"left", follower.member_id: b"right"}
    await leader.sync(handed)
    await syncing
    talk.say("two members", await _state(leader, asking))
    await leader.leave()
    await follower.join()
    await follower.leave()
    talk.say("left", await _state(leader, asking))


async def group_that_only_has_offsets(talk: Talk) -> None:
    """It is empty, and has no type."""
    topic = await talk.topic()
    member = await Member.of(talk, "group")
    await member.commit(topic, 4)
    talk.say("state", await _state(member, member))


async def list_of_groups(talk: Talk) -> None:
    """Groups with members, and groups with offsets only."""
    topic = await talk.topic()
    member = await Member.of(talk, "members")
    other = await Member.of(talk, "offsets")
    await member.alone()
    await other.commit(topic, 1)
    answer = await member.peer.ask(ListGroupsRequest_v1())
    talk.say("error", error_name(answer.error_code))
    mine = [row for row in answer.groups if row[0] in (member.group, other.group)]
    talk.say("groups", sorted(mine))


async def groups_deleted(talk: Talk) -> None:
    """Only without members; its offsets go with it."""
    topic = await talk.topic()
    member = await Member.of(talk, "group")
    missing = talk.name("missing")
    await member.alone()
    await member.commit(topic, 4)
    talk.say("with a member", await _delete(member, member.group, missing))
    await member.leave()
    talk.say("empty", await _delete(member, member.group))
    talk.say("again", await _delete(member, member.group))
    member.member_id, member.generation = "", NO_GENERATION
    talk.say("committed", await member.committed([(topic, [0])]))
    talk.say("state", await _state(member, member))
    talk.say("join", await member.join())


async def assignments_of_a_group(talk: Talk) -> None:
    """Until there are new ones, the old ones are shown."""
    leader, follower = await Member.of(talk, "group"), await Member.of(talk, "group")
    await leader.alone()
    await in_sync(leader, follower)
    talk.say("stable", await _state(leader, leader))
    third = await Member.of(talk, "group")
    joining = asyncio.create_task(third.join())
    await leader.called()
    await asyncio.gather(leader.join(), follower.join(), joining)
    talk.say("completing", await _state(leader, leader))


CONVERSATIONS: Final[tuple[Conversation, ...]] = (
    states_of_a_group,
    group_that_only_has_offsets,
    list_of_groups,
    groups_deleted,
    assignments_of_a_group,
)
