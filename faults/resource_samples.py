"""Resources of a worker over time: memory, descriptors, tasks, rows of tables."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from faults.workers import WorkerProcess
from testkit.procfs import descriptors, resident_mib


@dataclass(frozen=True)
class ResourceSample:
    """Resources of one worker at one moment."""

    at_s: float
    """Monotonic."""
    mib: float
    descriptors: int
    tasks: int
    rows: int
    """Of all its tables but the notices."""
    notices: int
    """Those it remembers having given; an id each."""


async def take_sample(worker: WorkerProcess, at_s: float) -> ResourceSample:
    """Measure a worker that runs."""
    tables = (await worker.status()).get("tables") or {}
    assert isinstance(tables, dict)
    notices = tables.pop("notices")
    return ResourceSample(
        at_s,
        resident_mib(worker.pid),
        descriptors(worker.pid),
        int(await worker.metric("refund_tasks") or 0),
        sum(tables.values()),
        notices,
    )


def growth(
    samples: Sequence[ResourceSample], of: Callable[[ResourceSample], float]
) -> float:
    """Return what a straight line through all samples gains from the first to the last.

    A line, not the ends: one sample at a bad moment says nothing.
    """
    count = len(samples)
    mean_s = sum(one.at_s for one in samples) / count
    mean = sum(of(one) for one in samples) / count
    spread = sum((one.at_s - mean_s) ** 2 for one in samples)
    if not spread:
        return 0.0
    slope = sum((one.at_s - mean_s) * (of(one) - mean) for one in samples) / spread
    return slope * (samples[-1].at_s - samples[0].at_s)
