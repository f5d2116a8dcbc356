"""The command, as people run it: what it prints, and its exit codes."""

import json
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from simulation import actions
from simulation.cli import main
from simulation.page import recorded
from simulation.plan import Plan, decode, encode
from simulation.regressions import Regression, keep
from simulation.stories import TrafficPlan

ROOT = Path(__file__).parents[2]
CALM = Plan(seed=1, duration_ms=500, traffic=TrafficPlan(stories=()))
FAILS = msgspec.structs.replace(
    CALM,
    duration_ms=2_000,
    actions=(
        actions.AddWorker(at_us=700_000, worker=2),
        actions.AddPartitions(at_us=1_000_000, topic="orders", more=1),
    ),
)
"""It expects that nobody is called, but workers rightly ask for a person."""


def simulate(*arguments: object) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "simulation", *map(str, arguments)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def written(folder: Path, plan: Plan) -> Path:
    path = folder / "plan.json"
    path.write_bytes(encode(plan))
    return path


def printed_plan(text: str) -> Plan:
    """Return the plan that stands at the end of what was printed."""
    return decode(text[text.index("\n{\n") :].encode())


def test_a_plan_that_fails_ends_with_code_1_and_is_printed_to_be_kept(
    tmp_path: Path,
) -> None:
    ended = simulate("--plan", written(tmp_path, FAILS), "--no-shrink")
    assert ended.returncode == 1, ended.stderr
    assert "exit_code (nobody_is_called): " in ended.stdout
    assert "orders gets 1 partitions more" in ended.stdout
    assert printed_plan(ended.stdout) == FAILS


def test_a_kept_regression_is_run_as_a_plan_and_events_are_lines_of_json(
    tmp_path: Path,
) -> None:
    regression = Regression(
        name="nothing", why="nothing was", seed=1, signature="a:b", plan=CALM
    )
    ended = simulate("--plan", keep(regression, tmp_path), "--json")
    assert ended.returncode == 0, ended.stderr
    events = [json.loads(line) for line in ended.stdout.splitlines()]
    assert {"who": "worker-1", "what": "ends with exit code 0"}.items() <= events[
        -1
    ].items()
    assert "trace " in ended.stderr
    assert "to be kept" not in ended.stderr


def test_verdicts_are_recorded_one_after_another(tmp_path: Path) -> None:
    file = tmp_path / "verdicts"
    options = ("--profile", "calm", "--seeds", 1, "--record", file, "--jobs", 1)
    for first in (3, 4):
        assert simulate("--first", first, *options).returncode == 0
    found = recorded(file)
    assert [one.seed for one in found] == [3, 4]
    assert {one.profile for one in found} == {"calm"}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--seeds", "0"), "at least 1"),
        (("--jobs", "-1"), "at least 1"),
        (("--plan", "pyproject.toml"), "pyproject.toml holds no plan: "),
        (("--record", "no/such/folder"), "no/such/folder"),
        (("--write-docs", "pyproject.toml"), "pyproject.toml, line 1"),
    ],
)
def test_wrong_usage_is_told_in_words(
    arguments: tuple[str, ...], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    try:
        code: object = main(arguments)
    except SystemExit as ended:  # of argparse
        code = ended.code
    assert code == 2
    assert said in capsys.readouterr().err
