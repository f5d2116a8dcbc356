"""Fault 24: a long time at little load, then a burst; nothing may pile up."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from typing import Final

from faults.resource_samples import ResourceSample, growth, take_sample
from faults.run import FaultRun
from faults.workers import WorkerProcess

BURST: Final = 10
"""Times the usual rate."""
BURST_S: Final = 60
_SAMPLE_S: Final = 2.0
_SETTLING: Final = 0.2
"""Of a phase; caches fill and allocators find their size meanwhile."""
_ROW_BYTES: Final = 4_096
"""What one row of a table may take, with the first decision's bytes it keeps."""
_NOTICE_BYTES: Final = 200
"""What remembering that a notice was given may take: its id, in a set."""
_LEAK_MIB: Final = 8.0
"""More than a line through two memory curves gains by chance."""
_MORE: Final = 8
"""Descriptors and tasks that come and go: our own samples among them."""


def rows_s(length_s: int) -> int:
    """Seconds' worth of different requests that a soak needs: its first half and the burst."""
    return length_s // 2 + BURST * BURST_S + BURST_S


async def soak(run: FaultRun) -> None:
    """24: new requests, the same requests again, a burst of new ones.

    While every request is new, tables grow, and memory with them: so much a row. While
    all are delivered again, tables stand still, and so must memory, but for the notices:
    orders go on changing, and when one is shipped there is a notice about its approval.
    """
    half_s = run.fault.length_s / 2
    new = await _phase(run, half_s)
    _note_phase(run, "new requests", new)
    with run.load.again():
        same = await _phase(run, half_s)
    _note_phase(run, "the same again", same)
    run.load.pace(run.fault.rate * BURST)
    burst = await _phase(run, BURST_S)
    run.load.pace(run.fault.rate)
    _note_phase(run, f"{BURST} times as many", burst)
    await run.no_lag()
    run.note("no lag")
    after = await _phase(run, max(10.0, BURST_S / 2))
    _note_phase(run, "afterwards", after)
    for worker in run.supervisor.workers:
        _judge(run, worker, new[worker], same[worker])
        _flat(run, worker, same[worker], burst[worker], after[worker])


Samples = dict[WorkerProcess, list[ResourceSample]]


async def _phase(run: FaultRun, seconds: float) -> Samples:
    """Let the load go on, and look at the workers meanwhile."""
    found: Samples = {worker: [] for worker in run.supervisor.workers}
    loop = asyncio.get_running_loop()
    began = loop.time()
    while loop.time() - began < seconds:
        await run.pass_s(_SAMPLE_S)
        if loop.time() - began < seconds * _SETTLING:
            continue
        for worker, samples in found.items():
            with suppress(AssertionError):  # it does not run: its exit codes say so
                samples.append(await take_sample(worker, loop.time()))
    return found


def _note_phase(run: FaultRun, name: str, phase: Samples) -> None:
    for worker, samples in phase.items():
        first, last = samples[0], samples[-1]
        run.note(
            f"{name}, {worker.name}: {last.mib:.0f} MiB"
            f" ({growth(samples, lambda one: one.mib):+.1f}),"
            f" {last.rows} rows ({last.rows - first.rows:+d}),"
            f" {last.notices} notices ({last.notices - first.notices:+d}),"
            f" descriptors {_range(samples, 'descriptors')}, tasks {_range(samples, 'tasks')}"
        )


def _range(samples: Sequence[ResourceSample], name: str) -> str:
    values = [getattr(one, name) for one in samples]
    return f"{min(values)}-{max(values)}"


def _judge(
    run: FaultRun,
    worker: WorkerProcess,
    new: Sequence[ResourceSample],
    same: Sequence[ResourceSample],
) -> None:
    rows = max(0, new[-1].rows - new[0].rows)
    allowed = _LEAK_MIB + rows * _ROW_BYTES / 2**20
    grown = growth(new, lambda one: one.mib)
    run.expect(
        grown <= allowed,
        f"{worker.name} grew by {grown:.1f} MiB with {rows} rows, {allowed:.1f} are allowed",
    )
    notices = same[-1].notices - same[0].notices
    allowed = _LEAK_MIB + notices * _NOTICE_BYTES / 2**20
    leaked = growth(same, lambda one: one.mib)
    run.expect(
        leaked <= allowed,
        f"{worker.name} grew by {leaked:.1f} MiB with tables that stood still and"
        f" {notices} notices, {allowed:.1f} are allowed",
    )


def _flat(
    run: FaultRun, worker: WorkerProcess, *phases: Sequence[ResourceSample]
) -> None:
    """Descriptors and tasks after and during the burst are those of before."""
    calm = phases[0]
    for name in ("descriptors", "tasks"):
        usual = max(getattr(one, name) for one in calm)
        most = max(getattr(one, name) for phase in phases for one in phase)
        gained = growth(calm, lambda one, name=name: getattr(one, name))  # type: ignore[misc]
        run.expect(
            most <= usual + _MORE and gained <= _MORE,
            f"{worker.name} has up to {most} {name}, {usual} before the burst,"
            f" {gained:+.1f} while nothing changed",
        )
