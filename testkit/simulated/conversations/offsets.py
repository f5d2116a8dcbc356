"""Committed offsets: by members and others, with metadata, of topics that are gone."""

from dataclasses import replace
from typing import Final

from aiokafka.protocol.admin import DeleteTopicsRequest_v3

from testkit.simulated.conversations.members import Member, in_sync
from testkit.simulated.conversations.talk import Conversation, Talk
from testkit.simulated.conversations.wire import error_name

_MOST_METADATA: Final = 4096


async def group_without_members(talk: Talk) -> None:
    """Whoever has no generation may commit into it; later commits replace earlier ones."""
    one, other = await talk.topic("one", partitions=2), await talk.topic("other")
    member = await Member.of(talk, "group")
    talk.say("at first", await member.committed([(one, [0, 1])]))
    rows = [(one, [(0, 5, "noted"), (1, 7, "")]), (other, [(0, 9, "x")])]
    talk.say("commit", sorted(await member.commit_all(rows)))
    talk.say("all", await member.committed())
    talk.say("back", await member.commit(one, 2))
    talk.say("two", await member.committed([(one, [1, 0])]))


async def offsets_that_nobody_committed(talk: Talk) -> None:
    """-1 and no metadata, also of what does not exist."""
    topic = await talk.topic()
    member = await Member.of(talk, "group")
    wanted = [(topic, [0, 6]), (talk.name("missing"), [0])]
    talk.say("unknown group", await member.committed(wanted))
    talk.say("commit", await member.commit(topic, 1))
    talk.say("known group", await member.committed(wanted))
    talk.say("nothing asked", await member.committed([]))


async def numbers_and_notes_without_a_sense(talk: Talk) -> None:
    """Negative offsets, offsets beyond the end, no metadata and too much of it."""
    topic = await talk.topic()
    member = await Member.of(talk, "group")
    for offset in (10**12, 0, -1, -5):
        talk.say(f"offset {offset}", await member.commit(topic, offset))
        talk.say("  kept", await member.committed([(topic, [0])]))
    for size in (_MOST_METADATA, _MOST_METADATA + 1):
        talk.say(f"{size} characters", await member.commit(topic, 1, "m" * size))
    rows = await member.commit_all([(topic, [(0, 3, None)])])  # type: ignore[list-item]
    talk.say("no metadata", rows)
    talk.say("kept", await member.committed([(topic, [0])]))


async def commit_for_what_does_not_exist(talk: Talk) -> None:
    """Partition and topic are checked one by one."""
    topic = await talk.topic()
    member = await Member.of(talk, "group")
    missing = talk.name("missing")
    rows = [(topic, [(0, 1, ""), (8, 2, "")]), (missing, [(0, 3, "")])]
    talk.say("commit", sorted(await member.commit_all(rows)))
    talk.say("all", await member.committed())


async def commit_into_a_group_with_members(talk: Talk) -> None:
    """Only members of this generation may; others may not even without a generation."""
    topic = await talk.topic()
    member = await Member.of(talk, "group")
    outside = await Member.of(talk, "group")
    await member.alone()
    talk.say("member", await member.commit(topic, 1, "mine"))
    talk.say("outside, no generation", await outside.commit(topic, 2))
    outside.generation = member.generation
    talk.say("outside, this generation", await outside.commit(topic, 3))
    bare = replace(member, generation=-1)
    talk.say("member, no generation", await bare.commit(topic, 4))
    talk.say("committed", await outside.committed())
    talk.say("leave", await member.leave())
    outside.generation = -1
    talk.say("outside, empty group", await outside.commit(topic, 5))
    talk.say("member that left", await member.commit(topic, 6))
    talk.say("committed", await outside.committed())


async def commit_with_a_generation_into_nothing(talk: Talk) -> None:
    """A group that nobody has heard of has no generations."""
    topic = await talk.topic()
    member = await Member.of(talk, "group", generation=3, member_id="somebody")
    talk.say("commit", await member.commit(topic, 1))
    talk.say(
        "id without generation", await replace(member, generation=-1).commit(topic, 1)
    )
    talk.say("committed", await member.committed())


async def commits_of_two_members(talk: Talk) -> None:
    """Members commit for the group, whichever partition it is."""
    topic = await talk.topic(partitions=2)
    leader = await Member.of(talk, "group")
    follower = await Member.of(talk, "group")
    await leader.alone()
    await in_sync(leader, follower)
    talk.say("leader", await leader.commit(topic, 1))
    talk.say("follower", await follower.commit(topic, 2))
    talk.say("follower, other", await follower.commit_all([(topic, [(1, 3, "f")])]))
    talk.say("committed", await leader.committed())


async def offsets_of_a_deleted_topic(talk: Talk) -> None:
    """They go with the topic; a new topic of this name starts without."""
    gone, kept = await talk.topic("gone"), await talk.topic("kept")
    member = await Member.of(talk, "group")
    rows = [(gone, [(0, 5, "g")]), (kept, [(0, 6, "k")])]
    talk.say("commit", sorted(await member.commit_all(rows)))
    answer = await member.peer.ask(DeleteTopicsRequest_v3([gone], 30_000))
    ((_, code),) = answer.topic_error_codes
    talk.say("delete", error_name(code))

    async def forgotten() -> bool:
        return len(await member.committed()) == 1

    await talk.until(forgotten)
    await talk.gone(member.peer, gone)
    talk.say("committed", await member.committed())
    await talk.topic("gone")
    talk.say("created again", await member.committed([(gone, [0])]))


CONVERSATIONS: Final[tuple[Conversation, ...]] = (
    group_without_members,
    offsets_that_nobody_committed,
    numbers_and_notes_without_a_sense,
    commit_for_what_does_not_exist,
    commit_into_a_group_with_members,
    commit_with_a_generation_into_nothing,
    commits_of_two_members,
    offsets_of_a_deleted_topic,
)
