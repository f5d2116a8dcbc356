"""Transactions: their ends, fencing, time-outs, what isolation hides, offsets in them."""

import asyncio
from dataclasses import replace
from typing import Final

from testkit.simulated.conversations.batches import Batch
from testkit.simulated.conversations.logs import (
    LATEST,
    READ_COMMITTED,
    READ_UNCOMMITTED,
    Log,
)
from testkit.simulated.conversations.members import Member
from testkit.simulated.conversations.producers import Producer
from testkit.simulated.conversations.talk import Conversation, Talk
from testkit.simulated.conversations.wire import error_name

_LONGEST_MS: Final = 900_000


async def _log(talk: Talk, partitions: int = 1) -> Log:
    return Log(await talk.peer(), await talk.topic(partitions=partitions))


async def _say_both(talk: Talk, log: Log, what: str) -> None:
    """What each isolation level sees."""
    names = {READ_UNCOMMITTED: "uncommitted", READ_COMMITTED: "committed"}
    for isolation, name in names.items():
        fetched = await log.fetch(isolation=isolation)
        listed = fetched.aborted
        if listed is not None:
            listed = [(talk.symbol("producer", one), first) for one, first in listed]
        talk.say(f"{what}, {name}", fetched.ends, fetched.found.records, listed)


async def _over(talk: Talk, log: Log, records: int) -> None:
    """Wait until so many records are stable; markers follow the answer to an end."""

    async def written() -> bool:
        return (await log.fetch(isolation=READ_COMMITTED)).last_stable == records

    await talk.until(written)


async def id_without_transactions(talk: Talk) -> None:
    """Each question gives a new id."""
    producer = Producer(talk, await talk.peer(), None)
    for _ in range(2):
        talk.say("error", await producer.begin())
        talk.say("id", producer.named, producer.epoch)


async def id_of_a_transactional_producer(talk: Talk) -> None:
    """The name keeps its id; each start raises the epoch."""
    producer = await Producer.of(talk, "tx")
    other = await Producer.of(talk, "other")
    for one in (producer, producer, other, producer):
        talk.say("error", await one.begin())
        talk.say("id", one.named, one.epoch)


async def wrong_questions_for_an_id(talk: Talk) -> None:
    """An empty name, and time-outs out of bounds."""
    producer = await Producer.of(talk, "tx")
    nameless = replace(producer, transactional_id="")
    talk.say("empty name", await nameless.begin())
    for timeout_ms in (-1, 0, 1, _LONGEST_MS, _LONGEST_MS + 1):
        one = replace(producer, timeout_ms=timeout_ms)
        talk.say(f"{timeout_ms} ms", await one.begin())


async def committed(talk: Talk) -> None:
    """Hidden until its marker is there."""
    log = await _log(talk)
    producer = await Producer.ready(talk, "tx")
    talk.say("add", await producer.add(log.topic))
    await _say_both(talk, log, "before")
    talk.say("write", await producer.write(log, b"a", b"b"))
    await log.append(Batch([b"plain"]))
    await _say_both(talk, log, "open")
    talk.say(
        "latest", await log.offset(LATEST), await log.offset(LATEST, READ_COMMITTED)
    )
    talk.say("commit", await producer.end("commit"))
    await _over(talk, log, 4)
    await _say_both(talk, log, "committed")
    talk.say(
        "latest", await log.offset(LATEST), await log.offset(LATEST, READ_COMMITTED)
    )


async def aborted(talk: Talk) -> None:
    """Its records stay in the log; the list of aborted transactions hides them."""
    log = await _log(talk)
    producer = await Producer.ready(talk, "tx")
    await log.append(Batch([b"plain"]))
    talk.say("add", await producer.add(log.topic))
    talk.say("write", await producer.write(log, b"a"))
    talk.say("write", await producer.write(log, b"b"))
    talk.say("abort", await producer.end("abort"))
    await _over(talk, log, 4)
    await _say_both(talk, log, "aborted")


async def aborted_transactions_of_a_range(talk: Talk) -> None:
    """Those that end before it are not listed."""
    log = await _log(talk)
    producer = await Producer.ready(talk, "tx")
    for number, how in enumerate(("abort", "commit", "abort")):
        await producer.add(log.topic)
        talk.say("write", await producer.write(log, b"x", b"y"))
        talk.say(how, await producer.end(how))
        await _over(talk, log, 3 * (number + 1))
    for offset in (0, 1, 2, 3, 8, 9):
        fetched = await log.fetch(offset, isolation=READ_COMMITTED)
        firsts = [first for _, first in fetched.aborted or ()]
        talk.say(f"from {offset}", fetched.found.records[:1], firsts)


