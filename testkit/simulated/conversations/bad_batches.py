"""Batches that a broker refuses for what is in them."""

from typing import Final

from testkit.simulated.conversations.batches import (
    Batch,
    checksum,
    with_wrong_checksum,
)
from testkit.simulated.conversations.logs import Log
from testkit.simulated.conversations.talk import Conversation, Talk


async def _log(talk: Talk, partitions: int = 1, **configs: str) -> Log:
    named = {key.replace("_", "."): value for key, value in configs.items()}
    return Log(
        await talk.peer(), await talk.topic(partitions=partitions, configs=named)
    )


def _patched(batch: bytes, at: int, value: int) -> bytes:
    """Put a number into the header of a batch, with the right checksum."""
    changed = batch[:at] + value.to_bytes(4) + batch[at + 4 :]
    return changed[:17] + checksum(changed[21:]).to_bytes(4) + changed[21:]


async def wrong_checksum(talk: Talk) -> None:
    """A batch whose bytes do not fit its checksum."""
    log = await _log(talk)
    batch = Batch([b"a", b"b"]).encoded()
    talk.say("checksum", await log.append(with_wrong_checksum(batch)))
    changed = batch[:-2] + bytes([batch[-2] ^ 1]) + batch[-1:]
    talk.say("a bit of a value", await log.append(changed))
    talk.say("as it was", await log.append(batch))
    talk.say("in the log", await log.values())


async def nothing_in_a_batch(talk: Talk) -> None:
    """No bytes, and half a batch."""
    log = await _log(talk)
    talk.say("no bytes", await log.append(b""))
    batch = Batch([b"a" * 100]).encoded()
    talk.say("half a batch", await log.append(batch[: len(batch) // 2]))
    talk.say("ends", await log.ends())


async def two_batches_at_once(talk: Talk) -> None:
    """Since record batches exist, a request has one batch for a partition."""
    log = await _log(talk)
    both = Batch([b"a"]).encoded() + Batch([b"b"]).encoded()
    talk.say("two batches", await log.append(both))
    talk.say("ends", await log.ends())


async def offsets_that_do_not_count_up(talk: Talk) -> None:
    """The header of a batch says how many offsets it takes."""
    log = await _log(talk)
    good = Batch([b"a", b"b"]).encoded()
    talk.say("last offset 5 of 2", await log.append(_patched(good, 23, 5)))
    talk.say("3 records of 2", await log.append(_patched(good, 57, 3)))
    talk.say("ends", await log.ends())


async def record_without_key_in_a_compacted_topic(talk: Talk) -> None:
    """Compaction needs keys."""
    log = await _log(talk, cleanup_policy="compact")
    talk.say("without key", await log.append(Batch([b"a"])))
    talk.say("with key", await log.append(Batch([b"a"], key=b"k")))
    talk.say("ends", await log.ends())


CONVERSATIONS: Final[tuple[Conversation, ...]] = (
    wrong_checksum,
    nothing_in_a_batch,
    two_batches_at_once,
    offsets_that_do_not_count_up,
    record_without_key_in_a_compacted_topic,
)
