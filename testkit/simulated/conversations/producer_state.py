"""What a log knows of a producer, over ends of transactions, new epochs and new topics."""

from dataclasses import replace
from typing import Final

from aiokafka.protocol.admin import DeleteTopicsRequest_v3

from testkit.simulated.conversations.batches import Batch
from testkit.simulated.conversations.logs import Log
from testkit.simulated.conversations.producers import Producer, stable
from testkit.simulated.conversations.talk import Conversation, Talk


async def _setting(talk: Talk, **configs: str) -> tuple[Log, Producer]:
    named = {key.replace("_", "."): value for key, value in configs.items()}
    log = Log(await talk.peer(), await talk.topic(configs=named))
    return log, await Producer.ready(talk, "tx")


async def _again(log: Log, producer: Producer, sequence: int, *values: bytes) -> object:
    """Write with a certain sequence, whatever was written before."""
    producer.sequences = sequence
    return await producer.write(log, *values)


async def sequences_go_on_after_an_end(talk: Talk) -> None:
    """The next transaction of an epoch continues where the last one ended."""
    log, producer = await _setting(talk)
    end = 0
    for how in ("commit", "abort", "commit"):
        await producer.add(log.topic)
        if end:
            talk.say("from zero", await _again(log, producer, 0, b"z"))
            talk.say("a gap", await _again(log, producer, end + 3, b"g"))
        talk.say("next", await _again(log, producer, end, b"n", b"n"))
        end = producer.sequences
        marked = (await log.ends())[1] + 1
        talk.say(how, await producer.end(how))
        await stable(talk, log, marked)
    talk.say("offsets", [offset for offset, _ in await log.values()])


async def duplicate_after_its_transaction(talk: Talk) -> None:
    """The batch is in the log already; no transaction is open that could take it."""
    log, producer = await _setting(talk)
    await producer.add(log.topic)
    talk.say("write", await producer.write(log, b"a"))
    talk.say("commit", await producer.end("commit"))
    await stable(talk, log, 2)
    await producer.over("commit")
    talk.say("again", await _again(log, producer, 0, b"a"))
    await producer.add(log.topic)
    talk.say("again, in the next one", await _again(log, producer, 0, b"a"))
    talk.say("next", await _again(log, producer, 1, b"b"))
    talk.say("ends", await log.ends())


async def first_batch_after_a_marker_alone(talk: Talk) -> None:
    """The log knows the producer by a marker only: it begins at zero."""
    log, producer = await _setting(talk)
    await producer.add(log.topic)
    talk.say("commit", await producer.end("commit"))
    await stable(talk, log, 1)
    await producer.add(log.topic)
    talk.say("sequence 4", await _again(log, producer, 4, b"a"))
    talk.say("sequence 0", await _again(log, producer, 0, b"b"))
    talk.say("sequence 5", await _again(log, producer, 5, b"c"))
    talk.say("ends", await log.ends())


async def first_batch_of_a_new_start(talk: Talk) -> None:
    """A new epoch begins at zero, whether the old transaction was ended or not."""
    log, old = await _setting(talk)
    await old.add(log.topic)
    talk.say("old", await old.write(log, b"a", b"b"))
    new = await Producer.ready(talk, "tx")
    await stable(talk, log, 3)
    await new.add(log.topic)
    talk.say("sequence 2", await _again(log, new, 2, b"c"))
    talk.say("sequence 0", await _again(log, new, 0, b"c"))
    talk.say("sequence 1", await _again(log, new, 1, b"d"))
    talk.say("commit", await new.end("commit"))
    await stable(talk, log, 6)
    third = await Producer.ready(talk, "tx")
    await third.add(log.topic)
    talk.say("third, sequence 2", await _again(log, third, 2, b"e"))
    talk.say("third, sequence 0", await _again(log, third, 0, b"e"))
    talk.say("in the log", await log.values())


