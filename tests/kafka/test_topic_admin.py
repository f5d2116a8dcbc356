"""Declaring, creating and checking topics on a real broker."""

import secrets
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

import msgspec
import pytest
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType

from faults.waiting import eventually
from streams.errors import TopicsError
from streams.kafka.topic_admin import (
    TopicSpec,
    admin_client,
    check,
    create,
    declare,
    needed,
)
from streams.platforms.registry import installed
from streams.settings import Settings, load
from streams.worker.preflight import check_topics
from tests.kafka.conftest import Kafka

pytestmark = pytest.mark.asyncio


def settings_of(kafka: Kafka, **topics: str) -> Settings:
    prefix = f"t{secrets.token_hex(4)}."
    given = {
        "kafka.bootstrap_servers": kafka.bootstrap,
        "topics.prefix": prefix,
        "topics.events": prefix + "events",
        "topics.partitions": "2",
        **{f"topics.{key}": value for key, value in topics.items()},
    }
    return load({}, None, given)


@asynccontextmanager
async def created(
    settings: Settings,
) -> AsyncIterator[tuple[AIOKafkaAdminClient, tuple[TopicSpec, ...]]]:
    specs = declare(installed(settings), settings)
    async with admin_client(settings.kafka) as admin:
        await create(admin, specs)
        yield admin, specs
        await admin.delete_topics([spec.name for spec in specs])


async def change(admin: AIOKafkaAdminClient, name: str, **config: str) -> None:
    values = {key.replace("_", "."): value for key, value in config.items()}
    resource = ConfigResource(ConfigResourceType.TOPIC, name, values)
    await admin.alter_configs([resource])

    async def applied() -> bool:
        (answer,) = await admin.describe_configs([resource])
        entries = answer.resources[0][4]
        return values == {key: value for key, value, *_ in entries}

    await eventually(applied)


@pytest.mark.kafka
async def test_created_topics_are_as_declared(kafka: Kafka) -> None:
    async with created(settings_of(kafka)) as (admin, specs):
        assert await check(admin, specs) == ()


@pytest.mark.kafka
async def test_creating_twice_creates_nothing_the_second_time(kafka: Kafka) -> None:
    settings = settings_of(kafka)
    async with created(settings) as (admin, specs):
        assert await create(admin, specs) == ()


@pytest.mark.kafka
async def test_missing_topics_are_named(kafka: Kafka) -> None:
    settings = settings_of(kafka)
    async with admin_client(settings.kafka) as admin:
        problems = await check(admin, declare(installed(settings), settings))
    assert len(problems) == 13
    assert problems[0] == (
        f"{settings.topics.prefix}requests: missing; run `refund topics create`"
    )


@pytest.mark.kafka
async def test_another_partition_count_is_told(kafka: Kafka) -> None:
    settings = settings_of(kafka)
    name = settings.topics.prefix + "requests"
    async with admin_client(settings.kafka) as admin:
        await admin.create_topics([NewTopic(name, 3, 1)])
    async with created(settings) as (admin, specs):
        (first, *_) = await check(admin, specs)
    assert first.startswith(f"{name}: 3 partitions, declared 2; set topics.partitions")


@pytest.mark.kafka
async def test_a_clean_up_that_deletes_facts_is_told(kafka: Kafka) -> None:
    async with created(settings_of(kafka)) as (admin, specs):
        name = specs[1].name
        await change(
            admin, name, cleanup_policy="compact,delete", min_insync_replicas="1"
        )
        problems = await check(admin, specs)
    assert [line for line in problems if "cleanup.policy" in line] == [
        (
            f"{name}: cleanup.policy=compact,delete, records still needed would be "
            "deleted; set it to compact"
        )
    ]


@pytest.mark.kafka
async def test_a_worker_does_not_start_while_the_broker_deletes_facts(
    kafka: Kafka, caplog: pytest.LogCaptureFixture
) -> None:
    """What an expired row forbade would be approved; other differences are logged."""
    settings = settings_of(kafka)
    prefix = settings.topics.prefix
    async with created(settings) as (admin, _):
        await check_topics(settings)
        await change(admin, prefix + "catalog", cleanup_policy="compact,delete")
        await change(admin, prefix + "outcomes", retention_ms="3600000")
        await change(admin, prefix + "requests", retention_ms="3600000")
        with pytest.raises(TopicsError) as refused:
            await check_topics(settings)
    outcomes, catalog = refused.value.problems
    assert outcomes.startswith(f"{prefix}outcomes: retention.ms=3600000")
    assert catalog.startswith(f"{prefix}catalog: cleanup.policy=compact,delete")
    (told,) = [line for line in caplog.messages if "retention" in line]
    assert told.startswith(f"{prefix}requests: retention.ms=3600000")


