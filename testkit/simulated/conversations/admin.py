"""Configurations of topics, and what versions of requests a broker takes."""

from collections.abc import Mapping
from typing import Any, Final

from aiokafka.protocol.admin import (
    AlterConfigsRequest_v1,
    ApiVersionRequest_v0,
    ApiVersionRequest_v2,
    DescribeConfigsRequest_v1,
)

from testkit.simulated.conversations.batches import Batch
from testkit.simulated.conversations.logs import Log
from testkit.simulated.conversations.talk import Conversation, Talk
from testkit.simulated.conversations.wire import Peer, error_name

TOPIC: Final = 2

_READ_BY_US: Final = (
    "cleanup.policy",
    "retention.ms",
    "retention.bytes",
    "max.message.bytes",
    "delete.retention.ms",
    "message.timestamp.type",
    "compression.type",
    "min.compaction.lag.ms",
    "max.compaction.lag.ms",
    "message.timestamp.after.max.ms",
    "message.timestamp.before.max.ms",
)
"""Configurations that matter to the product."""

_SOURCES: Final = {1: "topic", 4: "broker", 5: "default"}


async def _configs(peer: Peer, topic: str, *keys: str) -> list[Any]:
    """Return the error, then [key, value, source] of each configuration."""
    asked = [(TOPIC, topic, list(keys))]
    answer = await peer.ask(DescribeConfigsRequest_v1(asked, False))
    ((code, _, _, _, entries),) = answer.resources
    rows = [[key, value, _SOURCES.get(at, at)] for key, value, _, at, *_ in entries]
    return [error_name(code), *sorted(rows)]


async def _alter(
    peer: Peer, topic: str, values: Mapping[str, str | None], *, check: bool = False
) -> str:
    """Replace all configurations of a topic; returns the error."""
    asked = [(TOPIC, topic, list(values.items()))]
    answer = await peer.ask(AlterConfigsRequest_v1(asked, check))
    ((code, *_),) = answer.resources
    return error_name(code)


async def _settled(talk: Talk, peer: Peer, topic: str, key: str, value: str) -> None:
    async def there() -> bool:
        return any(row[1] == value for row in (await _configs(peer, topic, key))[1:])

    await talk.until(there)


async def configs_of_a_topic(talk: Talk) -> None:
    """What the topic was created with, and what the broker has by default."""
    given = {"max.message.bytes": "5000", "cleanup.policy": "compact"}
    topic = await talk.topic(configs=given)
    peer = await talk.peer()
    for key in ("max.message.bytes", "cleanup.policy", "retention.bytes"):
        talk.say(key, await _configs(peer, topic, key))
    talk.say("two", await _configs(peer, topic, "max.message.bytes", "retention.ms"))
    talk.say("unknown key", await _configs(peer, topic, "no.such.key"))
    plain = await talk.topic("plain")
    for key in (
        "max.message.bytes",
        "cleanup.policy",
        "retention.bytes",
        "message.timestamp.type",
        "delete.retention.ms",
        "compression.type",
    ):
        talk.say(f"plain {key}", await _configs(peer, plain, key))


async def all_configs_of_a_topic(talk: Talk) -> None:
    """Asked for none in particular, the broker tells all."""
    topic = await talk.topic(configs={"max.message.bytes": "5000"})
    peer = await talk.peer()
    answer = await peer.ask(DescribeConfigsRequest_v1([(TOPIC, topic, None)], False))
    ((code, _, _, name, entries),) = answer.resources
    found = {key: (value, _SOURCES.get(at, at)) for key, value, _, at, *_ in entries}
    talk.say("error", error_name(code), name == topic)
    for key in _READ_BY_US:
        talk.say(key, *found.get(key, ("missing",)))


async def configs_of_two_topics(talk: Talk) -> None:
    """Each topic of a request has its own answer."""
    topic = await talk.topic()
    peer = await talk.peer()
    key = ["cleanup.policy"]
    asked = [(TOPIC, topic, key), (TOPIC, talk.name("missing"), key)]
    answer = await peer.ask(DescribeConfigsRequest_v1(asked, False))
    for code, _, kind, name, entries in sorted(answer.resources, key=str):
        talk.say("topic", name, error_name(code), kind, len(entries))


async def configs_of_what_does_not_exist(talk: Talk) -> None:
    """An unknown topic, and a name that none can have."""
    peer = await talk.peer()
    for name in (talk.name("missing"), "not a name", ""):
        talk.say(repr(name), await _configs(peer, name, "max.message.bytes"))


async def configs_changed(talk: Talk) -> None:
    """What is altered replaces all that was given; the log obeys."""
    topic = await talk.topic(configs={"max.message.bytes": "500"})
    peer = await talk.peer()
    log = Log(peer, topic)
    large = Batch([b"x" * 1000])
    talk.say("too large", await log.append(large))
    values = {"max.message.bytes": "5000", "segment.ms": str(2**62)}
    talk.say("alter", await _alter(peer, topic, values))
    await _settled(talk, peer, topic, "max.message.bytes", "5000")

    async def taken() -> bool:
        return bool((await log.append(large))[0] == "none")

    await talk.until(taken)
    talk.say("ends", await log.ends())
    values = {"retention.ms": "-1"}
    talk.say("alter", await _alter(peer, topic, values))
    await _settled(talk, peer, topic, "retention.ms", "-1")
    for key in ("max.message.bytes", "segment.ms", "retention.ms"):
        talk.say(key, await _configs(peer, topic, key))


async def configs_that_cannot_be(talk: Talk) -> None:
    """Unknown keys, wrong values, unknown topics; nothing changes."""
    topic = await talk.topic(configs={"max.message.bytes": "500"})
    peer = await talk.peer()
    key = "max.message.bytes"
    talk.say("unknown key", await _alter(peer, topic, {"no.such.key": "1"}))
    talk.say("no number", await _alter(peer, topic, {key: "many"}))
    talk.say("negative", await _alter(peer, topic, {key: "-1"}))
    talk.say("missing topic", await _alter(peer, talk.name("missing"), {key: "9"}))
    talk.say("only checked", await _alter(peer, topic, {key: "9"}, check=True))
    talk.say("as it was", await _configs(peer, topic, key))


async def versions_of_requests(talk: Talk) -> None:
    """Each request once; what the numbers are is compared elsewhere."""
    peer = await talk.peer()
    for request in (ApiVersionRequest_v0(), ApiVersionRequest_v2()):
        answer = await peer.ask(request)
        keys = [row[0] for row in answer.api_versions]
        talk.say("answer", error_name(answer.error_code))
        talk.say("each request once", len(keys) == len(set(keys)))


CONVERSATIONS: Final[tuple[Conversation, ...]] = (
    configs_of_a_topic,
    all_configs_of_a_topic,
    configs_of_two_topics,
    configs_of_what_does_not_exist,
    configs_changed,
    configs_that_cannot_be,
    versions_of_requests,
)
