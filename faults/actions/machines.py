"""Faults 22 and 23: a worker whose clock is wrong, a broker whose disk is full."""

import asyncio
from typing import Final

from faults.clocks import RIGHT, shifted
from faults.disk import fill, free
from faults.run import FaultRun
from faults.waiting import eventually

_WRONG_S: Final = 20.0
_FULL_S: Final = 20.0
_ON_ITS_WAY_S: Final = 1.0
_BROKER: Final = 1


async def clock(run: FaultRun) -> None:
    """22: the clock of one worker is an hour ahead (odd seeds) or behind (even ones)."""
    hours = 1 if run.seed % 2 else -1
    environ = await asyncio.to_thread(shifted, hours)
    wrong = run.rng.choice(run.supervisor.workers)
    await run.supervisor.stop(wrong)
    run.supervisor.start(wrong, **environ)
    await run.supervisor.ready()
    await eventually(wrong.partitions)
    owned = await wrong.partitions()
    run.note(f"{wrong.name} {hours:+d} h, partitions {sorted(owned)}")
    await run.pass_s(_ON_ITS_WAY_S)
    before = run.watch.approved_in(owned)
    decided = len(run.watch.answered)
    await run.pass_s(_WRONG_S)
    more = run.watch.approved_in(owned) - before
    run.expect(not more, f"{more} approvals by a clock that is wrong")
    run.expect(len(run.watch.answered) > decided, "nothing was decided")
    run.expect(await wrong.partitions() == owned, "partitions have moved")
    await run.supervisor.stop(wrong)
    run.supervisor.start(wrong, **RIGHT)
    await run.supervisor.ready()
    before = run.watch.approved_in(owned)

    async def approving() -> bool:
        return run.watch.approved_in(owned) > before

    await eventually(approving)
    run.note(f"{wrong.name} has the right time, and approves")


async def disk_full(run: FaultRun) -> None:
    """23: the disk of the broker is full; then there is room again."""
    assert run.disk is not None
    taken = await asyncio.to_thread(fill, run.disk)
    run.note(f"disk full, {taken} bytes taken")
    await run.pass_s(_FULL_S)
    code = run.cluster.exit_code(_BROKER)
    run.note("the broker lives" if code is None else f"the broker ended with {code}")
    await asyncio.to_thread(free, run.disk)
    run.note("there is room again")
    if code is not None:
        await asyncio.to_thread(run.cluster.kill, _BROKER)
        await asyncio.to_thread(run.cluster.start_node, _BROKER)
        run.note("the broker is back")
    await run.supervisor.ready(90)
    run.note("workers ready")
