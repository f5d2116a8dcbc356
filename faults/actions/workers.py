"""Faults 1 to 9: workers that end, freeze, join or leave."""

import asyncio
from typing import Final

from faults.lab_logs import now_ms
from faults.run import FaultRun
from faults.waiting import eventually
from faults.workers import WorkerProcess
from testkit.rows import PARTITIONS

SESSION_S: Final = 6.0
"""Session time-out of the laboratory's workers."""
NEVER: Final = {
    "REFUND_WORKER__STALL_AFTER_MS": "86400000",
    "REFUND_WORKER__COMMIT_INTERVAL_MS": "86399999",
}
USUALLY: Final = {
    "REFUND_WORKER__STALL_AFTER_MS": "30000",
    "REFUND_WORKER__COMMIT_INTERVAL_MS": "50",
}
_ALL: Final = frozenset(range(PARTITIONS))
_IDLE_S: Final = 60.0
_KILLS_WHILE_LOADING: Final = 3
_BETWEEN_S: Final = 3.0


async def restart(run: FaultRun) -> None:
    """1: SIGTERM, exit code 0 within ten seconds, start again; each worker in turn."""
    for worker in run.supervisor.workers:
        code = await run.supervisor.stop(worker)
        run.note(f"{worker.name} ended with {code}")
        run.expect(code == 0, f"{worker.name} ended with {code}, not 0")
        run.supervisor.start(worker)
        await run.supervisor.ready()
        run.note(f"{worker.name} ready")


async def kill(run: FaultRun) -> None:
    """2: SIGKILL at some moment."""
    await run.some_moment()
    worker = run.rng.choice(run.supervisor.workers)
    run.supervisor.kill(worker)
    run.note(f"{worker.name} killed")
    await run.supervisor.ready()


async def kill_before_commit(run: FaultRun) -> None:
    """3: SIGKILL when much is acknowledged and nothing of it committed."""
    for worker in run.supervisor.workers:
        await run.supervisor.stop(worker)
    for worker in run.supervisor.workers:
        run.supervisor.start(worker, **NEVER)
    await run.supervisor.ready()
    await run.answers(100)  # each has read: what joining made them commit is committed
    committed = await run.lab.committed()
    await run.answers(run.rng.randint(200, 1_000))
    run.expect(await run.lab.committed() == committed, "something was committed")
    for worker in run.supervisor.workers:
        run.supervisor.kill_for_good(worker)
    run.note("both killed, nothing committed since they started")
    for worker in run.supervisor.workers:
        run.supervisor.start(worker, **USUALLY)
    await run.supervisor.ready()


async def kill_while_loading(run: FaultRun) -> None:
    """4: SIGKILL while facts are loaded or outputs read back, three times over."""
    worker = run.rng.choice(run.supervisor.workers)
    for _ in range(_KILLS_WHILE_LOADING):
        run.supervisor.kill(worker)
        seen = await _loading(worker)
        await asyncio.sleep(run.rng.random() / 10)
        run.note(f"{worker.name} killed {'while it loaded' if seen else 'when ready'}")
    run.supervisor.kill(worker)
    await run.supervisor.ready()


async def _loading(worker: WorkerProcess) -> bool:
    """Wait until a worker loads; False when it was through before anybody saw it."""

    async def answered() -> list[bool]:
        ready = await worker.answers("readyz")
        return [not ready] if await worker.status() else []

    (loading,) = await eventually(answered)
    return loading


