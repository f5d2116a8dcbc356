"""The Kafka clients of one worker, built from settings."""

from typing import Final

import msgspec
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer

from streams.kafka.starting import connect
from streams.kafka.twins import dated_assignor
from streams.kafka.unpacked import hand_out_unpacked
from streams.settings import Kafka, connection

_FETCH_BYTES: Final = 52_428_800
_FACT_BYTES: Final = 16_384
"""Changes of facts that a fetch waits for, ``fetch_max_wait_ms`` at the longest: one
round for a burst of small records, and not one for each while requests are decided."""
_LOAD_PARTITION_BYTES: Final = 2_097_152
"""Facts are read in larger gulps than requests: they are loaded by the million."""


class Clients(msgspec.Struct, frozen=True):
    """Two readers without a group, one producer; consumers of a group are made on demand."""

    facts: AIOKafkaConsumer
    outputs: AIOKafkaConsumer
    producer: AIOKafkaProducer

    async def start(self) -> None:
        """Connect all of them.

        Raises
        ------
        KafkaConnectionError
            No broker answers.
        """
        await connect(self.producer)
        await start(self.facts)
        await start(self.outputs)

    async def stop(self) -> None:
        """Disconnect all of them."""
        await self.producer.stop()
        await self.facts.stop()
        await self.outputs.stop()


class IngestClients(msgspec.Struct, frozen=True):
    """A reader of orders without a group, and one producer."""

    orders: AIOKafkaConsumer
    producer: AIOKafkaProducer

    async def start(self) -> None:
        """Connect both.

        Raises
        ------
        KafkaConnectionError
            No broker answers.
        """
        await connect(self.producer)
        await start(self.orders)

    async def stop(self) -> None:
        """Disconnect both."""
        await self.producer.stop()
        await self.orders.stop()


def build_for_ingest(kafka: Kafka) -> IngestClients:
    """Build the clients of ``ingest``; needs a running event loop."""
    return IngestClients(reader(kafka, "ingest-orders"), writer(kafka))


def build(kafka: Kafka) -> Clients:
    """Build the clients; needs a running event loop."""
    return Clients(
        reader(kafka, "facts", _FACT_BYTES),
        reader(kafka, "outputs"),
        writer(kafka),
    )


def writer(kafka: Kafka) -> AIOKafkaProducer:
    """Build an idempotent producer that waits for all in-sync replicas."""
    return AIOKafkaProducer(
        **connection(kafka),
        acks="all",
        enable_idempotence=True,
        compression_type=kafka.compression_type,
        linger_ms=kafka.linger_ms,
        max_request_size=kafka.max_request_bytes,
    )


async def start(consumer: AIOKafkaConsumer) -> None:
    """Connect a consumer; its records do without topic and partition, the poll has them."""
    await connect(consumer)
    hand_out_unpacked(consumer)


def member(
    kafka: Kafka, group_id: str, started_ms: int, policy_file: str = ""
) -> AIOKafkaConsumer:
    """Build a consumer that joins a group; offsets are committed by hand.

    ``started_ms`` tells the group when this process started, UTC ms: of two that share a
    static name the older one ends. ``policy_file`` tells it which policy file this process
    began with. A position that the topic does not have (any more) is
    an error: going on at the oldest record would hide that others are gone.
    """
    return AIOKafkaConsumer(
        **connection(kafka),
        group_id=group_id,
        group_instance_id=kafka.group_instance_id,
        enable_auto_commit=False,
        auto_offset_reset="none",
        isolation_level="read_committed",
        partition_assignment_strategy=(dated_assignor(started_ms, policy_file),),
        session_timeout_ms=kafka.session_timeout_ms,
        heartbeat_interval_ms=kafka.heartbeat_interval_ms,
        fetch_max_wait_ms=kafka.fetch_max_wait_ms,
        max_partition_fetch_bytes=kafka.max_partition_fetch_bytes,
    )


def reader(kafka: Kafka, name: str, min_bytes: int = 1) -> AIOKafkaConsumer:
    """Build a consumer without a group, for partitions that it is told to read.

    ``name`` stands behind ``kafka.client_id``; a fetch waits for ``min_bytes``, for
    ``kafka.fetch_max_wait_ms`` at the longest.
    """
    return AIOKafkaConsumer(
        **{**connection(kafka), "client_id": f"{kafka.client_id}-{name}"},
        group_id=None,
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        isolation_level="read_committed",
        fetch_max_wait_ms=kafka.fetch_max_wait_ms,
        fetch_min_bytes=min_bytes,
        fetch_max_bytes=_FETCH_BYTES,
        max_partition_fetch_bytes=_LOAD_PARTITION_BYTES,
    )
