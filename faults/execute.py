"""Does one run: load, fault, load, drain, judge."""

import asyncio
import shutil
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Final

from aiokafka.errors import KafkaError

from faults.artifacts import save
from faults.judge.checks import problems
from faults.judge.view import View
from faults.lab import laboratory
from faults.lab_logs import now_ms
from faults.load import RequestLoad
from faults.measurements import Measurements, measurements_of
from faults.run import FaultRun
from faults.supervisor import Supervisor
from faults.verdict import RunVerdict
from faults.watch import Watch

_PROBLEMS_MAX: Final = 12
"""Problems in a verdict; all of them are in the run's folder."""
_THREE_NODES: Final = {
    "REFUND_TOPICS__REPLICATION_FACTOR": "3",
    "REFUND_TOPICS__MIN_INSYNC_REPLICAS": "2",
}


async def execute(run: FaultRun, folder: Path) -> RunVerdict:
    """Do a run against its running cluster; ``folder`` stays only if it fails.

    Raises
    ------
    NotRunError
        This machine lacks what the fault needs.
    """
    await asyncio.to_thread(folder.mkdir, parents=True, exist_ok=True)
    began = time.monotonic()
    view: View | None = None
    measured = Measurements()
    try:
        async with _prepared(run, folder):
            await _phases(run)
            # Should the judge not come to an end, the timeline is there at least.
            save(folder, run.timeline, ("not judged",), None)
            view = await _seen(run)
        measured = measurements_of(
            view, (run.began_ms, run.over_ms), run.load.unsure, time.monotonic() - began
        )
        found = [*run.found, *_problems(run, view, measured)]
    except (AssertionError, TimeoutError, OSError, KafkaError) as problem:
        found = [*run.found, f"{type(problem).__name__}: {problem}"]
    if found:
        save(folder, run.timeline, found, view)
    else:
        await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)
    return RunVerdict(
        fault=run.fault.number,
        name=run.fault.name,
        seed=run.seed,
        problems=tuple(found[:_PROBLEMS_MAX]),
        timeline=tuple(run.timeline),
        measured=measured,
        folder=str(folder) if found else None,
    )


async def _seen(run: FaultRun) -> View:
    return replace(
        await run.lab.view(),
        facts=run.watch.facts,
        sent=run.load.sent,
        heard=run.watch.heard,
        cut_off=run.cut_off,
    )


def _problems(run: FaultRun, view: View, measured: Measurements) -> Iterator[str]:
    for part, checks in run.split(view):
        yield from problems(part, checks)
    for bound in run.fault.within:
        problem = bound(measured)
        if problem is not None:
            yield problem


@asynccontextmanager
async def _prepared(run: FaultRun, folder: Path) -> AsyncIterator[None]:
    """Set up lab, load, supervisor and watch, in this order; take them down."""
    fault = run.fault
    prefix = f"f{fault.number}-{run.seed}-{now_ms() % 10_000_000}."
    settings = dict(fault.settings)
    if fault.nodes > 1:
        settings |= _THREE_NODES
    async with AsyncExitStack() as stack:
        run.lab = await stack.enter_async_context(
            laboratory(run.cluster.bootstrap_servers, prefix, folder, **settings)
        )
        run.load = await asyncio.to_thread(
            RequestLoad, run.lab, run.seed, fault.rate, fault.seconds
        )
        await run.load.prepare()
        run.supervisor = Supervisor(run.lab)
        await stack.enter_async_context(run.supervisor.watching())
        run.watch = Watch(run.lab, run.supervisor.alive)
        await stack.enter_async_context(run.watch.watching())
        yield


async def _phases(run: FaultRun) -> None:
    """Start workers and load, do the fault, wait until all is answered."""
    static = "REFUND_KAFKA__GROUP_INSTANCE_ID" in run.fault.settings
    for number in range(run.fault.workers):
        # A fixed name of its own for each: two with the same one would fight.
        own = {"REFUND_KAFKA__GROUP_INSTANCE_ID": f"w{number}"} if static else {}
        run.supervisor.start_new(**own)
    await run.supervisor.ready()
    async with run.load.coming_in():
        run.start_clock()
        await run.pass_s(run.calm_s)
        run.note("fault begins")
        run.began_ms = now_ms()
        await run.fault.action(run)
        run.over_ms = now_ms()
        run.note("fault is over")
        await run.pass_s(run.calm_s)
        await run.no_lag()
        run.note("no lag")
        await run.pass_s(run.calm_s)
    await run.no_lag()
    await run.watch.caught_up()
    run.note(f"drained; exit codes {run.supervisor.codes}")
    run.expect(
        not run.supervisor.given_up, f"{run.supervisor.given_up} asked for a person"
    )