async def rolling(run: FaultRun) -> None:
    """5: restart one after the other, with static membership: no partition moves."""
    before = await run.supervisor.owned()
    counts = await rebalances(run)
    for worker in run.supervisor.workers:
        others = [one for one in run.supervisor.workers if one is not worker]
        await run.supervisor.stop(worker)
        run.supervisor.start(worker)
        await run.supervisor.ready()
        run.note(f"{worker.name} back")
        for other in others:
            kept = await other.partitions() == before[other.name]
            run.expect(kept, f"{other.name} lost partitions to a restart of another")
    for worker in run.supervisor.workers:
        again = await worker.partitions() == before[worker.name]
        run.expect(again, f"{worker.name} came back to other partitions")
    # Each was restarted, so each has had one assignment, its own.
    after = await rebalances(run)
    run.expect(
        all(count == 1 for count in after.values()),
        f"more assignments than one a worker: {counts} before, {after} after",
    )


async def rebalances(run: FaultRun) -> dict[str, float]:
    """How many assignments each worker has had."""
    name = f'refund_rebalances_total{{topic="{run.lab.input_topic}"}}'
    found = {}
    for worker in run.supervisor.workers:
        count = await worker.metric(name)
        assert count is not None, f"{worker.name} has no {name}"
        found[worker.name] = count
    return found


async def scale(run: FaultRun) -> None:
    """6: one worker, then three, then one again; each pause is noted."""
    for _ in range(2):
        since_ms = now_ms()
        (worker,) = await run.supervisor.add()
        await eventually(lambda who=worker: who.partitions())  # type: ignore[misc]
        await run.pass_s(_BETWEEN_S)
        run.note(f"{worker.name} joined, pause {await run.pause_ms(since_ms)} ms")
    for worker in run.supervisor.workers[1:]:
        since_ms = now_ms()
        code = await run.supervisor.stop(worker)
        run.expect(code == 0, f"{worker.name} ended with {code}")
        await run.pass_s(_BETWEEN_S)
        run.note(f"{worker.name} left, pause {await run.pause_ms(since_ms)} ms")


async def zombie(run: FaultRun) -> None:
    """7: SIGSTOP past the session time-out, then SIGCONT."""
    sleeper, other = run.supervisor.workers
    sleeper.pause()
    run.note(f"{sleeper.name} frozen")

    async def taken() -> bool:
        return await other.partitions() == _ALL

    await eventually(taken)
    run.note("its partitions have moved")
    await run.pass_s(1 + 4 * run.rng.random())
    sleeper.resume()
    run.note(f"{sleeper.name} goes on")

    async def both() -> bool:
        await run.supervisor.ready()
        return bool(await sleeper.partitions() and await other.partitions())

    await eventually(both, 60)


async def twins(run: FaultRun) -> None:
    """8: a second worker with the same static id: one of them ends, and stays down."""
    (first,) = run.supervisor.workers
    second = run.supervisor.start_new(REFUND_KAFKA__GROUP_INSTANCE_ID="w0")

    async def one_left() -> bool:
        return run.supervisor.alive() == 1

    await eventually(one_left, 30)
    left = first if first.running else second
    run.note(f"{left.name} is left, exit codes {run.supervisor.codes}")
    await run.pass_s(10)
    run.expect(run.supervisor.alive() == 1, "the one that ended was started again")
    run.expect(len(run.supervisor.codes) == 1, f"they fight: {run.supervisor.codes}")
    run.expect(await left.partitions() == _ALL, "the one left does not own everything")
    # It said that a person is needed, and that is right.
    run.supervisor.given_up.clear()


async def spare(run: FaultRun) -> None:
    """9: more workers than partitions; the spare takes over after long idling."""
    await run.pass_s(_IDLE_S)
    owned = await run.supervisor.owned()
    spares = [worker for worker in run.supervisor.workers if not owned.get(worker.name)]
    run.expect(len(spares) == 1, f"no single spare: {owned}")
    busy = run.rng.choice([one for one in run.supervisor.workers if one not in spares])
    run.supervisor.kill_for_good(busy)
    run.note(f"{busy.name} killed for good")

    async def taken() -> bool:
        now = await run.supervisor.owned()
        return bool(now[spares[0].name]) and set().union(*now.values()) == _ALL

    await eventually(taken)
    run.note(f"{spares[0].name} took over")
