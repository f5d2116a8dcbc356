"""What operators do to topics, offsets and transactions, wanted or not."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import NewPartitions

from faults.lab import Lab
from faults.waiting import eventually
from streams.kafka.topic_admin import create, declare
from streams.platforms.registry import installed
from testkit.rows import PARTITIONS


async def make_anew(lab: Lab, topic: str) -> None:
    """Delete a topic and make it again as it is declared, empty."""
    name = lab.prefix + topic
    (spec,) = (
        one
        for one in declare(installed(lab.settings), lab.settings)
        if one.name == name
    )
    await lab.admin.delete_topics([name])
    # A name is free again a moment after its topic was deleted.
    await eventually(lambda: create(lab.admin, [spec]))


async def add_partitions(lab: Lab, topic: str, total: int) -> None:
    """Give a topic more partitions."""
    wanted = {lab.prefix + topic: NewPartitions(total_count=total)}
    await lab.admin.create_partitions(wanted)

    async def known() -> bool:
        await lab.producer.client.force_metadata_update()
        found = await lab.producer.partitions_for(lab.prefix + topic)
        return len(found) == total

    await eventually(known)


async def set_committed(lab: Lab, offsets: Mapping[int, int]) -> None:
    """Move the group's offsets, as an operator does while all workers are stopped."""
    kafka = lab.settings.kafka
    async with AIOKafkaConsumer(
        bootstrap_servers=kafka.bootstrap_servers,
        group_id=kafka.group_id,
        enable_auto_commit=False,
    ) as consumer:
        wanted = {
            TopicPartition(lab.input_topic, number): offset
            for number, offset in offsets.items()
        }
        consumer.assign(list(wanted))
        await consumer.commit(wanted)


@asynccontextmanager
async def foreign_transaction(lab: Lab, topic: str) -> AsyncIterator[None]:
    """Keep a transaction of somebody else open in all partitions of a topic."""
    async with AIOKafkaProducer(
        bootstrap_servers=lab.settings.kafka.bootstrap_servers,
        transactional_id=f"{lab.prefix}foreign",
    ) as producer:
        await producer.begin_transaction()
        for number in range(PARTITIONS):
            await producer.send_and_wait(
                lab.prefix + topic, b"foreign", partition=number
            )
        try:
            yield
        finally:
            await producer.abort_transaction()
