"""Two workers with one static name: the older one finds out, whatever the group forgot."""

import asyncio
import contextlib

import pytest
from aiokafka.coordinator.protocol import ConsumerProtocolMemberMetadata

from faults.waiting import eventually
from streams.errors import SettingsError
from streams.kafka.clients import member
from streams.kafka.static_membership import dated_assignor, policy_files, watch
from streams.kafka.topic_admin import admin_client, create, declare
from streams.platforms.registry import installed
from streams.settings import Kafka as KafkaSettings
from streams.settings import load
from tests.kafka.conftest import Kafka

STARTED_MS = 1_773_800_100_000


def settings(kafka: Kafka, topics: str, name: str | None) -> KafkaSettings:
    environ = {
        "REFUND_KAFKA__BOOTSTRAP_SERVERS": kafka.bootstrap,
        "REFUND_TOPICS__PREFIX": topics,
    }
    if name is not None:
        environ["REFUND_KAFKA__GROUP_INSTANCE_ID"] = name
    return load(environ, None, {}).kafka


def test_a_member_tells_the_group_when_it_started() -> None:
    assignor = dated_assignor(STARTED_MS)
    told = assignor.metadata(["t"])
    assert told.user_data == b"%d" % STARTED_MS
    again = ConsumerProtocolMemberMetadata.decode(told.encode())
    assert (again.subscription, again.user_data) == (["t"], told.user_data)
    assert assignor.name == "roundrobin"


@pytest.mark.asyncio
async def test_a_worker_without_a_static_name_has_no_twin() -> None:
    unnamed = load({}, None, {}).kafka
    assert unnamed.group_instance_id is None
    await asyncio.wait_for(watch(unnamed, "g", 1, asyncio.Event()), 5)


@pytest.mark.asyncio
async def test_only_the_older_of_two_with_one_name_ends(
    kafka: Kafka, topics: str
) -> None:
    environ = {
        "REFUND_KAFKA__BOOTSTRAP_SERVERS": kafka.bootstrap,
        "REFUND_TOPICS__PREFIX": topics,
    }
    loaded = load(environ, None, {})
    specs = [
        one
        for one in declare(installed(loaded), loaded)
        if one.name == topics + "requests"
    ]
    mine, other = settings(kafka, topics, "w0"), settings(kafka, topics, "w0-b")
    group = topics + "group"
    refused = asyncio.Event()
    async with contextlib.AsyncExitStack() as stack:
        admin = await stack.enter_async_context(admin_client(mine))
        await create(admin, specs)
        stack.push_async_callback(admin.delete_topics, [one.name for one in specs])
        for named, started_ms in ((mine, STARTED_MS), (other, STARTED_MS + 9)):
            file = f"FR@1:{started_ms}"
            consumer = member(named, group, started_ms, file)
            consumer.subscribe([specs[0].name])
            await consumer.start()
            stack.push_async_callback(consumer.stop)

        async def joined() -> bool:
            (answer,) = await admin.describe_consumer_groups([group])
            return len(answer.groups[0][5]) == 2

        await eventually(joined)
        told = await policy_files(mine, group)
        assert sorted(told.values()) == [f"FR@1:{STARTED_MS}", f"FR@1:{STARTED_MS + 9}"]
        younger = asyncio.create_task(watch(mine, group, STARTED_MS + 1, refused))
        refused.set()

        async def looked() -> bool:
            return not refused.is_set()

        await eventually(looked)
        refused.set()  # it looks a second time, so the first look found nothing
        await eventually(looked)
        assert not younger.done()
        younger.cancel()
        await asyncio.wait({younger})
        refused.set()
        with pytest.raises(SettingsError, match="'w0' is also the name of a worker"):
            await asyncio.wait_for(watch(mine, group, STARTED_MS - 1, refused), 30)