@pytest.mark.kafka
@pytest.mark.parametrize(
    ("retention_ms", "is_told"),
    [(1_209_599_999, True), (1_209_600_000, False), (1_209_600_001, False)],
)
async def test_a_retention_that_is_too_short_is_told(
    kafka: Kafka, retention_ms: int, *, is_told: bool
) -> None:
    async with created(settings_of(kafka)) as (admin, specs):
        await change(admin, specs[0].name, retention_ms=str(retention_ms))
        problems = await check(admin, specs)
    assert any("retention.ms" in line for line in problems) is is_told


@pytest.mark.kafka
async def test_keeping_for_ever_is_long_enough_but_a_size_limit_is_told(
    kafka: Kafka,
) -> None:
    async with created(settings_of(kafka)) as (admin, specs):
        await change(admin, specs[0].name, retention_ms="-1", retention_bytes="1000000")
        told = [line for line in await check(admin, specs) if "retention" in line]
    assert told == [
        (
            f"{specs[0].name}: retention.bytes=1000000, records would be deleted too "
            "early; set it to -1"
        )
    ]


@pytest.mark.kafka
async def test_fewer_replicas_than_declared_are_told(kafka: Kafka) -> None:
    settings = settings_of(kafka)
    async with created(settings) as (admin, specs):
        more = tuple(
            msgspec.structs.replace(
                spec,
                replication_factor=3,
                config={**spec.config, "min.insync.replicas": "2"},
            )
            for spec in specs[:1]
        )
        problems = await check(admin, more)
    assert problems == (
        (
            f"{specs[0].name}: 1 replicas, declared 3; add replicas or lower "
            "topics.replication_factor"
        ),
        (
            f"{specs[0].name}: min.insync.replicas=1, an acknowledged output could be "
            "lost; set it to 2"
        ),
    )


@pytest.mark.kafka
async def test_topics_the_brokers_refuse_are_told(kafka: Kafka) -> None:
    settings = settings_of(kafka, replication_factor="3")
    async with admin_client(settings.kafka) as admin:
        with pytest.raises(TopicsError) as caught:
            await create(admin, declare(installed(settings), settings))
    assert len(caught.value.problems) == 13
    assert "not created" in caught.value.problems[0]


MOCK = """
import sys
from confluent_kafka import Producer
producer = Producer({"bootstrap.servers": "x:1", "test.mock.num.brokers": 1})
(broker,) = producer.list_topics(timeout=10).brokers.values()
for name in sys.argv[1:]:
    producer.list_topics(name, timeout=10)
print(f"{broker.host}:{broker.port}", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def mock_broker() -> Iterator[str]:
    """librdkafka's broker in memory, as the demo has it: no administration."""
    pytest.importorskip("confluent_kafka")
    with subprocess.Popen(
        [sys.executable, "-c", MOCK, "refund.requests"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as child:
        assert child.stdin
        assert child.stdout
        yield child.stdout.readline().strip()
        child.stdin.close()


async def test_brokers_without_administration_are_told_apart(
    mock_broker: str, caplog: pytest.LogCaptureFixture
) -> None:
    settings = load({}, None, {"kafka.bootstrap_servers": mock_broker})
    async with admin_client(settings.kafka) as admin:
        with pytest.raises(TopicsError, match="do not create topics for clients"):
            await create(admin, declare(installed(settings), settings))
        problems = await check(admin, declare(installed(settings), settings)[:1])
    # Its topics have four partitions; what it does not tell is not held against it.
    assert [line.split(";")[0] for line in problems] == [
        "refund.requests: 4 partitions, declared 8"
    ]
    assert "do not report topic settings" in caplog.text


async def test_a_worker_that_does_not_ingest_needs_no_platform_topic() -> None:
    names = {spec.name for spec in needed(installed(Settings()), Settings())}
    assert "platform.kuaishou.events" not in names
    assert "refund.requests" in names


async def test_a_worker_that_only_ingests_needs_only_what_it_reads_and_writes() -> None:
    settings = load({"REFUND_WORKER__ROLES": "ingest"}, None, {})
    assert [spec.name for spec in needed(installed(settings), settings)] == [
        "refund.requests",
        "refund.orders",
        "refund.outcomes",
        "refund.dead-letters",
        "platform.kuaishou.events",
    ]


async def test_dead_letters_take_what_no_other_topic_takes() -> None:
    specs = {spec.name: spec for spec in declare(installed(Settings()), Settings())}
    assert specs["refund.dead-letters"].config["max.message.bytes"] == "4194304"
    assert specs["refund.policies"].partitions == 1
    assert specs["refund.approvals"].config["retention.ms"] == str(180 * 86_400_000)