async def two_at_the_same_time(talk: Talk) -> None:
    """The last stable offset is the first record of the oldest open one."""
    log = await _log(talk)
    one, other = await Producer.ready(talk, "one"), await Producer.ready(talk, "other")
    for producer in (one, other):
        talk.say("add", producer.named, await producer.add(log.topic))
    talk.say("one writes", await one.write(log, b"1a"))
    talk.say("other writes", await other.write(log, b"2a"))
    talk.say("one writes", await one.write(log, b"1b"))
    await _say_both(talk, log, "both open")
    talk.say("other commits", await other.end("commit"))

    async def marked() -> bool:
        return (await log.ends())[1] == 4

    await talk.until(marked)
    await _say_both(talk, log, "one open")
    talk.say("one aborts", await one.end("abort"))
    await _over(talk, log, 5)
    await _say_both(talk, log, "over")


async def several_partitions(talk: Talk) -> None:
    """Each partition of a transaction gets a marker, also one without records."""
    log = await _log(talk, partitions=3)
    right, idle = replace(log, number=1), replace(log, number=2)
    producer = await Producer.ready(talk, "tx")
    talk.say("add", await producer.add(log.topic, [0, 1, 2]))
    talk.say("write left", await producer.write(log, b"l"))
    producer.sequences = 0
    talk.say("write right", await producer.write(right, b"r"))
    talk.say("commit", await producer.end("commit"))
    await _over(talk, log, 2)
    await _over(talk, right, 2)
    await _over(talk, idle, 1)
    talk.say("left", await log.values())
    talk.say("right", await right.values())
    talk.say("idle", await idle.values())


async def partition_that_was_not_added(talk: Talk) -> None:
    """Its records are refused, before and while a transaction is open."""
    log = await _log(talk, partitions=2)
    producer = await Producer.ready(talk, "tx")
    talk.say("nothing added", await producer.write(log, b"a"))
    producer.sequences = 0
    talk.say("add", await producer.add(log.topic, [1]))
    talk.say("other one added", await producer.write(log, b"a"))
    producer.sequences = 0
    talk.say("added", await producer.write(replace(log, number=1), b"a"))
    talk.say("ends", await log.ends(), await replace(log, number=1).ends())


async def written_after_the_end(talk: Talk) -> None:
    """The transaction is over; the partition has to be added again."""
    log = await _log(talk)
    producer = await Producer.ready(talk, "tx")
    await producer.add(log.topic)
    talk.say("write", await producer.write(log, b"a"))
    talk.say("commit", await producer.end("commit"))
    await _over(talk, log, 2)
    talk.say("write", await producer.write(log, b"b"))
    producer.sequences = 1
    talk.say("add", await producer.add(log.topic))
    talk.say("write", await producer.write(log, b"b"))
    talk.say("ends", await log.ends())


async def plain_batch_in_a_transaction(talk: Talk) -> None:
    """While it is open, its producer writes nothing outside of it."""
    log = await _log(talk)
    producer = await Producer.ready(talk, "tx")
    await producer.add(log.topic)
    talk.say("write", await producer.write(log, b"a"))
    plain = replace(producer.batch(b"b"), transactional=False)
    talk.say("plain", await log.append(plain))
    talk.say("ends", await log.ends())


async def wrong_end_for_a_transactional_batch(talk: Talk) -> None:
    """A transactional batch in a request without the transactional id."""
    log = await _log(talk)
    producer = await Producer.ready(talk, "tx")
    await producer.add(log.topic)
    talk.say("no id", await log.append(producer.batch(b"a")))
    producer.sequences = 0
    stranger = replace(producer, transactional_id=talk.name("stranger"))
    talk.say("another id", await stranger.write(log, b"a"))
    talk.say("ends", await log.ends())


async def ended_twice(talk: Talk) -> None:
    """The same end again is fine, the other end is not."""
    log = await _log(talk)
    producer = await Producer.ready(talk, "tx")
    for how, other in (("commit", "abort"), ("abort", "commit")):
        await producer.add(log.topic)
        talk.say("write", (await producer.write(log, how.encode()))[0])
        talk.say(how, await producer.end(how))

        async def settled(again: str = how) -> bool:
            return await producer.end(again) != "ConcurrentTransactions"

        await talk.until(settled)
        await _over(talk, log, (await log.ends())[1])
        talk.say(f"{how} again", await producer.end(how))
        talk.say(f"then {other}", await producer.end(other))
    talk.say("in the log", await log.values())


async def ended_before_it_began(talk: Talk) -> None:
    """No partition was added."""
    for how in ("commit", "abort"):
        producer = await Producer.ready(talk, how)
        talk.say(how, await producer.end(how))


async def fenced_by_a_new_start(talk: Talk) -> None:
    """A second process with the same name: the first one can do nothing any more."""
    log = await _log(talk)
    old = await Producer.ready(talk, "tx")
    new = await Producer.ready(talk, "tx")
    talk.say("same id", old.producer_id == new.producer_id, new.epoch - old.epoch)
    talk.say("old: add", await old.add(log.topic))
    talk.say("old: end", await old.end("commit"))
    talk.say("old: offsets", await old.add_offsets(talk.name("group")))
    talk.say("new: add", await new.add(log.topic))
    talk.say("new: write", await new.write(log, b"n"))
    talk.say("old: write", await old.write(log, b"o"))
    talk.say("new: commit", await new.end("commit"))
    await _over(talk, log, 2)
    talk.say("in the log", await log.values())


