"""The inside of a universe, for tests of its parts: nothing happens but what a test does."""

import asyncio
import gc
import warnings
from collections.abc import Awaitable, Callable

from simulation.plan import ClusterPlan, KafkaKnobs, Plan, WorkerKnobs, WorkersPlan
from simulation.stories import TrafficPlan
from simulation.universe import Universe
from testkit.simulated.logs.building import Plain, batch_of
from testkit.simulated.logs.partitions import Partition
from testkit.simulated.loop import Setup, run
from testkit.simulated.observer import NoObserver

PLAN = Plan(
    seed=1,
    duration_ms=10_000,
    cluster=ClusterPlan(
        brokers=3, partitions=2, replicas=3, min_insync=2, min_session_ms=1_000
    ),
    workers=WorkersPlan(
        count=2,
        restart_ms=700,
        kafka=KafkaKnobs(
            session_timeout_ms=3_000,
            request_timeout_ms=1_000,
            metadata_max_age_ms=500,
            fetch_max_wait_ms=200,
        ),
        worker=WorkerKnobs(drain_timeout_ms=1_000),
    ),
    traffic=TrafficPlan(stories=()),
)


class Scene:
    """A universe whose brokers run; workers start when a test starts them."""

    def __init__(self, universe: Universe, told: list[tuple[str, str]]) -> None:
        self.universe = universe
        self.fleet = universe.fleet
        self.cluster = universe.cluster
        self.told = told
        """Who did what, as for a timeline."""

    def now_s(self) -> float:
        return asyncio.get_running_loop().time()

    @property
    def alive(self) -> list[int]:
        """Numbers of the workers that are there."""
        return [one for one, worker in self.fleet.workers.items() if worker.alive]

    def partition(self, topic: str, number: int = 0) -> Partition:
        found = self.cluster.topics.partition(f"refund.{topic}", number)
        assert isinstance(found, Partition)
        return found

    def put(self, topic: str, *values: bytes, number: int = 0) -> None:
        """Append records, each as a batch."""
        for value in values:
            batch = batch_of([Plain(b"k", value)], self.cluster.now_ms())
            assert not self.partition(topic, number).append(batch).refused

    def said_of(self, who: str) -> list[str]:
        return [what for one, what in self.told if one == who]

    async def until(self, done: Callable[[], bool]) -> None:
        """Wait until something holds, a virtual minute at most."""
        async with asyncio.timeout(60):
            while not done():  # noqa: ASYNC110 - of anything, which has no event
                await asyncio.sleep(0.05)

    async def ready(self, *numbers: int) -> None:
        """Start workers, and wait until they have taken over."""
        for number in numbers:
            self.fleet.start(number)
        workers = [self.fleet.workers[number] for number in numbers]
        await self.until(
            lambda: all(
                one.alive
                and one.services
                and not any(each.processor.not_ready() for each in one.services)
                for one in workers
            )
        )


def inside(
    say: Callable[[Scene], Awaitable[None]], plan: Plan = PLAN
) -> list[tuple[str, str]]:
    """Do something inside a universe; at the end its workers are asked to end.

    Raises what was raised, and errors that nobody looked at; returns what was told.
    """
    told: list[tuple[str, str]] = []

    async def main() -> None:
        universe = Universe(plan, lambda who, what: told.append((who, what)))
        await universe.running.start()
        try:
            await say(Scene(universe, told))
        finally:
            universe.cluster.observer = NoObserver()
            for node in universe.cluster.nodes:
                await universe.running.node_up(node)
                universe.running.go_on(node)
            await universe.fleet.end(lambda _: None)

    with warnings.catch_warnings():
        # Clients of killed workers are never closed.
        warnings.simplefilter("ignore", ResourceWarning)
        ended = run(main, Setup(seed=plan.seed))
        gc.collect()
    if ended.problem is not None:
        raise ended.problem
    assert ended.unobserved == []
    return told
