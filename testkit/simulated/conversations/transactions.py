"""Transactions: their ends, fencing, time-outs, what isolation hides, offsets in them."""

import asyncio
from dataclasses import replace
from typing import Final

from testkit.simulated.conversations.batches import Batch
from testkit.simulated.conversations.logs import (
    LATEST,
    READ_COMMITTED,
    Log,
)
from testkit.simulated.conversations.members import Member
from testkit.simulated.conversations.producers import Producer, say_both, stable
from testkit.simulated.conversations.talk import Conversation, Talk

_LONGEST_MS: Final = 900_000


async def _log(talk: Talk, partitions: int = 1) -> Log:
    return Log(await talk.peer(), await talk.topic(partitions=partitions))


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
    await say_both(talk, log, "before")
    talk.say("write", await producer.write(log, b"a", b"b"))
    await log.append(Batch([b"plain"]))
    await say_both(talk, log, "open")
    talk.say(
        "latest", await log.offset(LATEST), await log.offset(LATEST, READ_COMMITTED)
    )
    talk.say("commit", await producer.end("commit"))
    await stable(talk, log, 4)
    await say_both(talk, log, "committed")
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
    await stable(talk, log, 4)
    await say_both(talk, log, "aborted")


async def aborted_transactions_of_a_range(talk: Talk) -> None:
    """Those that end before it are not listed."""
    log = await _log(talk)
    producer = await Producer.ready(talk, "tx")
    for number, how in enumerate(("abort", "commit", "abort")):
        await producer.add(log.topic)
        talk.say("write", await producer.write(log, b"x", b"y"))
        talk.say(how, await producer.end(how))
        await stable(talk, log, 3 * (number + 1))
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
    await say_both(talk, log, "both open")
    talk.say("other commits", await other.end("commit"))

    async def marked() -> bool:
        return (await log.ends())[1] == 4

    await talk.until(marked)
    await say_both(talk, log, "one open")
    talk.say("one aborts", await one.end("abort"))
    await stable(talk, log, 5)
    await say_both(talk, log, "over")


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
    await stable(talk, log, 2)
    await stable(talk, right, 2)
    await stable(talk, idle, 1)
    talk.say("left", await log.values())
    talk.say("right", await right.values())
    talk.say("idle", await idle.values())


async def ended_twice(talk: Talk) -> None:
    """The same end again is fine, the other end is not."""
    log = await _log(talk)
    producer = await Producer.ready(talk, "tx")
    for how, other in (("commit", "abort"), ("abort", "commit")):
        await producer.add(log.topic)
        talk.say("write", (await producer.write(log, how.encode()))[0])
        talk.say(how, await producer.end(how))
        await producer.over(how)
        await stable(talk, log, (await log.ends())[1])
        talk.say(f"{how} again", await producer.end(how))
        talk.say(f"then {other}", await producer.end(other))
    talk.say("in the log", await log.values())


async def ended_before_it_began(talk: Talk) -> None:
    """No partition was added."""
    for how in ("commit", "abort"):
        producer = await Producer.ready(talk, how)
        talk.say(how, await producer.end(how))


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
    ended_twice,
    ended_before_it_began,
    fetch_that_waits_for_an_end,
)