async def new_start_with_an_open_transaction(talk: Talk) -> None:
    """It is aborted, and the old process is fenced."""
    log = await _log(talk)
    old = await Producer.ready(talk, "tx")
    await old.add(log.topic)
    talk.say("write", await old.write(log, b"a"))
    new = await Producer.of(talk, "tx")
    answer = await new.ask_for_id()
    talk.say("at first", error_name(answer.error_code))
    talk.say("then", await new.begin())
    talk.say("same id", old.producer_id == new.producer_id)
    talk.say("epochs later", new.epoch - old.epoch)
    await _over(talk, log, 2)
    await _say_both(talk, log, "afterwards")
    talk.say("old: write", await old.write(log, b"b"))
    talk.say("old: commit", await old.end("commit"))
    talk.say("new: add", await new.add(log.topic))
    talk.say("new: write", await new.write(log, b"c"))
    talk.say("new: commit", await new.end("commit"))
    await _over(talk, log, 4)
    talk.say("in the log", await log.values())


async def id_that_the_coordinator_does_not_know(talk: Talk) -> None:
    """Another producer id under this name, and a name without an id."""
    log = await _log(talk)
    producer = await Producer.ready(talk, "tx")
    wrong = replace(producer, producer_id=producer.producer_id + 900_000)
    talk.say("wrong id: add", await wrong.add(log.topic))
    talk.say("wrong id: end", await wrong.end("commit"))
    nobody = replace(producer, transactional_id=talk.name("nobody"))
    talk.say("unknown name: add", await nobody.add(log.topic))
    talk.say("unknown name: end", await nobody.end("commit"))
    ahead = replace(producer, epoch=producer.epoch + 1)
    talk.say("later epoch: add", await ahead.add(log.topic))
    talk.say("later epoch: end", await ahead.end("commit"))


async def partitions_that_cannot_be_added(talk: Talk) -> None:
    """One unknown partition, and none is added."""
    log = await _log(talk)
    producer = await Producer.ready(talk, "tx")
    rows = [(log.topic, [0, 9]), (talk.name("missing"), [0])]
    talk.say("add", await producer.add_all(rows))
    talk.say("end", await producer.end("commit"))


async def time_is_up(talk: Talk) -> None:
    """The coordinator aborts it, and its producer is fenced."""
    log = await _log(talk)
    producer = await Producer.ready(talk, "tx", timeout_ms=3_000)
    await producer.add(log.topic)
    talk.say("write", await producer.write(log, b"a"))
    await _over(talk, log, 2)
    await _say_both(talk, log, "afterwards")
    talk.say("write", await producer.write(log, b"b"))
    talk.say("commit", await producer.end("commit"))
    talk.say("add", await producer.add(log.topic))
    epoch = producer.epoch
    talk.say("start again", await producer.begin())
    talk.say("epochs later", producer.epoch - epoch)
    talk.say("add", await producer.add(log.topic))
    talk.say("write", await producer.write(log, b"c"))
    talk.say("commit", await producer.end("commit"))


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


async def _at(talk: Talk, member: Member, topic: str, offset: int) -> None:
    async def there() -> bool:
        return bool((await member.committed([(topic, [0])]))[0][2] == offset)

    await talk.until(there)


async def fetch_that_waits_for_an_end(talk: Talk) -> None:
    """A reader of committed records at the last stable offset waits for the marker."""
    log = await _log(talk)
    producer = await Producer.ready(talk, "tx")
    await producer.add(log.topic)
    talk.say("write", await producer.write(log, b"a"))
    reading = replace(log, peer=await talk.peer())
    waiting = asyncio.create_task(
        reading.fetch(isolation=READ_COMMITTED, wait_ms=20_000, min_bytes=1)
    )
    await asyncio.sleep(0.3)
    talk.say("answered too early", waiting.done())
    talk.say("commit", await producer.end("commit"))
    fetched = await waiting
    talk.say("then", fetched.found.records, fetched.ends)


CONVERSATIONS: Final[tuple[Conversation, ...]] = (
    id_without_transactions,
    id_of_a_transactional_producer,
    wrong_questions_for_an_id,
    committed,
    aborted,
    aborted_transactions_of_a_range,
    two_at_the_same_time,
    several_partitions,
    partition_that_was_not_added,
    written_after_the_end,
    plain_batch_in_a_transaction,
    wrong_end_for_a_transactional_batch,
    ended_twice,
    ended_before_it_began,
    fenced_by_a_new_start,
    new_start_with_an_open_transaction,
    id_that_the_coordinator_does_not_know,
    partitions_that_cannot_be_added,
    time_is_up,
    fetch_that_waits_for_an_end,
    offsets_of_a_committed_transaction,
    offsets_of_an_aborted_transaction,
    offsets_of_a_fenced_producer,
    offsets_without_adding_the_group,
)
