"""Produce requests: acks, sizes, checksums, timestamps, and partitions that are not there."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final

from aiokafka.record.util import calc_crc32c as crc32c

from testkit.simulated.conversations.batches import Batch
from testkit.simulated.conversations.logs import Log, produce_request, written_in
from testkit.simulated.conversations.talk import Conversation, Talk

_HOUR_MS: Final = 3_600_000
_HEADER_BYTES: Final = 61


"""Of a batch, before its records."""


async def _log(talk: Talk, partitions: int = 1, **configs: str) -> Log:
    named = {key.replace("_", "."): value for key, value in configs.items()}
    return Log(
        await talk.peer(), await talk.topic(partitions=partitions, configs=named)
    )


def _of_size(size: int) -> Batch:
    """A batch of one record with this many bytes in all."""
    room = size - _HEADER_BYTES
    while len(Batch([b"x" * room]).encoded()) > size:
        room -= 1
    return Batch([b"x" * room])


async def acks_one_and_all(talk: Talk) -> None:
    """Both answer with the offset of the first record."""
    log = await _log(talk)
    for acks in (1, -1, 1):
        written = await log.produce(Batch([b"a", b"b"]), acks)
        talk.say(f"acks {acks}", written.error, written.offset, written.log_start)
        talk.say("time of the broker", written.append_ms)
    talk.say("in the log", await log.values())


async def acks_none(talk: Talk) -> None:
    """No answer comes; the next request on the connection has the next answer."""
    log = await _log(talk)
    await log.peer.tell(produce_request([(log.topic, 0, Batch([b"a"]))], 0))
    talk.say("acks -1", await log.append(Batch([b"b"])))
    talk.say("in the log", await log.values())


async def acks_none_to_a_wrong_partition(talk: Talk) -> None:
    """The broker can only hang up to say that something is wrong."""
    log = await _log(talk)
    await log.peer.tell(produce_request([(log.topic, 5, Batch())], 0))
    talk.say("hung up", await log.peer.hung_up())


async def acks_that_do_not_exist(talk: Talk) -> None:
    """There are 0, 1 and -1."""
    log = await _log(talk)
    talk.say("acks 2", await log.append(Batch(), acks=2))
    talk.say("acks -2", await log.append(Batch(), acks=-2))
    talk.say("ends", await log.ends())


async def unknown_topic_and_partition(talk: Talk) -> None:
    """Nothing is created on the way."""
    log = await _log(talk)
    talk.say("partition 1", await replace(log, number=1).append(Batch()))
    talk.say("partition -1", await replace(log, number=-1).append(Batch()))
    missing = replace(log, topic=talk.name("missing"))
    talk.say("topic", await missing.append(Batch()))
    talk.say("and again", await missing.append(Batch()))


async def one_wrong_partition_of_three(talk: Talk) -> None:
    """Each partition of a request has its own answer."""
    log = await _log(talk, partitions=2)
    rows = [(log.topic, 0, Batch()), (log.topic, 7, Batch()), (log.topic, 1, Batch())]
    answers = written_in(await log.peer.ask(produce_request(rows)))
    for written in sorted(answers, key=lambda row: row.number):
        talk.say(f"partition {written.number}", written.error, written.offset)


async def too_large_batch(talk: Talk) -> None:
    """max.message.bytes counts the batch with its header; the limit itself passes."""
    log = await _log(talk, max_message_bytes="1000")
    for size in (999, 1000, 1001):
        batch = _of_size(size)
        found = await log.append(batch)
        talk.say(f"{len(batch.encoded())} bytes", found)
    talk.say("ends", await log.ends())


async def too_large_until_compressed(talk: Talk) -> None:
    """The size as it was sent counts."""
    log = await _log(talk, max_message_bytes="1000")
    batch = Batch([b"x" * 5000])
    talk.say("as it is", await log.append(batch))
    talk.say("gzip", await log.append(replace(batch, codec=1)))
    talk.say("ends", await log.ends())


async def compressed_batch(talk: Talk) -> None:
    """Kept as it was sent."""
    log = await _log(talk)
    values = [b"x" * 50, b"y" * 50, b"z" * 50]
    talk.say("gzip", await log.append(Batch(values, codec=1)))
    talk.say("next", await log.append(Batch([b"n"])))
    fetched = await log.fetch()
    talk.say("size", fetched.size)
    talk.say("offsets", [offset for offset, _ in fetched.found.records])


async def timestamps_out_of_bounds(talk: Talk) -> None:
    """More than an hour ahead of the broker is refused; any past is fine."""
    log = await _log(talk)
    now_ms = talk.now_ms()
    for what, stamp in (
        ("1970", 0),
        ("now", now_ms),
        ("in half an hour", now_ms + _HOUR_MS // 2),
        ("in two hours", now_ms + 2 * _HOUR_MS),
    ):
        talk.say(what, await log.append(Batch(timestamps_ms=[stamp])))
    mixed = Batch([b"a", b"b"], timestamps_ms=[now_ms, now_ms + 2 * _HOUR_MS])
    talk.say("one record of two", await log.append(mixed))
    talk.say("none", await log.append(Batch(timestamps_ms=[-1])))
    talk.say("ends", await log.ends())


async def timestamps_bounded_by_the_topic(talk: Talk) -> None:
    """A topic may bound the past, too."""
    log = await _log(talk, message_timestamp_before_max_ms=str(_HOUR_MS))
    now_ms = talk.now_ms()
    old = Batch(timestamps_ms=[now_ms - 2 * _HOUR_MS])
    young = Batch(timestamps_ms=[now_ms - _HOUR_MS // 2])
    talk.say("two hours old", await log.append(old))
    talk.say("half an hour old", await log.append(young))
    talk.say("ends", await log.ends())


async def time_of_the_broker(talk: Talk) -> None:
    """A topic may have the broker's time instead of the sender's."""
    log = await _log(talk, message_timestamp_type="LogAppendTime")
    before_ms = talk.now_ms()
    written = await log.produce(Batch(timestamps_ms=[1_000]))
    talk.say("first", written.error, written.offset)
    talk.say("at its time", before_ms <= written.append_ms <= talk.now_ms())
    found = await log.offset(before_ms)
    talk.say("found by that time", found[0], found[2], found[1] == written.append_ms)
    later = await log.produce(
        Batch(timestamps_ms=[talk.now_ms() + 5 * _HOUR_MS], values=[b"a", b"b"])
    )
    talk.say("from the future", later.error, later.offset)


async def more_replicas_in_sync_wanted_than_there_are(talk: Talk) -> None:
    """All that there are is enough."""
    log = await _log(talk, min_insync_replicas="2")
    talk.say("acks -1", await log.append(Batch([b"a"])))
    talk.say("acks 1", await log.append(Batch([b"b"]), acks=1))
    talk.say("ends", await log.ends())


def _patched(batch: bytes, at: int, value: int) -> bytes:
    """Put a number into the header of a batch, with the right checksum."""
    changed = batch[:at] + value.to_bytes(4) + batch[at + 4 :]
    checksum: int = crc32c(changed[21:])
    return changed[:17] + checksum.to_bytes(4) + changed[21:]


async def topics_of_one_request(talk: Talk) -> None:
    """Two topics, one unknown."""
    peer = await talk.peer()
    one, other = await talk.topic("one"), await talk.topic("other")
    rows: Sequence[tuple[str, int, Any]] = [
        (one, 0, Batch([b"a"])),
        (talk.name("missing"), 0, Batch([b"b"])),
        (other, 0, Batch([b"c"])),
    ]
    answers = written_in(await peer.ask(produce_request(rows)))
    for written in sorted(answers, key=lambda row: row.topic):
        talk.say(written.topic, written.number, written.error, written.offset)


CONVERSATIONS: Final[tuple[Conversation, ...]] = (
    acks_one_and_all,
    acks_none,
    acks_none_to_a_wrong_partition,
    acks_that_do_not_exist,
    unknown_topic_and_partition,
    one_wrong_partition_of_three,
    topics_of_one_request,
    too_large_batch,
    too_large_until_compressed,
    compressed_batch,
    timestamps_out_of_bounds,
    timestamps_bounded_by_the_topic,
    time_of_the_broker,
    more_replicas_in_sync_wanted_than_there_are,
)
