"""A few faults on a real broker; the whole campaign is ``make faults``."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from faults.catalog import FAULTS
from faults.execute import execute
from faults.report import line
from faults.run import Fault, FaultRun
from testkit.broker import LocalCluster

SEED = 3
CALM_S = 2.0
SHORT = ("restart", "kill-before-commit", "poison")


@pytest.mark.parametrize(
    "fault", [one for one in FAULTS if one.name in SHORT], ids=lambda one: one.name
)
def test_the_judge_finds_nothing_after(
    fault: Fault, cluster_of: Callable[[int], LocalCluster], tmp_path: Path
) -> None:
    with cluster_of(fault.nodes) as cluster:
        run = FaultRun(fault, SEED, cluster)
        run.calm_s = CALM_S
        verdict = asyncio.run(execute(run, tmp_path / "run"))
    assert verdict.passed, line(verdict)
    assert verdict.measured.requests > CALM_S * fault.rate
