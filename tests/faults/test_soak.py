"""What a soak allows: memory for rows and notices that came, and hardly any besides."""

from typing import cast

import pytest

from faults.actions import long_load
from faults.resource_samples import ResourceSample
from faults.run import FaultRun
from faults.workers import WorkerProcess


class Told:
    """Stands for a run: what was expected of it and did not hold."""

    def __init__(self) -> None:
        self.problems: list[str] = []

    def expect(self, holds: bool, problem: str) -> None:  # noqa: FBT001 - as a run's
        if not holds:
            self.problems.append(problem)


class Named:
    name = "worker-1"


def looks(grown_mib: float, rows: int, notices: int) -> list[ResourceSample]:
    """Three looks at a worker that grows evenly."""
    return [
        ResourceSample(
            60.0 * part, 500 + grown_mib * part / 2, 15, 50,
            rows * part // 2, notices * part // 2,
        )
        for part in range(3)
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("grown_mib", "notices", "bounds"),
    [
        (8.0, 0, ()),
        (8.1, 0, ("8.0 are allowed",)),
        (16.2, 43_168, ()),
        (16.3, 43_168, ("43168 notices", "16.2 are allowed")),
    ],
)
def test_memory_may_grow_by_the_notices_while_tables_stand_still(
    grown_mib: float, notices: int, bounds: tuple[str, ...]
) -> None:
    told = Told()
    long_load._judge(  # noqa: SLF001 - the scene itself takes hours
        cast("FaultRun", told),
        cast("WorkerProcess", Named()),
        looks(100.0, 100_000, 0),
        looks(grown_mib, 0, notices),
    )
    assert len(told.problems) == bool(bounds)
    for problem in told.problems:
        assert all(bound in problem for bound in bounds)


def test_memory_may_grow_by_the_rows_while_requests_are_new() -> None:
    told = Told()
    long_load._judge(  # noqa: SLF001 - as above
        cast("FaultRun", told),
        cast("WorkerProcess", Named()),
        looks(400.0, 100_000, 0),
        looks(0.0, 0, 0),
    )
    (problem,) = told.problems
    assert "grew by 400.0 MiB with 100000 rows, 398.6 are allowed" in problem
