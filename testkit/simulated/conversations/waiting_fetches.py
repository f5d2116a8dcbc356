"""Fetches that wait: how long, and for what."""

import asyncio
from dataclasses import replace
from typing import Final

from testkit.simulated.conversations.batches import Batch
from testkit.simulated.conversations.fetch import filled, say_fetched
from testkit.simulated.conversations.logs import (
    Log,
    fetch_request,
    fetched_in,
)
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


CONVERSATIONS: Final[tuple[Conversation, ...]] = (
    at_the_end_until_time_is_up,
    at_the_end_until_a_record_comes,
    more_bytes_wanted_than_there_are,
    enough_bytes_at_once,
    one_wrong_partition_of_two,
    no_partition_at_all,
)
