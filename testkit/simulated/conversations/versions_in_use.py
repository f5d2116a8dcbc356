"""Other versions of requests than those of our client, and what only the product asks."""

from types import SimpleNamespace
from typing import Any, Final

from aiokafka.protocol.admin import ApiVersionRequest_v0
from aiokafka.protocol.commit import OffsetFetchRequest_v1, OffsetFetchRequest_v2
from aiokafka.protocol.fetch import (
    FetchRequest,
    FetchRequest_v4,
    FetchRequest_v5,
    FetchRequest_v7,
    FetchRequest_v9,
    FetchRequest_v10,
)
from aiokafka.protocol.metadata import MetadataRequest_v1, MetadataRequest_v4
from aiokafka.protocol.offset import OffsetRequest_v1, OffsetRequest_v2
from aiokafka.protocol.produce import (
    ProduceRequest_v3,
    ProduceRequest_v4,
    ProduceRequest_v5,
)

from streams.kafka.aiokafka_internals.rights_requests import (
    ask_coordinator,
    ask_group,
    ask_topics,
)
from testkit.simulated.conversations.batches import Batch, read
from testkit.simulated.conversations.logs import Log
from testkit.simulated.conversations.members import Member
from testkit.simulated.conversations.talk import Conversation, Talk
from testkit.simulated.conversations.wire import Peer, error_name

_ACL_BITS: Final = 0xFFFF
"""Operations that Kafka has; the rest of the number is not used."""


async def older_produce(talk: Talk) -> None:
    """The answers have more fields from version to version."""
    topic = await talk.topic()
    peer = await talk.peer()
    data = [(topic, [(0, Batch([b"a"]).encoded())])]
    for request in (ProduceRequest_v3, ProduceRequest_v4, ProduceRequest_v5):
        answer = await peer.ask(request(None, -1, 30_000, data))
        ((_, (row,)),) = answer.topics
        talk.say(f"version {request.API_VERSION}", *row)


async def older_fetch(talk: Talk) -> None:
    """The records are the same."""
    log = Log(await talk.peer(), await talk.topic())
    await log.append(Batch([b"a", b"b"]))
    wanted = FetchRequest(0, 0, 2**20, 1, [(log.topic, [(0, 0, 2**20)])])
    for version in (
        FetchRequest_v4,
        FetchRequest_v5,
        FetchRequest_v7,
        FetchRequest_v9,
        FetchRequest_v10,
    ):
        answer = await log.peer.ask(wanted.build(version))
        ((_, ((*row, data),)),) = answer.topics
        talk.say(f"version {version.API_VERSION}", *row, read(data).records)


async def older_list_offsets(talk: Talk) -> None:
    """Without and with isolation."""
    log = Log(await talk.peer(), await talk.topic())
    await log.append(Batch([b"a", b"b"]))
    asked = [(log.topic, [(0, -1)])]
    for request in (OffsetRequest_v1(-1, asked), OffsetRequest_v2(-1, 1, asked)):
        answer = await log.peer.ask(request)
        talk.say(f"version {request.API_VERSION}", *answer.topics[0][1][0])


async def older_metadata(talk: Talk) -> None:
    """Without cluster id and offline replicas."""
    topic = await talk.topic()
    peer = await talk.peer()
    for request in (MetadataRequest_v1([topic]), MetadataRequest_v4([topic], False)):
        ((code, name, internal, rows),) = (await peer.ask(request)).topics
        talk.say(f"version {request.API_VERSION}", error_name(code), name, internal)
        talk.say("  partition", *rows[0][:2])


async def older_offset_fetch(talk: Talk) -> None:
    """Version 1 cannot ask for all partitions."""
    topic = await talk.topic()
    member = await Member.of(talk, "group")
    await member.commit(topic, 3, "m")
    for asked in ([(topic, [0, 1])], []):
        answer = await member.peer.ask(OffsetFetchRequest_v1(member.group, asked))
        talk.say("version 1", answer.topics)
    answer = await member.peer.ask(OffsetFetchRequest_v2(member.group, None))
    talk.say("version 2", answer.topics, error_name(answer.error_code))


def _admin(peer: Peer) -> Any:
    """Stand in for aiokafka's admin client, on a connection of our own."""

    async def send(request: Any, _: int | None = None) -> Any:
        versions = (await peer.ask(ApiVersionRequest_v0())).api_versions
        known = {key: (lowest, highest) for key, lowest, highest in versions}
        return await peer.ask(request.prepare(known))

    return SimpleNamespace(_send_request=send)


async def rights_of_topics(talk: Talk) -> None:
    """What the product may do with topics: all, where nobody forbids anything."""
    topic = await talk.topic()
    admin = _admin(await talk.peer())
    for row in sorted(await ask_topics(admin, [topic, talk.name("missing")])):
        code, name, bits = row
        talk.say(name, error_name(code), bin(bits & _ACL_BITS))


async def rights_of_a_group(talk: Talk) -> None:
    """The same for a group, which need not exist."""
    member = await Member.of(talk, "group")
    admin = _admin(member.peer)
    code, node = await ask_coordinator(admin, member.group)
    talk.say("coordinator", error_name(code))
    code, bits = await ask_group(admin, member.group, node)
    talk.say("nobody in it", error_name(code), bin(bits & _ACL_BITS))
    await member.alone()
    code, bits = await ask_group(admin, member.group, node)
    talk.say("a member in it", error_name(code), bin(bits & _ACL_BITS))


CONVERSATIONS: Final[tuple[Conversation, ...]] = (
    older_produce,
    older_fetch,
    older_list_offsets,
    older_metadata,
    older_offset_fetch,
    rights_of_topics,
    rights_of_a_group,
)
