"""The input of a family keeps its name and its partitions."""

import pytest
from aiokafka import TopicPartition

from testkit.fakes import FakeLog
from testkit.samples import NOW
from tests.families.fast_refund.stage import Stage


@pytest.mark.asyncio
async def test_a_partition_of_the_input_has_the_whole_name_of_the_topic() -> None:
    transport = Stage(FakeLog(lambda: NOW)).transport
    assert transport.input(3) == TopicPartition(transport.names.input, 3)
    assert transport.names.input.endswith("requests")
