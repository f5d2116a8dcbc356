"""Fetch requests: ends of the log, limits of size and time, batches, transactions apart."""

import asyncio
from dataclasses import replace
from typing import Final

from testkit.simulated.conversations.batches import Batch
from testkit.simulated.conversations.logs import (
    Fetched,
    Log,
    fetch_request,
    fetched_in,
)
from testkit.simulated.conversations.talk import Conversation, Talk

_WAIT_MS: Final = 300
_LONG_MS: Final = 20_000


async def filled(talk: Talk, batches: int = 0, partitions: int = 1) -> Log:
    """A log with some batches of two records, all of the same size."""
    log = Log(await talk.peer(), await talk.topic(partitions=partitions))
    for number in range(batches):
        pair = [f"{number}a".encode(), f"{number}b".encode()]
        await log.append(Batch(pair))
    return log


def say_fetched(talk: Talk, what: str, fetched: Fetched) -> None:
    """Say all that a fetch answered for one partition."""
    talk.say(what, fetched.error, fetched.ends, fetched.aborted)
    if fetched.size:
        found = fetched.found
        talk.say("  records", found.records)
        talk.say("  batches, bytes", found.batches, fetched.size, found.cut_bytes)


async def _timed(talk: Talk, log: Log, offset: int, **limits: int) -> None:
    loop = asyncio.get_running_loop()
    started = loop.time()
    fetched = await log.fetch(offset, **limits)
    took_ms = round((loop.time() - started) * 1000)
    talk.say(f"fetch at {offset}", fetched.error, len(fetched.found.records))
    talk.say("  waited to the end", took_ms >= limits["wait_ms"])


async def from_the_start(talk: Talk) -> None:
    """All that is there, with the ends of the log."""
    log = await filled(talk, batches=2)
    say_fetched(talk, "fetch at 0", await log.fetch())


async def in_an_empty_log(talk: Talk) -> None:
    """Nothing, and no error."""
    log = await filled(talk)
    say_fetched(talk, "fetch at 0", await log.fetch())
    say_fetched(talk, "fetch at 1", await log.fetch(1))


async def out_of_range(talk: Talk) -> None:
    """Beyond the end, and below zero; an error does not wait for bytes."""
    log = await filled(talk, batches=1)
    say_fetched(talk, "fetch at the end", await log.fetch(2))
    say_fetched(talk, "fetch beyond the end", await log.fetch(3))
    say_fetched(talk, "fetch at -1", await log.fetch(-1))
    await _timed(talk, log, 9, wait_ms=_LONG_MS, min_bytes=1)


async def below_the_start(talk: Talk) -> None:
    """Records were deleted; those of a batch that is left in part are still sent."""
    log = await filled(talk, batches=3)
    talk.say("delete", await log.delete_before(3))
    say_fetched(talk, "fetch at 0", await log.fetch(0))
    say_fetched(talk, "fetch at 2", await log.fetch(2))
    say_fetched(talk, "fetch at 3", await log.fetch(3))
    talk.say("delete all", await log.delete_before(-1))
    say_fetched(talk, "fetch at 5", await log.fetch(5))
    say_fetched(talk, "fetch at 6", await log.fetch(6))


async def from_the_middle_of_a_batch(talk: Talk) -> None:
    """The broker sends the whole batch; the client drops what it did not ask for."""
    log = await filled(talk, batches=2)
    say_fetched(talk, "fetch at 1", await log.fetch(1))
    say_fetched(talk, "fetch at 3", await log.fetch(3))


async def limit_that_cuts_a_batch(talk: Talk) -> None:
    """A limit cuts the last batch, wherever it falls."""
    log = await filled(talk, batches=3)
    size = (await log.fetch()).size // 3
    for most in (2 * size, 2 * size - 1, 2 * size + 5, 2 * size + 20, 3 * size):
        say_fetched(talk, f"at most {most}", await log.fetch(max_bytes=most))


async def first_batch_larger_than_the_limit(talk: Talk) -> None:
    """It comes whole, so that a consumer gets on."""
    log = await filled(talk, batches=2)
    say_fetched(talk, "at most 10", await log.fetch(max_bytes=10))
    say_fetched(talk, "at most 10, at 2", await log.fetch(2, max_bytes=10))
    say_fetched(talk, "at most 0", await log.fetch(max_bytes=0))


async def limited_over_all_partitions(talk: Talk) -> None:
    """What the first partition takes is not there for the second."""
    log = await filled(talk, batches=1, partitions=2)
    await replace(log, number=1).append(Batch([b"r"]))
    wanted = [(log.topic, 0, 0, 2**20), (log.topic, 1, 0, 2**20)]
    for most in (2**20, 10):
        for order in (wanted, wanted[::-1]):
            request = fetch_request(order, max_bytes=most)
            answer = fetched_in(await log.peer.ask(request))
            rows = [[row.number, len(row.found.records), row.size] for row in answer]
            talk.say(f"at most {most}", rows)


async def first_partition_empty(talk: Talk) -> None:
    """The first one with records is the one that may exceed the limit."""
    log = await filled(talk, partitions=2)
    await replace(log, number=1).append(Batch([b"r"]))
    wanted = [(log.topic, 0, 0, 10), (log.topic, 1, 0, 10)]
    answer = fetched_in(await log.peer.ask(fetch_request(wanted, max_bytes=10)))
    talk.say("records", [[row.number, row.found.records] for row in answer])


async def what_does_not_exist(talk: Talk) -> None:
    """A partition and a topic; neither waits for bytes."""
    log = await filled(talk, batches=1)
    say_fetched(talk, "partition 3", await replace(log, number=3).fetch())
    missing = replace(log, topic=talk.name("missing"))
    say_fetched(talk, "topic", await missing.fetch())
    await _timed(talk, missing, 0, wait_ms=_LONG_MS, min_bytes=1)


async def session_of_a_fetch(talk: Talk) -> None:
    """A client that keeps none is given none."""
    log = await filled(talk, batches=1)
    answer = await log.peer.ask(fetch_request([(log.topic, 0, 0, 2**20)]))
    talk.say("answer", answer.error_code, answer.session_id, answer.throttle_time_ms)
    ((_, ((*_, replica, _),)),) = answer.topics
    talk.say("other replica to read from", replica)


CONVERSATIONS: Final[tuple[Conversation, ...]] = (
    from_the_start,
    in_an_empty_log,
    out_of_range,
    below_the_start,
    from_the_middle_of_a_batch,
    limit_that_cuts_a_batch,
    first_batch_larger_than_the_limit,
    limited_over_all_partitions,
    first_partition_empty,
    what_does_not_exist,
    session_of_a_fetch,
)
