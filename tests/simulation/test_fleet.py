"""Workers and their supervisor: who is started again, and who is not."""

import asyncio

import msgspec
import pytest

from simulation.worker_host import EXIT_CLEAN, EXIT_FAILURE, EXIT_USAGE, _exit_code
from streams.errors import UsageError
from tests.simulation.scene import PLAN, Scene, inside

replace = msgspec.structs.replace


def test_a_worker_that_is_asked_to_end_does_so_with_code_0_and_stays_away() -> None:
    async def say(scene: Scene) -> None:
        await scene.ready(1)
        scene.fleet.terminate(1)
        worker = scene.fleet.workers[1]
        await scene.until(lambda: not worker.alive)
        assert worker.exit_codes == [EXIT_CLEAN]
        await asyncio.sleep(5)
        assert not worker.alive
        assert worker.starts == 1

    told = inside(say)
    assert ("worker-1", "ends with exit code 0") in told


def test_a_worker_may_be_asked_to_end_at_any_moment_of_its_start() -> None:
    async def say(scene: Scene) -> None:
        for after_us in range(0, 400_000, 37_000):
            scene.fleet.start(1)
            await asyncio.sleep(after_us / 1_000_000)
            scene.fleet.terminate(1)
            await scene.fleet.back(1, 0)
            scene.fleet.kill(1)
        worker = scene.fleet.workers[1]
        ends = [code for code in worker.exit_codes if code is not None]
        assert len(ends) == 11
        assert set(ends) == {EXIT_CLEAN}

    inside(say)


def test_a_worker_that_fails_is_started_again_after_a_while() -> None:
    async def say(scene: Scene) -> None:
        await scene.ready(1)
        worker = scene.fleet.workers[1]
        await worker.services[0].processor.crash(RuntimeError("broken"))
        await scene.until(lambda: not worker.alive)
        ended_s = scene.now_s()
        assert worker.exit_codes == [EXIT_FAILURE]
        assert worker.last_words == "broken"
        assert scene.fleet.restarting == 1
        await scene.until(lambda: worker.alive)
        assert scene.fleet.restarting == 0
        waited_s = PLAN.workers.restart_ms / 1000
        assert waited_s <= scene.now_s() - ended_s + 0.06 < waited_s + 0.2
        await asyncio.sleep(0.001)
        assert worker.starts == 2

    told = inside(say)
    assert ("worker-1", "ends with exit code 1: broken") in told


def test_a_worker_that_asks_for_a_person_stays_away() -> None:
    async def say(scene: Scene) -> None:
        await scene.ready(1)
        worker = scene.fleet.workers[1]
        await worker.services[0].processor.crash(UsageError("another log"))
        await scene.until(lambda: not worker.alive)
        await asyncio.sleep(5)
        assert worker.exit_codes == [EXIT_USAGE]
        assert not worker.alive

    inside(say)


def test_a_killed_worker_vanishes_without_a_word_and_its_connections_with_it() -> None:
    async def say(scene: Scene) -> None:
        await scene.ready(1, 2)
        scene.fleet.kill(1)
        worker = scene.fleet.workers[1]
        assert not worker.alive
        assert worker.exit_codes == [None]
        await asyncio.sleep(0.001)
        assert "worker-1" not in peers(scene)
        assert "worker-2" in peers(scene)
        await asyncio.sleep(5)
        assert worker.starts == 1
        # Its partitions go to the other one, once its session has expired.
        assert members(scene) == [("worker-2.1", None)]

    told = inside(say)
    assert ("worker-1", "is killed") in told
    assert not [what for who, what in told if who == "worker-1" and "ends" in what]


def peers(scene: Scene) -> set[str]:
    servers = scene.universe.running.servers.values()
    return {one.peer for server in servers for one in server.connections.values()}


