"""Metadata: topics, their ids, brokers; and who coordinates."""

from types import SimpleNamespace
from typing import Any, Final

from aiokafka.protocol.admin import (
    ApiVersionRequest_v0,
    CreatePartitionsRequest_v1,
    DeleteTopicsRequest_v3,
)
from aiokafka.protocol.coordination import (
    FindCoordinatorRequest_v0,
    FindCoordinatorRequest_v1,
)
from aiokafka.protocol.metadata import MetadataRequest_v1, MetadataRequest_v5

from streams.kafka.aiokafka_internals.topic_ids import TopicNow, topics_now
from testkit.simulated.conversations.members import (
    GROUP,
    TRANSACTION,
    coordinator_found,
)
from testkit.simulated.conversations.talk import Conversation, Talk
from testkit.simulated.conversations.wire import Peer, error_name


async def _described(peer: Peer, names: list[str] | None) -> Any:
    return await peer.ask(MetadataRequest_v5(names, False))


async def one_topic(talk: Talk) -> None:
    """Partitions with leader, replicas and those in sync."""
    topic = await talk.topic(partitions=3)
    answer = await _described(await talk.peer(), [topic])
    ((code, name, internal, partitions),) = answer.topics
    talk.say("topic", error_name(code), name, internal)
    for row in sorted(partitions):
        problem, number, leader, replicas, in_sync, offline = row
        nodes = [talk.symbol("node", node) for node in (leader, *replicas, *in_sync)]
        talk.say(f"partition {number}", error_name(problem), nodes, offline)


async def brokers_and_controller(talk: Talk) -> None:
    """One node; it has a cluster id, and the controller is a node."""
    answer = await _described(await talk.peer(), [])
    nodes = [row[0] for row in answer.brokers]
    talk.say("nodes", [talk.symbol("node", node) for node in nodes])
    talk.say("racks", [row[3] for row in answer.brokers])
    talk.say("controller is one of them", answer.controller_id in nodes)
    talk.say("has a cluster id", bool(answer.cluster_id))
    talk.say("topics", answer.topics)
    talk.say("throttled", answer.throttle_time_ms)


async def unknown_and_impossible_topics(talk: Talk) -> None:
    """Each name has its own answer; asking creates nothing."""
    topic = await talk.topic()
    peer = await talk.peer()
    wanted = [topic, talk.name("missing"), "not a name", ""]
    for _ in range(2):
        for row in sorted((await _described(peer, wanted)).topics, key=str):
            talk.say("topic", repr(row[1]), error_name(row[0]), len(row[3]))


async def all_topics(talk: Talk) -> None:
    """Null asks for all of them."""
    one, other = await talk.topic("one"), await talk.topic("other", partitions=2)
    peer = await talk.peer()
    answer = await _described(peer, None)
    mine = [row for row in answer.topics if row[1] in (one, other)]
    for row in sorted(mine, key=lambda row: str(row[1])):
        talk.say("topic", row[1], error_name(row[0]), len(row[3]))
    older = await peer.ask(MetadataRequest_v1(None))
    talk.say("version 1", {one, other} <= {row[1] for row in older.topics})


async def same_topic_twice(talk: Talk) -> None:
    """Asked twice, answered once."""
    topic = await talk.topic()
    answer = await _described(await talk.peer(), [topic, topic])
    talk.say("topics", [row[1] for row in answer.topics])


async def partitions_that_are_added(talk: Talk) -> None:
    """They appear in metadata."""
    topic = await talk.topic()
    peer = await talk.peer()
    rows = [(topic, (3, None))]
    await peer.ask(CreatePartitionsRequest_v1(rows, 30_000, False))
    await talk.ready(peer, topic, 3)
    ((_, _, _, partitions),) = (await _described(peer, [topic])).topics
    talk.say("partitions", sorted(row[1] for row in partitions))


async def _ids(peer: Peer, names: list[str]) -> dict[str, TopicNow]:
    """Ask as the product does, on a connection of our own."""

    async def send(_: int, request: Any) -> Any:
        versions = (await peer.ask(ApiVersionRequest_v0())).api_versions
        known = {key: (lowest, highest) for key, lowest, highest in versions}
        return await peer.ask(request.prepare(known))

    cluster = SimpleNamespace(brokers=lambda: [SimpleNamespace(nodeId=0)])
    client = SimpleNamespace(cluster=cluster, send=send)
    consumer: Any = SimpleNamespace(_client=client)
    return await topics_now(consumer, names)


async def ids_of_topics(talk: Talk) -> None:
    """Each topic has its own; unknown ones have none."""
    one, other = await talk.topic("one", partitions=2), await talk.topic("other")
    peer = await talk.peer()
    found = await _ids(peer, [one, other, talk.name("missing")])
    for name, now in sorted(found.items()):
        talk.say(name, now.partitions, talk.symbol("topic id", now.topic_id))
    again = await _ids(peer, [one])
    talk.say("again", talk.symbol("topic id", again[one].topic_id))


async def id_of_a_topic_that_was_created_again(talk: Talk) -> None:
    """Another topic of the same name has another id."""
    topic = await talk.topic(partitions=2)
    peer = await talk.peer()
    before = (await _ids(peer, [topic]))[topic]
    talk.say("before", before.partitions, talk.symbol("topic id", before.topic_id))
    await peer.ask(DeleteTopicsRequest_v3([topic], 30_000))
    await talk.gone(peer, topic)
    await talk.topic(partitions=1)
    after = (await _ids(peer, [topic]))[topic]
    talk.say("after", after.partitions, talk.symbol("topic id", after.topic_id))


async def coordinators(talk: Talk) -> None:
    """The only node coordinates groups and transactions."""
    peer = await talk.peer()
    nodes = (await _described(peer, [])).brokers
    for kind, name in ((GROUP, "group"), (TRANSACTION, "transaction")):
        found = await coordinator_found(talk, peer, talk.name("key"), kind)
        where = (found.coordinator_id, found.host, found.port)
        talk.say(
            name, error_name(found.error_code), where in [row[:3] for row in nodes]
        )
        talk.say("  message", found.error_message)
    older = await peer.ask(FindCoordinatorRequest_v0(talk.name("key")))
    talk.say(
        "version 0", error_name(older.error_code), older.coordinator_id == nodes[0][0]
    )


async def coordinators_of_nothing(talk: Talk) -> None:
    """A kind that does not exist, and keys without a letter."""
    peer = await talk.peer()
    nodes = [row[0] for row in (await _described(peer, [])).brokers]
    for key, kind in ((talk.name("key"), 7), ("", GROUP), ("", TRANSACTION)):
        if kind in (GROUP, TRANSACTION):
            await coordinator_found(talk, peer, key, kind)
        found = await peer.ask(FindCoordinatorRequest_v1(key, kind))
        talk.say(f"kind {kind}, {key!r}", error_name(found.error_code))
        talk.say("  a node", found.coordinator_id in nodes)


CONVERSATIONS: Final[tuple[Conversation, ...]] = (
    one_topic,
    brokers_and_controller,
    unknown_and_impossible_topics,
    all_topics,
    same_topic_twice,
    partitions_that_are_added,
    ids_of_topics,
    id_of_a_topic_that_was_created_again,
    coordinators,
    coordinators_of_nothing,
)
