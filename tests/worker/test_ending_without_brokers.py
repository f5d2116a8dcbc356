"""A worker whose broker is away ends in time, and leaves no connection and no task open.

On asyncio's own loop and real sockets; ``simulation`` asks the same at any moment. An open
connection that is collected is a warning, and a warning fails the test.
"""

import asyncio
import gc
import random
from collections.abc import AsyncIterator

import msgspec
import pytest
import pytest_asyncio
from typing_extensions import override

from faults.waiting import eventually
from simulation.assembly import cluster_of, policies_of, settings_of
from simulation.plan import Plan, WorkerKnobs, WorkersPlan
from simulation.stories import TrafficPlan
from simulation.worker_host import Service, WorkerParts, build
from streams.families.registered import registered
from streams.kafka import starting
from testkit.simulated.faults import NoFaults
from testkit.simulated.observer import NoObserver
from testkit.simulated.running import RunningCluster

pytestmark = pytest.mark.asyncio

DEADLINE_S = 30
HOST = "127.0.0.1"
DRAIN_MS = 2_000
PLAN = Plan(
    seed=1,
    duration_ms=1_000,
    workers=WorkersPlan(worker=WorkerKnobs(drain_timeout_ms=DRAIN_MS)),
    traffic=TrafficPlan(stories=()),
)


class Broker(NoObserver):
    """The simulated broker on a real port."""

    def __init__(self) -> None:
        cluster = cluster_of(PLAN.cluster, settings_of(PLAN), random.Random(1))  # noqa: S311 - no secret
        self.node = cluster.nodes[1]
        self.running = RunningCluster(cluster, NoFaults())
        self.server = self.running.servers[1]
        cluster.observer = self
        self.silent = asyncio.Event()
        self.answers = -1
        """So many requests it answers yet; negative = all."""

    @override
    def requested(self, node: int, api_key: int, version: int, client: str) -> None:
        self.answers -= 1
        if self.answers == 0:
            self.running.pause(1)
            self.silent.set()

    def service(self) -> Service:
        settings = settings_of(PLAN)
        address = f"{HOST}:{self.node.port}"
        kafka = msgspec.structs.replace(settings.kafka, bootstrap_servers=address)
        settings = msgspec.structs.replace(settings, kafka=kafka)
        (family,) = registered(settings.worker.families)
        return build(
            WorkerParts(
                settings=settings,
                families=(family,),
                policies=policies_of,
                now_ms=self.running.cluster.now_ms,
                tell=lambda _who, _what: None,
            ),
            family,
        )


@pytest_asyncio.fixture
async def broker() -> AsyncIterator[Broker]:
    found = Broker()
    running = asyncio.get_running_loop()
    listening = await running.create_server(found.server._accept, HOST, 0)  # noqa: SLF001 - on a port of our own
    found.server._server = listening  # noqa: SLF001 - on a port of our own
    found.node.host, found.node.port = listening.sockets[0].getsockname()[:2]
    yield found
    found.server.go_down()


async def ended(broker: Broker, service: Service) -> None:
    """Stop a service; nothing of it may be left."""
    others = asyncio.all_tasks()
    async with asyncio.timeout(DEADLINE_S):
        await service.processor.stop()
    broker.running.go_on(1)  # a broker that is suspended does not see who leaves

    async def left_alone() -> bool:
        return not broker.server.connections

    await eventually(left_alone, DEADLINE_S)
    assert asyncio.all_tasks() <= others


async def started(service: Service) -> None:
    await service.processor.start()


async def until_ready(service: Service) -> None:
    async def ready() -> bool:
        return not service.processor.not_ready()

    await eventually(ready, DEADLINE_S)


@pytest.mark.parametrize("way", ["down", "suspended"])
async def test_a_worker_that_decides_leaves_nothing_when_its_broker_is_away(
    broker: Broker, way: str
) -> None:
    before = asyncio.all_tasks()
    service = broker.service()
    await service.processor.start()
    await until_ready(service)
    if way == "down":
        broker.running.node_down(1)
    else:
        broker.running.pause(1)
    await asyncio.sleep(0.3)  # fetches fail, and wait for another try
    await ended(broker, service)
    assert asyncio.all_tasks() == before
    del service
    gc.collect()


@pytest.mark.parametrize("answers", [1, 2, 3, 4, 6, 9, 13])
async def test_a_worker_that_starts_leaves_nothing_when_its_broker_stops_to_answer(
    broker: Broker, answers: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(starting, "_GRACE_S", 0.05)
    before = asyncio.all_tasks()
    broker.answers = answers
    service = broker.service()
    start = asyncio.create_task(started(service))
    async with asyncio.timeout(DEADLINE_S):
        await broker.silent.wait()
        await asyncio.sleep(0.02)  # the next request is on its way, too
        start.cancel()
        await asyncio.wait({start})
    await ended(broker, service)
    assert asyncio.all_tasks() == before
    del service, start
    gc.collect()
