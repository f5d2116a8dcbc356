"""The Kafka clients of one worker, built from settings."""

from collections.abc import Mapping
from typing import Any, Final

import msgspec
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer

from streams.kafka.aiokafka_internals.fetch_decode import UNBOUNDED, hand_out_unpacked
from streams.kafka.aiokafka_internals.tested import client_arguments
from streams.kafka.ending import Client
from streams.kafka.starting import connect
from streams.kafka.static_membership import dated_assignor
from streams.records.unread import Bounds
from streams.settings import Kafka

_FETCH_BYTES: Final = 52_428_800
_FACT_BYTES: Final = 16_384
"""Bytes of fact changes that a fetch waits for, ``fetch_max_wait_ms`` at most: one
round trip for a burst of small records, instead of one for each."""
_LOAD_PARTITION_BYTES: Final = 2_097_152
"""Facts are fetched in larger chunks than requests, because millions are loaded."""


class Clients(msgspec.Struct, frozen=True):
    """Three consumers without a group and one producer; the group member is built later."""

    facts: AIOKafkaConsumer
    outputs: AIOKafkaConsumer
    asking: AIOKafkaConsumer
    """Asks for topics, and reads single records, committed or not."""
    producer: AIOKafkaProducer
    fact_bounds: Bounds
    """Size limits for facts; our own records are read whatever their size."""

    async def start(self) -> None:
        """Connect all clients.

        Raises
        ------
        KafkaConnectionError
            No broker answers.
        """
        await connect(self.producer)
        await start(self.facts, self.fact_bounds)
        await start(self.outputs)
        await start(self.asking)

    def all(self) -> tuple[Client, ...]:
        """Return each of them."""
        return self.producer, self.facts, self.outputs, self.asking


class IngestClients(msgspec.Struct, frozen=True):
    """Two consumers without a group and one producer."""

    orders: AIOKafkaConsumer
    asking: AIOKafkaConsumer
    """As in ``Clients``."""
    producer: AIOKafkaProducer

    async def start(self) -> None:
        """Connect all clients.

        Raises
        ------
        KafkaConnectionError
            No broker answers.
        """
        await connect(self.producer)
        await start(self.orders)
        await start(self.asking)

    def all(self) -> tuple[Client, ...]:
        """Return each of them."""
        return self.producer, self.orders, self.asking


def build_for_ingest(kafka: Kafka) -> IngestClients:
    """Build the clients of ``ingest``; needs a running event loop."""
    return IngestClients(
        reader(kafka, "ingest-orders"),
        reader(kafka, "ingest-asking", isolation_level="read_uncommitted"),
        writer(kafka),
    )


def build(kafka: Kafka, fact_bounds: Bounds) -> Clients:
    """Build the clients; needs a running event loop."""
    return Clients(
        reader(kafka, "facts", fetch_min_bytes=_FACT_BYTES),
        reader(kafka, "outputs"),
        reader(kafka, "asking", isolation_level="read_uncommitted"),
        writer(kafka),
        fact_bounds,
    )


def writer(kafka: Kafka) -> AIOKafkaProducer:
    """Build an idempotent producer that waits for all in-sync replicas."""
    return AIOKafkaProducer(
        **client_arguments(kafka),
        acks="all",
        enable_idempotence=True,
        compression_type=kafka.compression_type,
        linger_ms=kafka.linger_ms,
        max_request_size=kafka.max_request_bytes,
    )


async def start(consumer: AIOKafkaConsumer, bounds: Bounds = UNBOUNDED) -> None:
    """Connect a consumer whose records have no topic and partition: the poll has them.

    A record over the bounds, or an undecodable one, is returned as unread
    (:mod:`streams.records.unread`).
    """
    await connect(consumer)
    hand_out_unpacked(consumer, bounds)


def member(
    kafka: Kafka, group_id: str, started_ms: int, policy_file: str = ""
) -> AIOKafkaConsumer:
    """Build a consumer that joins a group; offsets are committed by hand.

    ``started_ms`` tells the group when this process started, UTC ms: of two with the
    same static name the older one ends. ``policy_file`` tells it which policy file this
    process started with. A position outside the log is an error: continuing at the
    oldest record would hide the loss of others.
    """
    return AIOKafkaConsumer(
        **client_arguments(kafka),
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


def reader(kafka: Kafka, name: str, **options: object) -> AIOKafkaConsumer:
    """Build a consumer without a group, for assigned partitions.

    ``name`` is appended to ``kafka.client_id``; ``options`` are aiokafka's and replace
    those of other readers.
    """
    common: Mapping[str, Any] = {
        **client_arguments(kafka),
        "client_id": f"{kafka.client_id}-{name}",
        "group_id": None,
        "enable_auto_commit": False,
        "auto_offset_reset": "earliest",
        "isolation_level": "read_committed",
        "fetch_max_wait_ms": kafka.fetch_max_wait_ms,
        "fetch_max_bytes": _FETCH_BYTES,
        "max_partition_fetch_bytes": _LOAD_PARTITION_BYTES,
    }
    return AIOKafkaConsumer(**{**common, **options})
