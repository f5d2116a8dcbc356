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


CONVERSATIONS: Final[tuple[Conversation, ...]] = (
    offsets_of_a_committed_transaction,
    offsets_of_an_aborted_transaction,
    offsets_of_a_fenced_producer,
    offsets_without_adding_the_group,
)
