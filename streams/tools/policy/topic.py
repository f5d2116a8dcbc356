"""The topic of policies, read into a book and written to one record at a time."""

import json
from typing import Any

import msgspec
from aiokafka import AIOKafkaProducer, TopicPartition

from streams.families.fast_refund.policy import Policy
from streams.families.fast_refund.policy_type import POLICY, root_doubts
from streams.families.fast_refund.rules import READINGS
from streams.families.fast_refund.topics import ORDERS
from streams.kafka.aiokafka_internals.tested import client_arguments
from streams.kafka.starting import connect
from streams.processing.policies import Policies, PolicyBook
from streams.processing.policies.plausible import unmeant
from streams.processing.policies.publication import PolicyRecord
from streams.processing.topics import POLICIES
from streams.records.record import Placed
from streams.settings import Settings, load_policy
from streams.settings.topics import topic_name
from streams.tools.reading import broker_errors, partitions_of, reader, scan


def policies_topic(settings: Settings) -> str:
    """Return the name of the topic."""
    return topic_name(POLICIES, settings.topics)


def base_of(settings: Settings) -> Policies[Policy]:
    """Return the policy file that these settings name, as a worker would begin with it.

    Raises
    ------
    PolicyError
        It cannot be used.
    """
    file = settings.policy.file
    return Policies() if file == "none" else Policies((load_policy(file),))


async def read_book(settings: Settings) -> PolicyBook[Policy]:
    """Read the topic to its end.

    Raises
    ------
    SourceError
        The brokers cannot be reached.
    TopicsError
        There is no such topic.
    """
    book = PolicyBook(POLICY, base_of(settings))

    def take(record: Placed) -> None:
        book.apply(record.key, record.value, record.timestamp)

    with broker_errors(settings.kafka):
        partitions = await partitions_of(settings.kafka, [policies_topic(settings)])
        async with reader(settings.kafka) as consumer:
            starts = await consumer.beginning_offsets(partitions)
            if any(starts.values()):
                book.head_deleted()
            await scan(consumer, partitions, take)
    return book


async def write(settings: Settings, key: str, value: bytes) -> None:
    """Append one record; returns when all in-sync replicas have it.

    Raises
    ------
    SourceError
        The brokers cannot be reached, or refuse.
    """
    with broker_errors(settings.kafka):
        producer = AIOKafkaProducer(
            **client_arguments(settings.kafka), acks="all", enable_idempotence=True
        )
        try:
            await connect(producer)
            where = TopicPartition(policies_topic(settings), 0)
            await producer.send_and_wait(
                where.topic, value, key.encode(), partition=where.partition
            )
        finally:
            await producer.stop()


class _Line(msgspec.Struct):
    category_path: object = None


class _Lines(msgspec.Struct):
    lines: list[_Line] = []


_ORDER = msgspec.json.Decoder(_Lines)


async def roots_among(settings: Settings, wanted: frozenset[str]) -> frozenset[str]:
    """Return which of these category roots an order of the topic of orders has.

    It reads the topic whole, some seconds a million orders.

    Raises
    ------
    SourceError
        The brokers cannot be reached.
    """
    found: set[str] = set()

    def take(record: Placed) -> None:
        if record.value is None or wanted <= found:
            return
        try:
            lines = _ORDER.decode(record.value).lines
        except (msgspec.DecodeError, UnicodeDecodeError):
            return  # no order, or one whose lines nobody can read
        for line in lines:
            path = line.category_path
            if isinstance(path, list) and path and path[0] in wanted:
                found.add(path[0])

    topic = topic_name(ORDERS, settings.topics)
    with broker_errors(settings.kafka):
        partitions = await partitions_of(settings.kafka, [topic])
        async with reader(settings.kafka) as consumer:
            await scan(consumer, partitions, take)
    return frozenset(found)


def value_of(fields: dict[str, object]) -> bytes:
    """Return the value of a record; numbers may be of any size."""
    return json.dumps(fields, ensure_ascii=False).encode()


def held(book: PolicyBook[Any], record: PolicyRecord[Any]) -> bool:
    """Whether the topic holds this very content under its name."""
    return any(
        one.written_ms is not None
        and one.policy.name == record.policy.name
        and one.policy.policy_hash == record.policy.policy_hash
        for one in book.versions()
    )


async def doubts_of_roots(
    settings: Settings, record: PolicyRecord[Any]
) -> tuple[str, ...]:
    """Return a line when a category is to be excluded that no order has.

    The orders are read only for categories that the default does not exclude.

    Raises
    ------
    SourceError
        The brokers cannot be reached.
    """
    usual = frozenset(READINGS.excluded_roots)
    new = frozenset(record.policy.excluded_roots) - usual
    if not new or "excluded_roots" in record.publication.allow:
        return ()
    known = await roots_among(settings, new) | usual
    return unmeant(root_doubts(record.policy, known), ())
