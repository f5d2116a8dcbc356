"""The bench counts outputs by end offsets; here against what was really written."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from confluent_kafka import KafkaException, Producer
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from bench.kafka import CommittedEnds, Ends, Writer, delete_topics
from faults.waiting import eventually
from tests.kafka.conftest import Kafka

PARTITIONS = 3


@pytest.fixture
def outputs(kafka: Kafka, topics: str) -> Iterator[list[str]]:
    """Two topics that were made this very moment."""
    admin = AdminClient({"bootstrap.servers": kafka.bootstrap})
    names = [f"{topics}approvals", f"{topics}reviews"]
    made = admin.create_topics([NewTopic(name, PARTITIONS, 1) for name in names])
    for answer in made.values():
        answer.result()
    yield names
    delete_topics(admin, names)


@contextmanager
def counting(ends: Ends) -> Iterator[Ends]:
    try:
        yield ends
    finally:
        ends.close()


def test_every_partition_of_every_topic_is_counted_on_its_own(
    kafka: Kafka, outputs: list[str]
) -> None:
    with counting(Ends(kafka.bootstrap, outputs, PARTITIONS)) as ends:
        assert ends.total() == 0
        writer = Writer(kafka.bootstrap)
        for number, name in enumerate(outputs):
            for part in range(PARTITIONS):
                rows = [(b"k", b"v", part)] * (10 * number + part)
                assert writer.write(name, rows) == len(rows)
        found = ends.by_partition()
        assert {(one.topic, one.partition): end for one, end in found.items()} == {
            (name, part): 10 * number + part
            for number, name in enumerate(outputs)
            for part in range(PARTITIONS)
        }
        assert ends.total() == ends.records() == 36


@pytest.mark.asyncio
async def test_only_what_is_committed_counts_where_outputs_are_transactions(
    kafka: Kafka, outputs: list[str]
) -> None:
    producer = Producer(
        {"bootstrap.servers": kafka.bootstrap, "transactional.id": outputs[0]}
    )
    producer.init_transactions()
    with (
        counting(Ends(kafka.bootstrap, outputs, PARTITIONS)) as ends,
        counting(CommittedEnds(kafka.bootstrap, outputs, PARTITIONS)) as committed,
    ):
        _send(producer, outputs, 5)
        assert (ends.total(), committed.total(), committed.records()) == (30, 0, 0)
        producer.commit_transaction()
        # Its end takes an offset in each of the six partitions, and is no record.
        await _reaches(committed, 36)
        assert committed.records() == 30
        _send(producer, outputs, 2)
        assert (ends.total(), committed.total()) == (48, 36)
        producer.abort_transaction()
        await _reaches(committed, 54)
        assert committed.records() == 30


async def _reaches(ends: Ends, total: int) -> None:
    """Wait for the ends of a transaction, which the broker writes after its answer."""

    async def probe() -> bool:
        return ends.total() == total

    await eventually(probe)


def _send(producer: Producer, names: list[str], count: int) -> None:
    producer.begin_transaction()
    for name in names:
        for part in range(PARTITIONS):
            for _ in range(count):
                producer.produce(name, b"v", b"k", part)
    assert producer.flush(30) == 0


def test_a_topic_that_is_not_there_is_an_error_and_not_nought(
    kafka: Kafka, outputs: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bench.kafka._REQUEST_S", 2.0)
    missing = f"{outputs[0]}.not-there"
    with (
        counting(Ends(kafka.bootstrap, [*outputs, missing], PARTITIONS)) as ends,
        pytest.raises(KafkaException),
    ):
        ends.by_partition()


def test_a_partition_too_many_is_an_error_and_not_nought(
    kafka: Kafka, outputs: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bench.kafka._REQUEST_S", 2.0)
    with (
        counting(Ends(kafka.bootstrap, outputs, PARTITIONS + 1)) as ends,
        pytest.raises(KafkaException),
    ):
        ends.by_partition()