async def duplicate_with_other_records(talk: Talk) -> None:
    """Only producer, epoch and sequence tell a duplicate."""
    log = Log(await talk.peer(), await talk.topic())
    given = Producer(talk, log.peer, None)
    await given.begin()
    batch = replace(given.batch(b"first", b"second"), transactional=False)
    talk.say("first", await log.append(batch))
    talk.say("others", await log.append(replace(batch, values=[b"third", b"fourth"])))
    talk.say("one of them", await log.append(replace(batch, values=[b"first"])))
    talk.say("in the log", await log.values())


async def sequence_of_a_batch_that_was_refused(talk: Talk) -> None:
    """A batch that is too large takes no sequence."""
    configs = {"max.message.bytes": "500"}
    log = Log(await talk.peer(), await talk.topic(configs=configs))
    given = Producer(talk, log.peer, None)
    await given.begin()
    batch = replace(given.batch(b"a"), transactional=False)
    talk.say("small", await log.append(batch))
    large = replace(batch, values=[b"x" * 1000], sequence=1)
    talk.say("large", await log.append(large))
    talk.say("next", await log.append(batch.after(2)))
    talk.say("in its place", await log.append(batch.after(1)))
    old = replace(batch.after(2), timestamps_ms=[talk.now_ms() + 10**8])
    talk.say("of tomorrow", await log.append(old))
    talk.say("in its place", await log.append(batch.after(2)))


async def producer_in_a_topic_created_again(talk: Talk) -> None:
    """The new log has never heard of the producer."""
    topic = await talk.topic()
    log = Log(await talk.peer(), topic)
    given = Producer(talk, log.peer, None)
    await given.begin()
    batch = replace(given.batch(b"a"), transactional=False)
    for sequence in (0, 1):
        talk.say(f"sequence {sequence}", await log.append(batch.after(sequence)))
    await log.peer.ask(DeleteTopicsRequest_v3([topic], 30_000))
    await talk.gone(log.peer, topic)
    await talk.topic()
    for sequence in (2, 0, 3):
        talk.say(f"sequence {sequence}", await log.append(batch.after(sequence)))


async def records_deleted_in_an_open_transaction(talk: Talk) -> None:
    """The start of the log passes the first record of the transaction."""
    log, producer = await _setting(talk)
    await log.append(Batch([b"p"]))
    await producer.add(log.topic)
    talk.say("write", await producer.write(log, b"a", b"b"))
    await log.append(Batch([b"q"]))
    talk.say("before", (await log.fetch()).ends)
    talk.say("delete", await log.delete_before(3))
    talk.say("afterwards", (await log.fetch(3)).ends)
    talk.say("abort", await producer.end("abort"))
    await stable(talk, log, 5)
    fetched = await log.fetch(3, isolation=1)
    talk.say("over", fetched.ends, fetched.found.records)
    talk.say("aborted from", [first for _, first in fetched.aborted or ()])


async def topic_deleted_in_an_open_transaction(talk: Talk) -> None:
    """The transaction ends all the same."""
    log, producer = await _setting(talk)
    await producer.add(log.topic)
    talk.say("write", await producer.write(log, b"a"))
    await log.peer.ask(DeleteTopicsRequest_v3([log.topic], 30_000))
    await talk.gone(log.peer, log.topic)
    talk.say("commit", await producer.end("commit"))
    other = replace(log, topic=await talk.topic("other"))
    producer.sequences = 0
    talk.say("add", await producer.add(other.topic))
    talk.say("write", await producer.write(other, b"b"))
    talk.say("commit", await producer.end("commit"))
    await stable(talk, other, 2)
    talk.say("in the log", await other.values())


CONVERSATIONS: Final[tuple[Conversation, ...]] = (
    sequences_go_on_after_an_end,
    duplicate_after_its_transaction,
    first_batch_after_a_marker_alone,
    first_batch_of_a_new_start,
    duplicate_with_other_records,
    sequence_of_a_batch_that_was_refused,
    producer_in_a_topic_created_again,
    records_deleted_in_an_open_transaction,
    topic_deleted_in_an_open_transaction,
)
