"""Read the topic of policies into a book, and append records to it."""

import json
from typing import Any

import msgspec
from aiokafka import AIOKafkaProducer, TopicPartition

from streams.families.fast_refund.policy_type import POLICY
from streams.kafka.aiokafka_internals.tested import client_arguments
from streams.kafka.starting import connect
from streams.processing.policies import Policies, PolicyBook, PolicyType
from streams.processing.policies.publication import PolicyRecord
from streams.processing.topics import POLICIES
from streams.records.record import Placed
from streams.settings import Settings, load_policy
from streams.settings.topics import topic_name
from streams.tools.reading import broker_errors, partitions_of, reader, scan


class PolicyTopic(msgspec.Struct, frozen=True):
    """The topic of policies, and the family whose records count."""

    settings: Settings
    kind: PolicyType[Any]

    @property
    def name(self) -> str:
        """Return the name of the topic."""
        return topic_name(POLICIES, self.settings.topics)

    def base(self) -> Policies[Any]:
        """Return the policy file of the settings, as a worker would start with it.

        Only the fast refund has a file.

        Raises
        ------
        PolicyError
            The file cannot be used.
        """
        file = self.settings.policy.file
        if file == "none" or self.kind is not POLICY:
            return Policies()
        return Policies((load_policy(file),))

    async def read_book(self) -> PolicyBook[Any]:
        """Read the topic to its end.

        Raises
        ------
        SourceError
            The brokers cannot be reached.
        TopicsError
            The topic is missing.
        """
        book = PolicyBook(self.kind, self.base())

        def take(record: Placed) -> None:
            book.apply(record.key, record.value, record.timestamp)

        kafka = self.settings.kafka
        with broker_errors(kafka):
            partitions = await partitions_of(kafka, [self.name])
            async with reader(kafka) as consumer:
                starts = await consumer.beginning_offsets(partitions)
                if any(starts.values()):
                    book.head_deleted()
                await scan(consumer, partitions, take)
        return book

    async def write(self, key: str, value: bytes) -> None:
        """Append one record; returns when all in-sync replicas have it.

        Raises
        ------
        SourceError
            The brokers cannot be reached, or refuse.
        """
        with broker_errors(self.settings.kafka):
            producer = AIOKafkaProducer(
                **client_arguments(self.settings.kafka),
                acks="all",
                enable_idempotence=True,
            )
            try:
                await connect(producer)
                where = TopicPartition(self.name, 0)
                await producer.send_and_wait(
                    where.topic, value, key.encode(), partition=where.partition
                )
            finally:
                await producer.stop()


def value_of(fields: dict[str, object]) -> bytes:
    """Return the value of a record; numbers may be of any size."""
    return json.dumps(fields, ensure_ascii=False).encode()


def held(book: PolicyBook[Any], record: PolicyRecord[Any]) -> bool:
    """Whether the topic holds exactly this content under its name."""
    return any(
        one.written_ms is not None
        and one.policy.name == record.policy.name
        and one.policy.policy_hash == record.policy.policy_hash
        for one in book.versions()
    )
