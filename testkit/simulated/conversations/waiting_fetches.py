"""Fetches that wait: how long, and for what."""

import asyncio
from dataclasses import replace
from typing import Final

from aiokafka.protocol.admin import DeleteTopicsRequest_v3

from testkit.simulated.conversations.batches import Batch
from testkit.simulated.conversations.fetch import filled, say_fetched
from testkit.simulated.conversations.logs import (
    READ_COMMITTED,
    Log,
    fetch_request,
    fetched_in,
)
from testkit.simulated.conversations.producers import Producer
from testkit.simulated.conversations.talk import Conversation, Talk

_WAIT_MS: Final = 300
_LONG_MS: Final = 20_000


async def _timed(talk: Talk, log: Log, offset: int, **limits: int) -> None:
    loop = asyncio.get_running_loop()
    started = loop.time()
    fetched = await log.fetch(offset, **limits)
    took_ms = round((loop.time() - started) * 1000)
    talk.say(f"fetch at {offset}", fetched.error, len(fetched.found.records))
    talk.say("  waited to the end", took_ms >= limits["wait_ms"])


async def at_the_end_until_time_is_up(talk: Talk) -> None:
    """Nothing comes, so the broker takes all the time it was given."""
    log = await filled(talk, batches=1)
    await _timed(talk, log, 2, wait_ms=_WAIT_MS, min_bytes=1)


async def at_the_end_until_a_record_comes(talk: Talk) -> None:
    """A waiting fetch is answered by the next record."""
    log = await filled(talk, batches=1)
    waiting = asyncio.create_task(log.fetch(2, wait_ms=_LONG_MS, min_bytes=1))
    await asyncio.sleep(_WAIT_MS / 1000)
    talk.say("answered too early", waiting.done())
    writing = replace(log, peer=await talk.peer())
    await writing.append(Batch([b"new"]))
    say_fetched(talk, "then", await waiting)


async def more_bytes_wanted_than_there_are(talk: Talk) -> None:
    """With fewer bytes than wanted the broker waits, then it sends what there is."""
    log = await filled(talk, batches=1)
    await _timed(talk, log, 0, wait_ms=_WAIT_MS, min_bytes=10_000)


async def enough_bytes_at_once(talk: Talk) -> None:
    """With enough bytes it does not wait."""
    log = await filled(talk, batches=1)
    await _timed(talk, log, 0, wait_ms=_LONG_MS, min_bytes=10)


async def one_wrong_partition_of_two(talk: Talk) -> None:
    """The broker waits for the other one as if it were alone."""
    log = await filled(talk, batches=1)
    wanted = [(log.topic, 4, 0, 2**20), (log.topic, 0, 2, 2**20)]
    request = fetch_request(wanted, wait_ms=_WAIT_MS, min_bytes=1)
    started = asyncio.get_running_loop().time()
    answer = fetched_in(await log.peer.ask(request))
    took_s = asyncio.get_running_loop().time() - started
    talk.say("waited to the end", took_s >= _WAIT_MS / 1000)
    for row in sorted(answer, key=lambda row: row.number):
        say_fetched(talk, f"partition {row.number}", row)


async def no_partition_at_all(talk: Talk) -> None:
    """A fetch of nothing has nothing to wait for."""
    log = await filled(talk)
    loop = asyncio.get_running_loop()
    started = loop.time()
    answer = await log.peer.ask(fetch_request([], wait_ms=_WAIT_MS, min_bytes=1))
    talk.say("topics", answer.topics)
    talk.say("waited", loop.time() - started >= _WAIT_MS / 1000)


async def small_batches_add_up(talk: Talk) -> None:
    """The broker waits until there are as many bytes as were asked for."""
    log = await filled(talk, batches=1)
    size = (await log.fetch()).size
    reading = replace(log, peer=await talk.peer())
    waiting = asyncio.create_task(
        reading.fetch(2, wait_ms=_LONG_MS, min_bytes=2 * size)
    )
    for number in (1, 2):
        await asyncio.sleep(_WAIT_MS / 1000)
        talk.say("answered too early", waiting.done())
        pair = [f"{number}a".encode(), f"{number}b".encode()]
        talk.say("append", await log.append(Batch(pair)))
    say_fetched(talk, "then", await waiting)


