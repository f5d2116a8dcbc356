"""Topics: create, delete, create again, more partitions, deleted records."""

from dataclasses import replace
from typing import Any, Final

from aiokafka.protocol.admin import (
    CreatePartitionsRequest_v1,
    CreateTopicsRequest_v3,
    DeleteTopicsRequest_v3,
)

from testkit.simulated.conversations.batches import Batch
from testkit.simulated.conversations.logs import EARLIEST, LATEST, Log
from testkit.simulated.conversations.talk import Conversation, Talk
from testkit.simulated.conversations.wire import Peer, error_name

_TIMEOUT_MS: Final = 30_000


async def _create(
    peer: Peer, *wanted: tuple[Any, ...], only_check: bool = False
) -> list[list[Any]]:
    """Create topics of (name, partitions, replicas, configs); returns [name, error]."""
    rows: list[Any] = [
        (name, count, copies, [], config) for name, count, copies, config in wanted
    ]
    answer = await peer.ask(CreateTopicsRequest_v3(rows, _TIMEOUT_MS, only_check))
    return sorted([name, error_name(code)] for name, code, _ in answer.topic_errors)


async def _delete(peer: Peer, *names: str) -> list[list[Any]]:
    answer = await peer.ask(DeleteTopicsRequest_v3(list(names), _TIMEOUT_MS))
    return sorted([name, error_name(code)] for name, code in answer.topic_error_codes)


async def _grow(
    peer: Peer, name: str, count: int, assignment: list[list[int]] | None = None
) -> list[list[Any]]:
    rows = [(name, (count, assignment))]
    answer = await peer.ask(CreatePartitionsRequest_v1(rows, _TIMEOUT_MS, False))
    return [[topic, error_name(code)] for topic, code, _ in answer.topic_errors]


async def create_what_exists(talk: Talk) -> None:
    """The topic that is there stays as it is."""
    topic = await talk.topic(partitions=2)
    peer = await talk.peer()
    log = Log(peer, topic)
    await log.append(Batch([b"a"]))
    fresh = talk.name("fresh")
    both = await _create(peer, (topic, 5, 1, []), (fresh, 1, 1, []))
    talk.say("create", both)
    await talk.ready(peer, fresh, 1)
    await talk.ready(peer, topic, 2)
    talk.say("ends", await log.ends())


async def create_with_wrong_numbers(talk: Talk) -> None:
    """Partitions, replicas, configurations; nothing is created."""
    peer = await talk.peer()
    for what, count, copies, config in (
        ("0 partitions", 0, 1, []),
        ("-2 partitions", -2, 1, []),
        ("0 replicas", 1, 0, []),
        ("99 replicas", 1, 99, []),
        ("unknown config", 1, 1, [("no.such.key", "1")]),
        ("value of a config", 1, 1, [("retention.ms", "soon")]),
        ("value out of range", 1, 1, [("max.message.bytes", "-1")]),
        ("value not in the list", 1, 1, [("cleanup.policy", "burn")]),
    ):
        (found,) = await _create(peer, (talk.name("log"), count, copies, config))
        talk.say(what, found[1])
    talk.say("delete", await _delete(peer, talk.name("log")))


async def create_with_the_numbers_of_the_broker(talk: Talk) -> None:
    """-1 takes what the broker is configured with."""
    peer = await talk.peer()
    talk.say("create", await _create(peer, (talk.name("log"), -1, -1, [])))
    await talk.ready(peer, talk.name("log"), 1)
    talk.say("ends", await Log(peer, talk.name("log")).ends())


async def create_with_wrong_names(talk: Talk) -> None:
    """Letters, digits, dot, dash and underscore; at most 249."""
    peer = await talk.peer()
    for name in ("", ".", "..", "a b", "refund/requests", "zahlen\u00e4", "x" * 250):
        (found,) = await _create(peer, (name, 1, 1, []))
        talk.say(ascii(name[:20]), found[1])


async def create_twice_in_one_request(talk: Talk) -> None:
    """The same name twice is a mistake."""
    peer = await talk.peer()
    wanted: tuple[Any, ...] = (talk.name("log"), 1, 1, [])
    talk.say("create", await _create(peer, wanted, wanted))


async def create_only_to_check(talk: Talk) -> None:
    """Nothing is there afterwards."""
    peer = await talk.peer()
    topic = await talk.topic("there")
    wanted: tuple[Any, ...] = (talk.name("log"), 1, 1, [])
    talk.say("check", await _create(peer, wanted, only_check=True))
    talk.say("check again", await _create(peer, wanted, only_check=True))
    there: tuple[Any, ...] = (topic, 1, 1, [])
    talk.say("check one that exists", await _create(peer, there, only_check=True))
    talk.say("delete", await _delete(peer, talk.name("log")))


