"""Sequences of an idempotent producer: in order, again, with gaps, under a new epoch."""

from dataclasses import replace
from typing import Any, Final

from aiokafka.protocol.transaction import InitProducerIdRequest_v0

from testkit.simulated.conversations.batches import Batch
from testkit.simulated.conversations.logs import Log, produce_request, written_in
from testkit.simulated.conversations.talk import Conversation, Talk
from testkit.simulated.conversations.wire import Peer

_REMEMBERED: Final = 5
"""Batches of a producer that a broker remembers in each partition."""


async def _producer(talk: Talk, peer: Peer) -> Batch:
    """Ask for a producer id; returns the first batch of one record."""
    answers: list[Any] = []

    async def given() -> bool:  # a broker that has just started has none at first
        answers.append(await peer.ask(InitProducerIdRequest_v0(None, 60_000)))
        return bool(answers[-1].error_code == 0)

    await talk.until(given)
    found = answers[-1]
    return Batch(producer_id=found.producer_id, epoch=found.producer_epoch, sequence=0)


async def _setting(talk: Talk) -> tuple[Log, Batch]:
    peer = await talk.peer()
    return Log(peer, await talk.topic()), await _producer(talk, peer)


async def sequences_in_order(talk: Talk) -> None:
    """Each batch continues where the one before ended."""
    log, first = await _setting(talk)
    talk.say("two records", await log.append(replace(first, values=[b"a", b"b"])))
    talk.say("sequence 2", await log.append(replace(first.after(2), values=[b"c"])))
    talk.say("sequence 3", await log.append(replace(first.after(3), values=[b"d"])))
    talk.say("in the log", await log.values())


async def duplicate_of_the_last_batch(talk: Talk) -> None:
    """Acknowledged again with the offset it already has."""
    log, first = await _setting(talk)
    pair = replace(first, values=[b"a", b"b"])
    talk.say("first", await log.append(pair))
    talk.say("again", await log.append(pair))
    talk.say("and again", await log.append(pair))
    talk.say("ends", await log.ends())


async def _again_after(talk: Talk, others: int) -> None:
    log, first = await _setting(talk)
    for sequence in range(others + 1):
        talk.say(f"sequence {sequence}", await log.append(first.after(sequence)))
    talk.say("sequence 0 again", await log.append(first))
    talk.say("sequence 1 again", await log.append(first.after(1)))
    talk.say("next", await log.append(first.after(others + 1)))
    talk.say("ends", await log.ends())


async def duplicate_of_the_fifth_last_batch(talk: Talk) -> None:
    """The oldest batch that the broker remembers."""
    await _again_after(talk, _REMEMBERED - 1)


async def duplicate_of_the_sixth_last_batch(talk: Talk) -> None:
    """A batch that the broker has forgotten."""
    await _again_after(talk, _REMEMBERED)


async def gap_in_the_sequence(talk: Talk) -> None:
    """A batch is missing; the log stays as it is, and the missing one is welcome."""
    log, first = await _setting(talk)
    talk.say("sequence 0", await log.append(first))
    talk.say("sequence 2", await log.append(first.after(2)))
    talk.say("sequence 1", await log.append(first.after(1)))
    talk.say("sequence 2", await log.append(first.after(2)))
    talk.say("ends", await log.ends())


async def batch_that_overlaps_another(talk: Talk) -> None:
    """Half of its records are in the log already."""
    log, first = await _setting(talk)
    talk.say("0 to 3", await log.append(replace(first, values=[b"v"] * 4)))
    talk.say("2 to 5", await log.append(replace(first.after(2), values=[b"v"] * 4)))
    talk.say("0 to 1", await log.append(replace(first, values=[b"v"] * 2)))
    talk.say("0 to 5", await log.append(replace(first, values=[b"v"] * 6)))
    talk.say("4 to 5", await log.append(replace(first.after(4), values=[b"v"] * 2)))
    talk.say("ends", await log.ends())


async def new_epoch_starts_at_zero(talk: Talk) -> None:
    """After an epoch was raised, sequences begin again."""
    log, first = await _setting(talk)
    talk.say("epoch 0", await log.append(first))
    later = replace(first, epoch=first.epoch + 1)
    talk.say("epoch 1, sequence 1", await log.append(later.after(1)))
    talk.say("epoch 1, sequence 0", await log.append(later))
    talk.say("epoch 1, sequence 0 again", await log.append(later))
    talk.say("epoch 1, sequence 1", await log.append(later.after(1)))
    talk.say("ends", await log.ends())


async def stale_epoch(talk: Talk) -> None:
    """A producer of an older epoch writes nothing any more."""
    log, first = await _setting(talk)
    later = replace(first, epoch=first.epoch + 1)
    talk.say("epoch 0", await log.append(first))
    talk.say("epoch 1", await log.append(later))
    talk.say("epoch 0, next", await log.append(first.after(1)))
    talk.say("epoch 0, duplicate", await log.append(first))
    talk.say("ends", await log.ends())


async def unknown_producer_with_a_sequence_above_zero(talk: Talk) -> None:
    """A partition that never heard of a producer."""
    log, first = await _setting(talk)
    talk.say("sequence 7", await log.append(first.after(7)))
    talk.say("sequence 8", await log.append(first.after(8)))
    talk.say("sequence 0", await log.append(first))
    talk.say("ends", await log.ends())


