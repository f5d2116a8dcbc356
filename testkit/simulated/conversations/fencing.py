"""Who may still end a transaction: new starts, stale epochs, time-outs."""

from dataclasses import replace
from typing import Final

from testkit.simulated.conversations.logs import (
    Log,
)
from testkit.simulated.conversations.producers import Producer, say_both, stable
from testkit.simulated.conversations.talk import Conversation, Talk
from testkit.simulated.conversations.wire import error_name


async def _log(talk: Talk, partitions: int = 1) -> Log:
    return Log(await talk.peer(), await talk.topic(partitions=partitions))


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
    await stable(talk, log, 2)
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
    await stable(talk, log, 2)
    await say_both(talk, log, "afterwards")
    talk.say("old: write", await old.write(log, b"b"))
    talk.say("old: commit", await old.end("commit"))
    talk.say("new: add", await new.add(log.topic))
    talk.say("new: write", await new.write(log, b"c"))
    talk.say("new: commit", await new.end("commit"))
    await stable(talk, log, 4)
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
    await stable(talk, log, 2)
    await say_both(talk, log, "afterwards")
    talk.say("write", await producer.write(log, b"b"))
    talk.say("commit", await producer.end("commit"))
    talk.say("add", await producer.add(log.topic))
    epoch = producer.epoch
    talk.say("start again", await producer.begin())
    talk.say("epochs later", producer.epoch - epoch)
    talk.say("add", await producer.add(log.topic))
    talk.say("write", await producer.write(log, b"c"))
    talk.say("commit", await producer.end("commit"))


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
    await stable(talk, log, 2)
    await producer.over("commit")
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


CONVERSATIONS: Final[tuple[Conversation, ...]] = (
    fenced_by_a_new_start,
    new_start_with_an_open_transaction,
    id_that_the_coordinator_does_not_know,
    partitions_that_cannot_be_added,
    time_is_up,
    partition_that_was_not_added,
    written_after_the_end,
    plain_batch_in_a_transaction,
    wrong_end_for_a_transactional_batch,
)