async def delete_and_ask_for_it(talk: Talk) -> None:
    """Nothing of it is left, whoever asks."""
    topic = await talk.topic()
    peer = await talk.peer()
    log = Log(peer, topic)
    await log.append(Batch([b"a"]))
    talk.say("delete", await _delete(peer, topic, talk.name("missing")))
    await talk.gone(peer, topic)
    talk.say("produce", await log.append(Batch([b"b"])))
    talk.say("fetch", (await log.fetch()).error)
    talk.say("offsets", await log.offset(EARLIEST))
    talk.say("delete again", await _delete(peer, topic))


async def delete_twice_in_one_request(talk: Talk) -> None:
    """The same name twice is answered once."""
    topic = await talk.topic()
    peer = await talk.peer()
    talk.say("delete", await _delete(peer, topic, topic))


async def delete_and_create_again(talk: Talk) -> None:
    """An empty log under the old name; offsets begin at zero."""
    topic = await talk.topic(partitions=2)
    peer = await talk.peer()
    log = Log(peer, topic)
    for value in (b"a", b"b", b"c"):
        await log.append(Batch([value]))
    talk.say("before", await log.ends())
    talk.say("delete", await _delete(peer, topic))
    await talk.gone(peer, topic)
    await talk.topic(partitions=1)
    talk.say("afterwards", await log.ends())
    talk.say("fetch at 2", (await log.fetch(2)).error)
    talk.say("partition 1", (await replace(log, number=1).offset(LATEST))[0])
    talk.say("append", await log.append(Batch([b"new"])))
    talk.say("in the log", await log.values())


async def more_partitions(talk: Talk) -> None:
    """Only more; the new ones are empty."""
    topic = await talk.topic(partitions=2)
    peer = await talk.peer()
    log = Log(peer, topic)
    await log.append(Batch([b"a"]))
    for count in (1, 2, 0, -1):
        talk.say(f"{count} partitions", await _grow(peer, topic, count))
    talk.say("missing topic", await _grow(peer, talk.name("missing"), 3))
    talk.say("4 partitions", await _grow(peer, topic, 4))
    await talk.ready(peer, topic, 4)
    talk.say("old one", await log.ends())
    talk.say("new one", await replace(log, number=3).ends())
    talk.say("append", await replace(log, number=3).append(Batch([b"n"])))


async def records_deleted(talk: Talk) -> None:
    """Up to an offset, up to the end, too far."""
    topic = await talk.topic()
    peer = await talk.peer()
    log = Log(peer, topic)
    for _ in range(3):
        await log.append(Batch([b"a", b"b"]))
    for offset in (0, 3, 1, 7, -2, 6, -1):
        talk.say(f"below {offset}", await log.delete_before(offset))
        talk.say("  ends", await log.ends())
    talk.say("append", await log.append(Batch([b"c"])))
    talk.say("in the log", await log.values(6))


async def records_deleted_of_what_does_not_exist(talk: Talk) -> None:
    """A partition and a topic."""
    log = Log(await talk.peer(), await talk.topic())
    talk.say("partition", await replace(log, number=4).delete_before(0))
    missing = replace(log, topic=talk.name("missing"))
    talk.say("topic", await missing.delete_before(0))


async def records_deleted_of_a_compacted_topic(talk: Talk) -> None:
    """Compaction alone keeps the last record of each key; deleting is refused."""
    peer = await talk.peer()
    compacted = {"cleanup.policy": "compact"}
    log = Log(peer, await talk.topic("compacted", configs=compacted))
    await log.append(Batch([b"a"], key=b"k"))
    talk.say("compact", await log.delete_before(1))
    both = {"cleanup.policy": "compact,delete"}
    log = Log(peer, await talk.topic("both", configs=both))
    await log.append(Batch([b"a"], key=b"k"))
    talk.say("compact,delete", await log.delete_before(1))


CONVERSATIONS: Final[tuple[Conversation, ...]] = (
    create_what_exists,
    create_with_wrong_numbers,
    create_with_the_numbers_of_the_broker,
    create_with_wrong_names,
    create_twice_in_one_request,
    create_only_to_check,
    delete_and_ask_for_it,
    delete_twice_in_one_request,
    delete_and_create_again,
    more_partitions,
    records_deleted,
    records_deleted_of_what_does_not_exist,
    records_deleted_of_a_compacted_topic,
)