async def producer_id_that_nobody_gave(talk: Talk) -> None:
    """Brokers do not check who gave an id."""
    log, first = await _setting(talk)
    made_up = replace(first, producer_id=first.producer_id + 900_000)
    talk.say("sequence 0", await log.append(made_up))
    talk.say("sequence 1", await log.append(made_up.after(1)))
    talk.say("ends", await log.ends())


async def sequences_of_two_partitions(talk: Talk) -> None:
    """Each partition counts for itself."""
    peer = await talk.peer()
    topic = await talk.topic(partitions=2)
    first = await _producer(talk, peer)
    left, right = Log(peer, topic, 0), Log(peer, topic, 1)
    talk.say("left 0", await left.append(first))
    talk.say("left 1", await left.append(first.after(1)))
    talk.say("right 0", await right.append(first))
    talk.say("right 2", await right.append(first.after(2)))
    talk.say("left 2", await left.append(first.after(2)))
    talk.say("ends", await left.ends(), await right.ends())


async def two_producers_in_one_partition(talk: Talk) -> None:
    """Their sequences are independent; one without an id is in nobody's way."""
    peer = await talk.peer()
    log = Log(peer, await talk.topic())
    one, other = await _producer(talk, peer), await _producer(talk, peer)
    talk.say("same id", one.producer_id == other.producer_id)
    talk.say("one 0", await log.append(one))
    talk.say("other 0", await log.append(other))
    talk.say("without id", await log.append(Batch()))
    talk.say("one 1", await log.append(one.after(1)))
    talk.say("other 2", await log.append(other.after(2)))
    talk.say("one 0 again", await log.append(one))
    talk.say("ends", await log.ends())


async def duplicate_after_its_record_was_deleted(talk: Talk) -> None:
    """What the broker knows about producers outlives their records."""
    log, first = await _setting(talk)
    talk.say("sequence 0", await log.append(first))
    talk.say("sequence 1", await log.append(first.after(1)))
    talk.say("delete", await log.delete_before(2))
    talk.say("sequence 1 again", await log.append(first.after(1)))
    talk.say("sequence 3", await log.append(first.after(3)))
    talk.say("sequence 2", await log.append(first.after(2)))
    talk.say("ends", await log.ends())


async def sequence_numbers_wrap_around(talk: Talk) -> None:
    """After the largest number comes zero."""
    log, first = await _setting(talk)
    last = 2**31 - 1
    talk.say("last but one", await log.append(first.after(last - 1)))
    pair = replace(first.after(last), values=[b"a", b"b"])
    talk.say("last and zero", await log.append(pair))
    talk.say("again", await log.append(pair))
    talk.say("one", await log.append(first.after(1)))
    talk.say("ends", await log.ends())


async def idempotent_without_acks_of_all(talk: Talk) -> None:
    """Brokers leave it to the client which acks go with an id."""
    log, first = await _setting(talk)
    talk.say("acks 1", await log.append(first, acks=1))
    talk.say("acks 1 again", await log.append(first, acks=1))
    talk.say("gap", await log.append(first.after(2), acks=1))
    talk.say("ends", await log.ends())


async def two_idempotent_batches_at_once(talk: Talk) -> None:
    """Two batches for one partition in one request."""
    log, first = await _setting(talk)
    both = first.encoded() + first.after(1).encoded()
    request = produce_request([(log.topic, 0, both)])
    (written,) = written_in(await log.peer.ask(request))
    talk.say("both", written.error, written.offset)
    talk.say("ends", await log.ends())


async def gap_in_one_of_two_partitions(talk: Talk) -> None:
    """One partition of a request fails, the other is written."""
    peer = await talk.peer()
    topic = await talk.topic(partitions=2)
    first = await _producer(talk, peer)
    for number, sequence in ((0, 0), (1, 0), (0, 1)):
        await Log(peer, topic, number).append(first.after(sequence))
    request = produce_request([(topic, 0, first.after(2)), (topic, 1, first.after(2))])
    answers = written_in(await peer.ask(request))
    for row in sorted(answers, key=lambda row: row.number):
        talk.say(f"partition {row.number}", row.error, row.offset)
    talk.say("ends", await Log(peer, topic, 0).ends(), await Log(peer, topic, 1).ends())


CONVERSATIONS: Final[tuple[Conversation, ...]] = (
    sequences_in_order,
    duplicate_of_the_last_batch,
    duplicate_of_the_fifth_last_batch,
    duplicate_of_the_sixth_last_batch,
    gap_in_the_sequence,
    batch_that_overlaps_another,
    new_epoch_starts_at_zero,
    stale_epoch,
    unknown_producer_with_a_sequence_above_zero,
    producer_id_that_nobody_gave,
    sequences_of_two_partitions,
    two_producers_in_one_partition,
    duplicate_after_its_record_was_deleted,
    sequence_numbers_wrap_around,
    idempotent_without_acks_of_all,
    two_idempotent_batches_at_once,
    gap_in_one_of_two_partitions,
)
