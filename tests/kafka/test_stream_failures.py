"""Outputs that cannot be written, brokers that go away, settings that are wrong."""

import asyncio
import re
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from aiokafka.admin import NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType

from streams.kafka.broker import LocalCluster
from streams.kafka.topics import admin_client
from streams.settings import load_policy
from tests.kafka.answers import problems, repeats
from tests.kafka.conftest import Kafka
from tests.kafka.stage import ANSWERS, ROOT, Stage, Worker
from tests.waiting import eventually

pytestmark = pytest.mark.asyncio

POLICIES = {"FR@1": load_policy(None)}
BUYERS = 20


@pytest_asyncio.fixture
async def stage(kafka: Kafka, topics: str, tmp_path: Path) -> AsyncIterator[Stage]:
    async with Stage(kafka.bootstrap, topics, 2, tmp_path) as found:
        yield found


async def facts(stage: Stage, orders: int) -> None:
    for number in range(BUYERS):
        await stage.buyer(f"b-{number}")
    for number in range(orders):
        await stage.order(f"o-{number}", f"b-{number % BUYERS}")
    await stage.fresh_facts()


async def load(stage: Stage, first: int, last: int, *, pause_s: float = 0.0) -> None:
    for number in range(first, last):
        await stage.request(f"r-{number}", f"o-{number}", f"b-{number % BUYERS}")
        await asyncio.sleep(pause_s)
    await stage.producer.flush()


async def verdict(stage: Stage) -> list[str]:
    return problems(
        await stage.read("requests"),
        await stage.read(*ANSWERS),
        POLICIES,
        await stage.committed(),
    )


async def all_answered(stage: Stage, count: int) -> None:
    """Wait for so many answers, whatever became of earlier workers."""

    async def probe() -> bool:
        return len(await stage.read(*ANSWERS)) >= count

    await eventually(probe, 90)


async def test_a_deleted_output_topic_ends_the_worker_and_loses_nothing(
    stage: Stage,
) -> None:
    await facts(stage, 60)
    worker = await stage.worker(kafka__request_timeout_ms=3_000).ready()
    await load(stage, 0, 20)
    await stage.answers(20)
    kept = await stage.read(*ANSWERS)
    async with admin_client(stage.settings().kafka) as admin:
        await admin.delete_topics([stage.prefix + "approvals"])
    await load(stage, 20, 60)
    assert await worker.ended(60) == 1, worker.tail()
    assert "was not acknowledged" in worker.tail()
    answered = sum((await stage.committed()).values())
    assert answered <= len(kept)
    refused = stage.worker()
    assert await refused.ended() == 2
    assert (
        refused.tail()
        .splitlines()[-1]
        .endswith("approvals: missing; run `refund topics create`")
    )
    async with admin_client(stage.settings().kafka) as admin:
        await admin.create_topics([NewTopic(stage.prefix + "approvals", 2, 1)])
    await stage.worker().ready()
    await all_answered(stage, 40)
    decided = {record.key for record in [*kept, *await stage.read(*ANSWERS)]}
    assert decided == {f"r-{number}".encode() for number in range(60)}


async def test_an_output_that_is_too_large_ends_the_worker_and_loses_nothing(
    stage: Stage,
) -> None:
    await facts(stage, 30)
    name = stage.prefix + "approvals"
    await _limit(stage, name, "400")
    worker = await stage.worker(kafka__request_timeout_ms=3_000).ready()
    await load(stage, 0, 30)
    assert await worker.ended(60) == 1, worker.tail()
    assert await stage.committed() == {}
    await _limit(stage, name, "1048588")
    await stage.worker().ready()
    await all_answered(stage, 30)
    assert await verdict(stage) == []


async def _limit(stage: Stage, topic: str, size: str) -> None:
    async with admin_client(stage.settings().kafka) as admin:
        resource = ConfigResource(
            ConfigResourceType.TOPIC, topic, configs={"max.message.bytes": size}
        )
        await admin.alter_configs([resource])


async def test_a_broker_that_stays_away_ends_the_worker_and_loses_nothing(
    own_broker: LocalCluster, topics: str, tmp_path: Path
) -> None:
    async with Stage(own_broker.bootstrap_servers, topics, 2, tmp_path) as stage:
        await facts(stage, 300)
        worker = await stage.worker(
            kafka__request_timeout_ms=2_000,
            worker__drain_timeout_ms=1_000,
            worker__stall_after_ms=8_000,
        ).ready()
        loading = asyncio.create_task(load(stage, 0, 300, pause_s=0.01))
        await stage.answers(50)
        await asyncio.to_thread(own_broker.kill, 1)
        assert await worker.ended(60) == 1, worker.tail()
        await asyncio.to_thread(own_broker.start_node, 1)
        await loading
        await stage.worker().ready()
        # What the sender itself could not write was never asked.
        await all_answered(stage, len(await stage.read("requests")))
        assert await verdict(stage) == []


async def test_a_broker_restarted_under_load_leaves_no_lag(
    own_broker: LocalCluster, topics: str, tmp_path: Path
) -> None:
    """The worker resumes by itself or ends for its supervisor; it never hangs."""
    async with Stage(own_broker.bootstrap_servers, topics, 2, tmp_path) as stage:
        await facts(stage, 600)
        supervised = asyncio.create_task(_supervise(stage))
        loading = asyncio.create_task(load(stage, 0, 600, pause_s=0.01))
        await all_answered(stage, 100)
        await asyncio.to_thread(own_broker.stop_node, 1)
        await asyncio.to_thread(own_broker.start_node, 1)
        await loading
        await all_answered(stage, 600)
        supervised.cancel()
        assert await verdict(stage) == []
        assert repeats(await stage.read(*ANSWERS)) == 0


async def _supervise(stage: Stage) -> None:
    while True:
        worker: Worker = stage.worker()
        await worker.ended(600)


@pytest.mark.parametrize(
    ("arguments", "lines"),
    [
        (["--set", "kafka.nonsense=1", "--set", "web.port=x"], 2),
        (["--policy", "/nowhere/policy.toml"], 1),
        (["--set", "kafka.heartbeat_interval_ms=9000"], 1),
    ],
)
async def test_wrong_settings_are_one_line_each_and_exit_code_2(
    arguments: list[str], lines: int
) -> None:
    done = await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-m", "streams", "worker", *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == lines
    assert all(re.match(r"refund: \S", line) for line in done.stderr.splitlines())
    assert "Traceback" not in done.stderr
