"""Partitions and group of one family, as a worker on a real broker has them."""

from pathlib import Path
from typing import Final

import pytest
from aiokafka import TopicPartition

from faults.judge.checks import UNDISTURBED
from faults.lab import DATED, laboratory
from faults.lab_logs import now_ms
from testkit.rows import PARTITIONS, Row
from testkit.scenarios.single import SINGLE, single
from tests.kafka.conftest import Kafka

pytestmark = pytest.mark.asyncio

CASES: Final = [one for one in SINGLE.values() if one.era == "now" and one.codes][:8]
LAST: Final = PARTITIONS - 1


async def test_a_family_with_fewer_partitions_and_a_group_of_its_own_decides_and_buries(
    kafka: Kafka, topics: str, tmp_path: Path
) -> None:
    """Dead letters have twice as many partitions as the requests here."""
    async with laboratory(
        kafka.bootstrap,
        topics,
        tmp_path,
        REFUND_TOPICS__PARTITIONS=str(2 * PARTITIONS),
        REFUND_FAMILIES__FR__PARTITIONS=str(PARTITIONS),
        REFUND_FAMILIES__FR__GROUP=topics + "own",
        REFUND_WORKER__AGENTS="decide,watch",
    ) as lab:
        for topic, count in (("requests", 1), ("shops", 1), ("dead-letters", 2)):
            there = await lab.producer.partitions_for(lab.prefix + topic)
            assert len(there) == count * PARTITIONS, topic
        told = [single(case)(at, now_ms()) for at, case in enumerate(CASES)]
        await lab.put(*[one for script in told for _, one in script.facts])
        async with lab.fresh(*DATED):
            worker = await lab.started()
            await lab.put(*[one for script in told for _, one in script.requests])
            await lab.put(Row("requests", LAST, b"broken", b"{"))
            await lab.caught_up()
            view = await lab.checked(UNDISTURBED)
        for script in told:
            for (identity, withdrawal), codes in script.expected.items():
                assert view.reasons(identity, withdrawal=withdrawal) == codes, identity
        (letter,) = view.dead
        assert letter.partition == LAST
        offsets = await lab.admin.list_consumer_group_offsets(topics + "own")
        assert TopicPartition(lab.input_topic, LAST) in offsets
        warned = [line for line in worker.text().splitlines() if "worker.roles" in line]
        assert len(warned) == 1, worker.tail()
        assert "REFUND_WORKER__AGENTS: this setting is now worker.roles" in warned[0]
