"""Offsets that are committed in a transaction."""

from typing import Final

from testkit.simulated.conversations.members import Member
from testkit.simulated.conversations.producers import Producer
from testkit.simulated.conversations.talk import Conversation, Talk


async def _at(talk: Talk, member: Member, topic: str, offset: int) -> None:
    async def there() -> bool:
        return bool((await member.committed([(topic, [0])]))[0][2] == offset)

    await talk.until(there)


async def offsets_of_a_committed_transaction(talk: Talk) -> None:
    """They are there when it is over, not before."""
    topic = await talk.topic()
    member = await Member.of(talk, "group")
    producer = await Producer.ready(talk, "tx")
    talk.say("before", await member.commit(topic, 1, "plain"))
    talk.say("add", await producer.add_offsets(member.group))
    found = await producer.commit_offset(member.group, topic, 7, "tx")
    talk.say("commit offset", found)
    talk.say("open", await member.committed([(topic, [0])]))
    talk.say("commit", await producer.end("commit"))
    await _at(talk, member, topic, 7)
    talk.say("over", await member.committed([(topic, [0])]))


async def offsets_of_an_aborted_transaction(talk: Talk) -> None:
    """They were never there."""
    topic = await talk.topic()
    member = await Member.of(talk, "group")
    producer = await Producer.ready(talk, "tx")
    talk.say("before", await member.commit(topic, 1))
    await producer.add_offsets(member.group)
    talk.say("offset", await producer.commit_offset(member.group, topic, 7))
    talk.say("abort", await producer.end("abort"))
    await producer.add_offsets(member.group)
    talk.say("offset", await producer.commit_offset(member.group, topic, 9))
    talk.say("commit", await producer.end("commit"))
    await _at(talk, member, topic, 9)
    talk.say("over", await member.committed([(topic, [0])]))


async def offsets_of_a_fenced_producer(talk: Talk) -> None:
    """An older epoch commits no offset."""
    topic = await talk.topic()
    member = await Member.of(talk, "group")
    old = await Producer.ready(talk, "tx")
    await old.add_offsets(member.group)
    talk.say("old", await old.commit_offset(member.group, topic, 3))
    new = await Producer.ready(talk, "tx")
    await new.add_offsets(member.group)
    talk.say("new", await new.commit_offset(member.group, topic, 5))
    talk.say("old", await old.commit_offset(member.group, topic, 4))
    talk.say("new commits", await new.end("commit"))
    await _at(talk, member, topic, 5)
    talk.say("over", await member.committed([(topic, [0])]))


async def offsets_without_adding_the_group(talk: Talk) -> None:
    """The group's partition of offsets is not in the transaction."""
    topic = await talk.topic()
    member = await Member.of(talk, "group")
    producer = await Producer.ready(talk, "tx")
    talk.say("offset", await producer.commit_offset(member.group, topic, 3))
    talk.say("committed", await member.committed([(topic, [0])]))


async def plain_commit_beside_a_transaction(talk: Talk) -> None:
    """The later of two commits counts; a transaction commits when its offset was sent."""
    topic = await talk.topic()
    member = await Member.of(talk, "group")
    producer = await Producer.ready(talk, "tx")
    await producer.add_offsets(member.group)
    talk.say("in it", await producer.commit_offset(member.group, topic, 7, "tx"))
    talk.say("beside it", await member.commit(topic, 3, "plain"))
    talk.say("open", await member.committed([(topic, [0])]))
    talk.say("commit", await producer.end("commit"))
    await producer.begin()  # the coordinator has ended the last one by then
    talk.say("over", await member.committed([(topic, [0])]))


async def offset_committed_twice_in_a_transaction(talk: Talk) -> None:
    """The last one counts."""
    topic = await talk.topic()
    member = await Member.of(talk, "group")
    producer = await Producer.ready(talk, "tx")
    await producer.add_offsets(member.group)
    for offset in (4, 9, 6):
        found = await producer.commit_offset(member.group, topic, offset)
        talk.say(f"offset {offset}", found)
    talk.say("commit", await producer.end("commit"))
    await _at(talk, member, topic, 6)
    talk.say("over", await member.committed())


async def offsets_of_a_new_start(talk: Talk) -> None:
    """A new start aborts what the old process had committed."""
    topic = await talk.topic()
    member = await Member.of(talk, "group")
    old = await Producer.ready(talk, "tx")
    await old.add_offsets(member.group)
    talk.say("old", await old.commit_offset(member.group, topic, 4))
    new = await Producer.ready(talk, "tx")
    talk.say("committed", await member.committed())
    await new.add_offsets(member.group)
    talk.say("new", await new.commit_offset(member.group, topic, 2))
    talk.say("commit", await new.end("commit"))
    await _at(talk, member, topic, 2)
    talk.say("over", await member.committed())


async def offsets_for_a_group_with_members(talk: Talk) -> None:
    """A transaction needs no membership."""
    topic = await talk.topic()
    member = await Member.of(talk, "group")
    await member.alone()
    producer = await Producer.ready(talk, "tx")
    await producer.add_offsets(member.group)
    talk.say("offset", await producer.commit_offset(member.group, topic, 5))
    talk.say("commit", await producer.end("commit"))
    await _at(talk, member, topic, 5)
    talk.say("heartbeat", await member.beat())


async def offsets_with_too_much_metadata(talk: Talk) -> None:
    """The limits are those of plain commits."""
    topic = await talk.topic()
    member = await Member.of(talk, "group")
    producer = await Producer.ready(talk, "tx")
    await producer.add_offsets(member.group)
    much = await producer.commit_offset(member.group, topic, 1, "m" * 4097)
    talk.say("metadata", much)
    missing = await producer.commit_offset(member.group, talk.name("missing"), 1)
    talk.say("missing topic", missing)


CONVERSATIONS: Final[tuple[Conversation, ...]] = (
    offsets_of_a_committed_transaction,
    offsets_of_an_aborted_transaction,
    offsets_of_a_fenced_producer,
    offsets_without_adding_the_group,
    plain_commit_beside_a_transaction,
    offset_committed_twice_in_a_transaction,
    offsets_of_a_new_start,
    offsets_for_a_group_with_members,
    offsets_with_too_much_metadata,
)