async def either_of_two_partitions(talk: Talk) -> None:
    """Whichever gets a record ends the wait; bytes of both count."""
    log = await filled(talk, partitions=2)
    wanted = [(log.topic, 0, 0, 2**20), (log.topic, 1, 0, 2**20)]
    reading = await talk.peer()
    request = fetch_request(wanted, wait_ms=_LONG_MS, min_bytes=1)
    waiting = asyncio.create_task(reading.ask(request))
    await asyncio.sleep(_WAIT_MS / 1000)
    await replace(log, number=1).append(Batch([b"r"]))
    for row in fetched_in(await waiting):
        talk.say(f"partition {row.number}", row.found.records)
    both = fetch_request(wanted, wait_ms=_LONG_MS, min_bytes=120)
    waiting = asyncio.create_task(reading.ask(both))
    await asyncio.sleep(_WAIT_MS / 1000)
    talk.say("answered too early", waiting.done())
    await log.append(Batch([b"l"]))
    for row in fetched_in(await waiting):
        talk.say(f"partition {row.number}", row.found.records)


async def topic_deleted_meanwhile(talk: Talk) -> None:
    """A fetch that waits for records hears that there will be none."""
    log = await filled(talk, batches=1)
    waiting = asyncio.create_task(log.fetch(2, wait_ms=_LONG_MS, min_bytes=1))
    await asyncio.sleep(_WAIT_MS / 1000)
    peer = await talk.peer()
    await peer.ask(DeleteTopicsRequest_v3([log.topic], 30_000))
    fetched = await waiting
    talk.say("then", fetched.error, fetched.ends)


async def reader_of_committed_records_behind_an_open_transaction(talk: Talk) -> None:
    """Plain records behind an open transaction wait with it; so does their reader."""
    log = await filled(talk, batches=1)
    producer = await Producer.ready(talk, "tx")
    await producer.add(log.topic)
    await producer.write(log, b"t")
    await log.append(Batch([b"p"]))
    for offset in (2, 3, 4):
        fetched = await log.fetch(offset, isolation=READ_COMMITTED)
        say_fetched(talk, f"fetch at {offset}", fetched)
    say_fetched(talk, "beyond", await log.fetch(9, isolation=READ_COMMITTED))
    reading = replace(log, peer=await talk.peer())
    waiting = asyncio.create_task(
        reading.fetch(3, isolation=READ_COMMITTED, wait_ms=_LONG_MS, min_bytes=1)
    )
    await asyncio.sleep(_WAIT_MS / 1000)
    talk.say("append", await log.append(Batch([b"q"])))
    await asyncio.sleep(_WAIT_MS / 1000)
    talk.say("answered too early", waiting.done())
    talk.say("abort", await producer.end("abort"))
    fetched = await waiting
    talk.say("then", fetched.found.records, fetched.ends)
    talk.say("aborted from", [first for _, first in fetched.aborted or ()])


async def bytes_that_are_not_committed(talk: Talk) -> None:
    """They do not count for a reader of committed records."""
    log = await filled(talk)
    producer = await Producer.ready(talk, "tx")
    await producer.add(log.topic)
    await producer.write(log, b"t" * 100)
    loop = asyncio.get_running_loop()
    started = loop.time()
    fetched = await log.fetch(isolation=READ_COMMITTED, wait_ms=_WAIT_MS, min_bytes=100)
    talk.say("records", fetched.found.records)
    talk.say("waited to the end", loop.time() - started >= _WAIT_MS / 1000)


CONVERSATIONS: Final[tuple[Conversation, ...]] = (
    at_the_end_until_time_is_up,
    at_the_end_until_a_record_comes,
    more_bytes_wanted_than_there_are,
    enough_bytes_at_once,
    one_wrong_partition_of_two,
    no_partition_at_all,
    small_batches_add_up,
    either_of_two_partitions,
    topic_deleted_meanwhile,
    reader_of_committed_records_behind_an_open_transaction,
    bytes_that_are_not_committed,
)
