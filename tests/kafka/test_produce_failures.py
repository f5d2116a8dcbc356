"""An output that cannot be written ends the worker; nothing is lost, nothing doubled."""

import asyncio
import contextlib
from pathlib import Path

import pytest
from aiokafka.admin import NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import KafkaError

from faults.judge.checks import WITHOUT_ZOMBIES, problems
from faults.judge.view import Rec, View
from faults.lab import DATED, Lab, laboratory
from faults.lab_logs import now_ms, running
from faults.waiting import eventually
from faults.workers import WorkerProcess
from testkit.broker import LocalCluster
from testkit.rows import PARTITIONS, Row
from testkit.scenarios.single import SINGLE, single
from testkit.world import MixedWorld
from tests.kafka.conftest import Kafka

pytestmark = pytest.mark.asyncio

SEED = 11
QUICK = {
    "REFUND_KAFKA__REQUEST_TIMEOUT_MS": "3000",
    "REFUND_KAFKA__GROUP_INSTANCE_ID": "one",
    "REFUND_WORKER__DRAIN_TIMEOUT_MS": "1000",
}


async def world_of(lab: Lab, requests: int) -> MixedWorld:
    world = MixedWorld(SEED, requests, now_ms())
    lab.policies |= world.policies
    await lab.put(*world.facts[0])
    return world


async def failed(worker: WorkerProcess, words: str = "was not acknowledged") -> None:
    """It ends by itself, and says in its last line which output was lost."""
    code = await worker.exit_code(45)
    assert code == 1, worker.tail()
    last = worker.text().splitlines()[-1]
    assert last.startswith("refund: ")
    assert words in last


async def test_a_topic_that_is_deleted_under_a_worker_ends_it_and_nothing_is_lost(
    kafka: Kafka, topics: str, tmp_path: Path
) -> None:
    async with laboratory(kafka.bootstrap, topics, tmp_path, **QUICK) as lab:
        world = await world_of(lab, 400)
        half = len(world.requests[0]) // 2
        reviews = lab.prefix + "reviews"
        async with lab.fresh(*DATED):
            worker = await lab.started()
            await lab.put(*world.requests[0][:half])
            await lab.caught_up()
            kept = await lab.records("reviews")
            await lab.admin.delete_topics([reviews])
            await lab.put(*world.requests[0][half:])
            await failed(worker)
            committed = await lab.committed()
            await lab.admin.create_topics([NewTopic(reviews, PARTITIONS, 1)])
            await eventually(lambda: there(lab, reviews))
            worker.start()
            await lab.caught_up()
        view = await lab.view()
        # What was deleted with the topic is known from before.
        answers = [*kept, *view.outputs]
        whole = View(view.input_topic, view.inputs, answers, (), lab.policies)
        assert problems(whole, WITHOUT_ZOMBIES) == []
        assert beyond(whole, [*kept, *gone_by(view, committed)], committed) == []


async def there(lab: Lab, topic: str) -> bool:
    (found,) = await lab.admin.describe_topics([topic])
    parts = found["partitions"]
    return len(parts) == PARTITIONS and all(part["leader"] >= 0 for part in parts)


def gone_by(view: View, committed: dict[int, int]) -> list[Rec]:
    """Answers to offsets below those committed."""
    return [
        rec
        for (partition, offset), found in view.answers.items()
        if offset < committed.get(partition, 0)
        for rec in found
    ]


def beyond(view: View, answers: list[Rec], committed: dict[int, int]) -> list[str]:
    """Requests that were committed when the worker ended, without an answer by then."""
    known = View(view.input_topic, view.inputs, answers).answers
    return [
        str(rec)
        for rec in view.inputs
        if rec.offset < committed.get(rec.partition, 0)
        and (rec.partition, rec.offset) not in known
    ]


async def test_a_topic_that_takes_no_decision_ends_the_worker_until_it_takes_them(
    kafka: Kafka, topics: str, tmp_path: Path
) -> None:
    async with laboratory(kafka.bootstrap, topics, tmp_path, **QUICK) as lab:
        world = await world_of(lab, 300)
        approvals = lab.prefix + "approvals"
        async with lab.fresh(*DATED), lab.sampling():
            worker = await lab.started()
            await limit(lab, approvals, 500)
            await lab.put(*world.requests[0])
            await failed(worker)
            worker.start()  # as a supervisor would: it fails again, and that is all
            await failed(worker, f"{approvals}: max.message.bytes=500")
            assert await lab.count("approvals") == 0
            await limit(lab, approvals, 1_048_588)
            worker.start()
            await lab.caught_up()
        view = await lab.checked(WITHOUT_ZOMBIES)
        assert len(view.inputs) == len(world.requests[0])


async def limit(lab: Lab, topic: str, size: int) -> None:
    values = {"max.message.bytes": str(size)}
    resource = ConfigResource(ConfigResourceType.TOPIC, topic, configs=values)
    await lab.admin.alter_configs([resource])

    async def applied() -> bool:
        (answer,) = await lab.admin.describe_configs([resource])
        return ("max.message.bytes", str(size)) in {
            entry[:2] for entry in answer.resources[0][4]
        }

    await eventually(applied)


async def test_a_broker_gone_for_longer_than_the_request_timeout_ends_the_worker(
    own_broker: LocalCluster, topics: str, tmp_path: Path
) -> None:
    async with laboratory(
        own_broker.bootstrap_servers, topics, tmp_path, **QUICK
    ) as lab:
        told = [
            single(SINGLE["good_standing"])(number, now_ms()) for number in range(1_000)
        ]
        await lab.put(*[found for script in told for _, found in script.facts])
        rows = [found for script in told for _, found in script.requests]
        await lab.mark(at_ms=now_ms() + 120_000)
        worker = await lab.started()
        async with running(deliver_again_and_again(lab, rows)):
            await lab.written(len(rows))
            # Frozen, not gone: what was sent stays unanswered until the time is over.
            await asyncio.to_thread(own_broker.pause, 1)
            try:
                code = await worker.exit_code(30)
            finally:
                await asyncio.to_thread(own_broker.resume, 1)
        assert code == 1, worker.tail()
        assert "not acknowledged" in worker.text().splitlines()[-1]
        worker.start()
        await lab.caught_up()
        view = await lab.checked(WITHOUT_ZOMBIES)
        assert len(view.inputs) >= len(rows)


async def deliver_again_and_again(lab: Lab, rows: list[Row]) -> None:
    """Keep the worker busy: at no moment is there nothing on its way."""
    while True:
        with contextlib.suppress(KafkaError):  # frozen
            await lab.put(*rows)
