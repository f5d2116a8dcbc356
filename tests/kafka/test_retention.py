"""Requests that the broker deletes before they are read: told, counted, passed."""

import re
from pathlib import Path

import pytest
from aiokafka import TopicPartition
from aiokafka.admin import RecordsToDelete

from faults.judge.view import answered_place
from faults.lab import DATED, laboratory
from faults.lab_logs import now_ms
from faults.waiting import eventually
from testkit.world import MixedWorld
from tests.kafka.conftest import Kafka

pytestmark = pytest.mark.asyncio

SEED = 12
FETCHED = 4
"""Requests that a paused worker's last fetch may take."""


def deleted(log: str, topic: str) -> set[tuple[int, int]]:
    """Read from a worker's log what was deleted: partition and offset."""
    line = rf"{re.escape(topic)}/(\d+): offsets (\d+) to (\d+) were deleted"
    return {
        (int(number), offset)
        for number, first, last in re.findall(line, log)
        for offset in range(int(first), int(last) + 1)
    }


async def test_requests_deleted_under_a_worker_end_it_and_are_counted_by_the_next(
    kafka: Kafka, topics: str, tmp_path: Path
) -> None:
    async with laboratory(kafka.bootstrap, topics, tmp_path) as lab:
        world = MixedWorld(SEED, 300, now_ms())
        lab.policies |= world.policies
        await lab.put(*world.facts[0])
        asked, requests = world.requests[0], "requests"
        parts = len(asked) // 3
        async with lab.fresh(*DATED):
            worker = await lab.started()
            await lab.put(*asked[:parts])
            await lab.caught_up()
            worker.pause()
            # The fetch under way brings the first of what comes, and then there is none.
            await lab.put(*asked[parts : parts + FETCHED])
            await lab.put(*asked[parts + FETCHED : 2 * parts])
            after = await lab.ends(requests)
            await lab.admin.delete_records(
                {
                    TopicPartition(lab.prefix + requests, number): RecordsToDelete(end)
                    for (_, number), end in after.items()
                }
            )
            worker.resume()
            assert await worker.exit_code(45) == 1, worker.tail()
            last = worker.text().splitlines()[-1]
            assert last.startswith("refund: the next offset is not in the topic")
            worker.start()
            await worker.ready()
            await lab.put(*asked[2 * parts :])
            await lab.caught_up()
            named = deleted(worker.text(), lab.prefix + requests)
            assert named
            counted = f'refund_deleted_unread_total{{topic="{lab.prefix}{requests}"}}'

            async def told() -> bool:
                return await worker.metric(counted) == len(named)

            await eventually(told)
            ends = await lab.ends(requests)
        view = await lab.view()
    answered = [
        place
        for rec in view.outputs
        if (place := answered_place(rec, view.input_topic)) is not None
    ]
    left = {(rec.partition, rec.offset) for rec in view.inputs}
    assert len(left) == len(asked) - 2 * parts
    assert left <= set(answered)
    assert len(answered) == len(set(answered))
    every = {
        (number, offset) for (_, number), end in ends.items() for offset in range(end)
    }
    assert set(answered) | named == every