def test_of_a_lost_machine_no_broker_hears() -> None:
    async def say(scene: Scene) -> None:
        await scene.ready(1)
        scene.fleet.kill(1, silently=True)
        await asyncio.sleep(1)
        assert "worker-1" in peers(scene)

    inside(say)


def test_a_worker_comes_back_when_its_process_has_ended() -> None:
    async def say(scene: Scene) -> None:
        await scene.ready(1)
        worker = scene.fleet.workers[1]
        scene.fleet.terminate(1)
        assert worker.alive
        await scene.fleet.back(1, 0)
        assert worker.exit_codes == [EXIT_CLEAN]
        assert worker.alive
        await scene.fleet.back(1, None)
        await asyncio.sleep(0.001)
        assert worker.starts == 2

    inside(say)


def test_a_second_signal_meets_the_process_that_drains_and_never_the_next() -> None:
    async def say(scene: Scene) -> None:
        await scene.ready(1)
        worker = scene.fleet.workers[1]
        scene.fleet.terminate(1, again_ms=1)
        await scene.until(lambda: not worker.alive)
        assert scene.said_of("worker-1").count("SIGTERM") == 2
        await scene.ready(1)
        scene.fleet.terminate(1, again_ms=2_000)
        await scene.fleet.back(1, 0)
        await asyncio.sleep(3)
        assert worker.alive
        assert scene.said_of("worker-1").count("SIGTERM") == 3
        assert worker.exit_codes == [EXIT_CLEAN, EXIT_CLEAN]

    inside(say)


def members(scene: Scene) -> list[tuple[str, str | None]]:
    """Return client id and instance id of the group's members."""
    group = scene.cluster.groups.written("refund-decide")
    return sorted(
        (one.request.client_id, one.request.instance_id)
        for one in group.members.values()
    )


def test_each_start_has_a_client_id_of_its_own() -> None:
    async def say(scene: Scene) -> None:
        await scene.ready(1, 2)
        scene.fleet.terminate(1)
        await scene.fleet.back(1, 0)
        await scene.ready(1)
        assert members(scene) == [("worker-1.2", None), ("worker-2.1", None)]

    inside(say)


def test_a_static_member_comes_back_as_the_one_it_was() -> None:
    async def say(scene: Scene) -> None:
        await scene.ready(1, 2)
        generation = scene.cluster.groups.written("refund-decide").generation
        scene.fleet.terminate(1)
        await scene.fleet.back(1, 0)
        await scene.ready(1)
        assert scene.cluster.groups.written("refund-decide").generation == generation
        assert [instance for _, instance in members(scene)] == ["worker-1", "worker-2"]

    inside(say, replace(PLAN, workers=replace(PLAN.workers, static_members=True)))


def test_one_worker_is_revived_if_none_is_left() -> None:
    async def say(scene: Scene) -> None:
        await scene.ready(1, 2)
        scene.fleet.kill(1)
        scene.fleet.revive()
        assert scene.alive == [2]
        scene.fleet.kill(2)
        scene.fleet.revive()
        assert scene.alive == [1]

    inside(say)


def test_at_the_end_all_are_asked_to_end_and_nobody_is_started_again() -> None:
    async def say(scene: Scene) -> None:
        await scene.ready(1, 2)
        scene.fleet.kill(2)
        told: list[tuple[str, int | None]] = []
        await scene.fleet.end(lambda one: told.append((one.name, one.exit_codes[-1])))
        assert told == [("worker-1", EXIT_CLEAN), ("worker-2", None)]
        await asyncio.sleep(5)
        assert not any(one.alive for one in scene.fleet.workers.values())

    inside(say)


@pytest.mark.parametrize(
    ("failure", "code"),
    [(None, 0), (RuntimeError("x"), 1), (UsageError("x"), 2), (TimeoutError(), 1)],
)
def test_an_end_has_the_exit_code_of_the_worker_command(
    failure: BaseException | None, code: int
) -> None:
    assert _exit_code(failure) == code
