"""Clients from settings: what differs by a setting."""

from streams.app.clients import quick
from streams.kafka.sink import quick_batch
from streams.settings import Kafka
from tests.fakes import FakeLog, FakeProducer


def test_batches_of_idle_partitions_differ_only_where_others_are_compressed() -> None:
    producer = FakeProducer(FakeLog())
    assert quick(Kafka(compression_type=None), producer) == producer.create_batch
    assert quick(Kafka(compression_type="zstd"), producer) is quick_batch
