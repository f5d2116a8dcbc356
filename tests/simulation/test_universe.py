"""Universes: the product runs in them, and a seed is the same universe each time."""

import json

import pytest

from simulation.universe import escaped
from tests.simulation.many_seeds import simulated


def test_the_workers_answer_everything_where_nothing_is_disturbed() -> None:
    ended = simulated("--seeds", "6", "--profile", "calm", "--json")
    assert ended.returncode == 0, ended.stdout + ended.stderr
    verdicts = [json.loads(line) for line in ended.stdout.splitlines()]
    assert len(verdicts) == 6
    assert all(verdict["restarts"] >= 1 for verdict in verdicts)


def test_a_seed_is_the_same_universe_in_every_process() -> None:
    ends = [simulated("--seeds", "4", "--json", "--jobs", jobs) for jobs in ("1", "2")]
    traces = [
        {row["seed"]: row["trace"] for row in map(json.loads, end.stdout.splitlines())}
        for end in ends
    ]
    assert traces[0] == traces[1]
    assert len(set(traces[0].values())) == 4


def test_a_single_seed_is_told_as_a_timeline() -> None:
    ended = simulated("--seed", "1", "--profile", "calm")
    assert "worker-1  " in ended.stdout.replace("refund", "")
    assert "ends with exit code 0" in ended.stdout
    assert "trace " in ended.stdout


@pytest.mark.parametrize(
    "arguments", [("--profile", "none"), ("--plan", "no-such-file"), ("--defect", "x")]
)
def test_wrong_usage_ends_with_code_2(arguments: tuple[str, ...]) -> None:
    ended = simulated(*arguments)
    assert ended.returncode == 2
    assert "Traceback" not in ended.stderr


@pytest.mark.parametrize("killed", [True, False])
def test_only_a_killed_process_may_leave_connections_open(killed: bool) -> None:  # noqa: FBT001 - both
    lines = ["Unclosed AIOKafkaConnection: None", "worker-1: ValueError: x"]
    assert escaped(lines, killed=killed) == (lines[1:] if killed else lines)
