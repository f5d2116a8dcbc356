"""How a worker is: memory, descriptors, tasks, rows; measured again and again."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from faults.workers import Worker
from testkit.procfs import descriptors, resident_mib


@dataclass(frozen=True)
class Vitals:
    """One look at one worker."""

    at_s: float
    """Monotonic."""
    mib: float
    descriptors: int
    tasks: int
    rows: int
    """Of all its tables but the notices."""
    notices: int
    """Those it remembers having given; an id each."""


async def look(worker: Worker, at_s: float) -> Vitals:
    """Look at a worker that runs."""
    tables = (await worker.status()).get("tables") or {}
    assert isinstance(tables, dict)
    notices = tables.pop("notices")
    return Vitals(
        at_s,
        resident_mib(worker.pid),
        descriptors(worker.pid),
        int(await worker.metric("refund_tasks") or 0),
        sum(tables.values()),
        notices,
    )


def growth(looks: Sequence[Vitals], of: Callable[[Vitals], float]) -> float:
    """Return what a straight line through all looks gains from the first to the last.

    A line, not the ends: one look at a bad moment tells nothing.
    """
    count = len(looks)
    mean_s = sum(one.at_s for one in looks) / count
    mean = sum(of(one) for one in looks) / count
    spread = sum((one.at_s - mean_s) ** 2 for one in looks)
    if not spread:
        return 0.0
    slope = sum((one.at_s - mean_s) * (of(one) - mean) for one in looks) / spread
    return slope * (looks[-1].at_s - looks[0].at_s)
