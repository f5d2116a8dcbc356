"""What becomes of a batch: the bytes that a consumer gets for those that were sent."""

import struct
from dataclasses import replace
from typing import Any, Final

from testkit.simulated.conversations.batches import Batch, checksum
from testkit.simulated.conversations.logs import Log, fetch_request
from testkit.simulated.conversations.producers import Producer, stable
from testkit.simulated.conversations.talk import Conversation, Talk

_HEADER: Final = struct.Struct(">qiibIhiqqqhii")
_FIELDS: Final = (
    "base offset",
    "size",
    "leader epoch",
    "version",
    "checksum",
    "attributes",
    "last offset",
    "first time",
    "latest time",
    "producer",
    "producer epoch",
    "sequence",
    "records",
)
_TIMES: Final = ("first time", "latest time")


def _header(data: bytes) -> dict[str, Any]:
    return dict(zip(_FIELDS, _HEADER.unpack_from(data), strict=True))


async def _raw(log: Log, offset: int) -> bytes:
    """Fetch the bytes of the batch at an offset."""
    request = fetch_request([(log.topic, log.number, offset, 1)])
    answer = await log.peer.ask(request)
    ((_, ((*_, data),)),) = answer.topics
    return bytes(data)


def _say_changes(talk: Talk, sent: bytes, found: bytes) -> None:
    """Say which fields of a header a broker has changed, and whether the rest is the same."""
    before, after = _header(sent), _header(found)
    for field in _FIELDS:
        if before[field] != after[field]:
            told = "changed" if field in ("checksum", *_TIMES) else after[field]
            talk.say(f"  {field}", told)
    talk.say("  records as sent", sent[_HEADER.size :] == found[_HEADER.size :])


async def batch_of_its_sender(talk: Talk) -> None:
    """The broker fills in offset and leader epoch, and changes nothing that is checked."""
    log = Log(await talk.peer(), await talk.topic())
    given = Producer(talk, log.peer, None)
    await given.begin()
    times = [1_700_000_000_000, 1_700_000_000_500]
    for what, batch in (
        ("plain", Batch([b"a", b"b"], key=b"k", timestamps_ms=times)),
        ("gzip", Batch([b"x" * 100] * 3, codec=1)),
        ("idempotent", replace(given.batch(b"i"), transactional=False)),
    ):
        sent = batch.encoded()
        _, offset = await log.append(sent)
        talk.say(what, offset)
        _say_changes(talk, sent, await _raw(log, offset))


async def batch_with_the_time_of_the_broker(talk: Talk) -> None:
    """Its latest time is the broker's, and the checksum is a new one."""
    configs = {"message.timestamp.type": "LogAppendTime"}
    log = Log(await talk.peer(), await talk.topic(configs=configs))
    sent = Batch([b"a", b"b"], timestamps_ms=[1_000, 2_000]).encoded()
    written = await log.produce(sent)
    found = await _raw(log, 0)
    _say_changes(talk, sent, found)
    talk.say("latest", _header(found)["latest time"] == written.append_ms)
    talk.say("first", _header(found)["first time"])


async def marker_of_a_transaction(talk: Talk) -> None:
    """A batch of one record, with the id and epoch of the producer."""
    log = Log(await talk.peer(), await talk.topic())
    producer = await Producer.ready(talk, "tx")
    before_ms = talk.now_ms()
    for how in ("commit", "abort"):
        await producer.add(log.topic)
        _, offset = await producer.write(log, b"a")
        await producer.end(how)
        await stable(talk, log, offset + 2)
        found = await _raw(log, offset + 1)
        header = _header(found)
        talk.say(how, header["producer"] == producer.producer_id)
        talk.say("  time of the broker", header["latest time"] >= before_ms)
        for field in (*_FIELDS[:4], *_FIELDS[5:7], *_FIELDS[10:]):
            talk.say(f"  {field}", header[field])
        talk.say("  record", found[_HEADER.size :].hex())


async def control_batch_of_a_client(talk: Talk) -> None:
    """Only brokers write markers."""
    log = Log(await talk.peer(), await talk.topic())
    control = 0x20
    talk.say("plain", await log.append(_with_attributes(Batch().encoded(), control)))
    talk.say("ends", await log.ends())


async def batch_that_begins_elsewhere(talk: Talk) -> None:
    """Clients count from zero."""
    log = Log(await talk.peer(), await talk.topic())
    batch = Batch().encoded()
    talk.say("base offset 5", await log.append((5).to_bytes(8) + batch[8:]))
    epoch = batch[:12] + (9).to_bytes(4) + batch[16:]
    talk.say("leader epoch 9", await log.append(epoch))
    talk.say("ends", await log.ends())


async def unknown_bits_of_a_batch(talk: Talk) -> None:
    """A codec that does not exist, and a version from the future."""
    log = Log(await talk.peer(), await talk.topic())
    batch = Batch().encoded()
    talk.say("codec 5", await log.append(_with_attributes(batch, 5)))
    future = batch[:16] + b"\x03" + batch[17:]
    talk.say("version 3", await log.append(future))
    talk.say("broker's time", await log.append(_with_attributes(batch, 8)))
    talk.say("ends", await log.ends())


def _with_attributes(batch: bytes, bits: int) -> bytes:
    body = bits.to_bytes(2) + batch[23:]
    return batch[:17] + checksum(body).to_bytes(4) + body


CONVERSATIONS: Final[tuple[Conversation, ...]] = (
    batch_of_its_sender,
    batch_with_the_time_of_the_broker,
    marker_of_a_transaction,
    control_batch_of_a_client,
    batch_that_begins_elsewhere,
    unknown_bits_of_a_batch,
)
