"""Workers that are killed, restarted, joined and frozen while requests come in.

Facts change all the while, so that whatever is judged a second time comes out
otherwise, and the checker sees it.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from random import Random

import pytest

from faults.judge.checks import ALWAYS, WITHOUT_ZOMBIES
from faults.lab import DATED, Lab, laboratory
from faults.lab_logs import now_ms, running
from faults.waiting import eventually
from faults.workers import WorkerProcess
from testkit.rows import PARTITIONS
from testkit.world import MixedWorld, turned
from tests.kafka.conftest import Kafka

pytestmark = pytest.mark.asyncio

SEED = 7
CHUNK = 20
PAUSE_S = 0.05
TURN_EVERY = 15
NEVER = {
    "REFUND_WORKER__STALL_AFTER_MS": "86400000",
    "REFUND_WORKER__COMMIT_INTERVAL_MS": "86399999",
}
STOP_S = 10.0
"""What schedulers leave a process between SIGTERM and SIGKILL, at the least."""


class Load:
    """A world whose requests come in little by little and whose orders keep changing."""

    def __init__(self, lab: Lab, requests: int) -> None:
        self._lab = lab
        self.world = MixedWorld(SEED, requests, now_ms())
        lab.policies |= self.world.policies
        self.rows = [row for wave in self.world.requests for row in wave]
        self.orders = [row for row in self.world.facts[0] if row.topic == "orders"]
        self.sent = 0
        self._version = 2

    async def facts(self) -> None:
        await self._lab.put(*self.world.facts[0])

    async def send(self, count: int) -> None:
        await self._lab.put(*self.rows[self.sent : self.sent + count])
        self.sent += min(count, len(self.rows) - self.sent)

    async def turn(self) -> None:
        """Ship every order, or take that back."""
        await self._lab.put(*turned(self.orders, self._version))
        self._version += 1

    @asynccontextmanager
    async def coming_in(self) -> AsyncIterator[None]:
        """Send some requests and turn the orders, again and again; the rest at the end."""

        async def come() -> None:
            while True:
                await self.turn()
                for _ in range(TURN_EVERY):
                    await self.send(CHUNK)
                    await asyncio.sleep(PAUSE_S)

        async with self._lab.fresh(*DATED), self._lab.sampling():
            async with running(come()):
                yield
            await self.send(len(self.rows))
            await self._lab.caught_up()


async def test_killed_between_acknowledgement_and_commit_nothing_is_decided_again(
    kafka: Kafka, topics: str, tmp_path: Path
) -> None:
    async with laboratory(kafka.bootstrap, topics, tmp_path) as lab:
        load = Load(lab, 600)
        await load.facts()
        async with lab.fresh(*DATED), lab.sampling():
            worker = await lab.started(**NEVER)
            await load.send(500)
            assert await lab.written(500) == 500
            assert await lab.committed() == {}
            worker.kill()
            await load.turn()
            await load.send(len(load.rows))
            worker.start(REFUND_WORKER__COMMIT_INTERVAL_MS="50")
            await lab.caught_up()
        view = await lab.checked(WITHOUT_ZOMBIES)
        assert len(view.inputs) == len(load.rows)
        assert len(view.decisions) + len(view.dead) == len(load.rows)


async def test_kill_9_at_random_moments_loses_nothing_and_decides_nothing_twice(
    kafka: Kafka, topics: str, tmp_path: Path
) -> None:
    rng = Random(SEED)  # noqa: S311 - moments, no secrets
    async with laboratory(kafka.bootstrap, topics, tmp_path) as lab:
        load = Load(lab, 12_000)  # 4,000 may be answered before the last turn begins
        await load.facts()
        workers = [await lab.started(), await lab.started()]
        async with load.coming_in():
            for turn in range(3):
                answered = await lab.count("approvals", "reviews", "skipped")
                await lab.written(answered + 1, "approvals", "reviews", "skipped")
                await asyncio.sleep(rng.random())  # any moment will do
                victim = workers[turn % 2]
                victim.kill()
                victim.start()
                if turn == 1:
                    await killed_while_loading(victim)
                    victim.start()
                await victim.ready()
        await lab.checked(WITHOUT_ZOMBIES)


async def killed_while_loading(worker: WorkerProcess) -> None:
    async def loading() -> bool:
        return bool(await worker.status()) and not await worker.answers("readyz")

    await eventually(loading)
    worker.kill()


async def test_workers_join_leave_and_restart_in_turn_without_a_raw_repeat(
    kafka: Kafka, topics: str, tmp_path: Path
) -> None:
    async with laboratory(kafka.bootstrap, topics, tmp_path) as lab:
        load = Load(lab, 3_000)
        await load.facts()
        workers = [await lab.started(), await lab.started()]
        async with load.coming_in():
            workers.append(await lab.started())  # joins
            for worker in workers:
                worker.terminate()
                assert await worker.exit_code(STOP_S) == 0
                if worker is not workers[-1]:  # the third one leaves for good
                    worker.start()
                    await worker.ready()
        await lab.checked()


async def test_a_spare_worker_stands_by_and_takes_over(
    kafka: Kafka, topics: str, tmp_path: Path
) -> None:
    async with laboratory(kafka.bootstrap, topics, tmp_path) as lab:
        load = Load(lab, 900)
        await load.facts()
        workers = [lab.worker() for _ in range(PARTITIONS + 1)]
        for worker in workers:
            worker.start()
        for worker in workers:
            await worker.ready()

        async def settled() -> list[WorkerProcess]:
            owned = [await worker.partitions() for worker in workers]
            whole = sorted(len(one) for one in owned) == [0] + [1] * PARTITIONS
            return [workers[owned.index(set())]] if whole else []

        (spare,) = await eventually(settled)
        assert await spare.answers("readyz")
        async with load.coming_in():
            busy = next(worker for worker in workers if worker is not spare)
            gone = await busy.partitions()
            busy.kill()

            async def took_over() -> bool:
                others = [worker for worker in workers if worker is not busy]
                owned = [await worker.partitions() for worker in others]
                return bool(await spare.partitions()) and gone < set().union(*owned)

            await eventually(took_over)
        await lab.checked(WITHOUT_ZOMBIES)


async def test_a_worker_that_slept_through_the_loss_of_its_partitions_contradicts_nobody(
    kafka: Kafka, topics: str, tmp_path: Path
) -> None:
    async with laboratory(kafka.bootstrap, topics, tmp_path) as lab:
        load = Load(lab, 2_500)
        await load.facts()
        sleeper, other = await lab.started(), await lab.started()

        async def both_busy() -> bool:
            return bool(await sleeper.partitions() and await other.partitions())

        await eventually(both_busy)
        everything = set(range(PARTITIONS))
        async with load.coming_in():
            await lab.written(await lab.count("reviews") + 50, "reviews")
            sleeper.pause()

            async def taken() -> bool:
                return await other.partitions() == everything

            await eventually(taken)
            await lab.written(await lab.count("reviews") + 10, "reviews")
            sleeper.resume()
            await eventually(both_busy)
        await lab.checked(ALWAYS)
