"""Run many seeds in a process of their own, as ``make simulate`` does."""

import subprocess
import sys
from pathlib import Path
from typing import Final

import msgspec

from simulation.verdict import Verdict

ROOT: Final = Path(__file__).parents[2]


def simulated(*arguments: str) -> "subprocess.CompletedProcess[str]":
    """Run ``python -m simulation``; the caller looks at the exit code."""
    return subprocess.run(
        [sys.executable, "-m", "simulation", *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=590,
        check=False,
    )


def run_seeds(first: int, count: int) -> list[Verdict]:
    """Run seeds on one core; a finding fails the test, with its seed."""
    ended = simulated(
        "--first", str(first), "--seeds", str(count), "--jobs", "1", "--json"
    )
    decode = msgspec.json.Decoder(Verdict).decode
    verdicts = [decode(line) for line in ended.stdout.splitlines()]
    found = {
        verdict.seed: [str(one) for one in verdict.findings]
        for verdict in verdicts
        if verdict.findings
    }
    assert found == {}, f"make simulate SEED={min(found)}"
    assert ended.returncode == 0, ended.stderr
    assert [verdict.seed for verdict in verdicts] == list(range(first, first + count))
    return verdicts


def mean_steps(verdicts: list[Verdict]) -> float:
    """Return the callbacks of a universe, on average."""
    return sum(verdict.steps for verdict in verdicts) / len(verdicts)
