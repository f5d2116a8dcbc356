"""What an operator got wrong: one line each, exit code 2, no traceback, no broker asked."""

import subprocess
import sys
from pathlib import Path

import pytest

from faults.workers import ROOT, surroundings
from tests.kafka.conftest import Kafka


def run(*arguments: str, **settings: str) -> tuple[int, list[str]]:
    """Exit code and lines on standard error of ``refund worker``."""
    done = subprocess.run(
        [sys.executable, "-m", "streams", "worker", *arguments],
        env=surroundings() | settings,
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.stdout == ""
    assert "Traceback" not in done.stderr
    return done.returncode, done.stderr.splitlines()


@pytest.mark.parametrize(
    "settings",
    [
        {"REFUND_KAFKA__NONSENSE": "1"},
        {"REFUND_WEB__PORT": "sixty"},
        {"REFUND_TOPICS__PARTITIONS": "0"},
        {"REFUND_KAFKA__BOOTSTRAP_SERVERS": ""},
        {
            "REFUND_KAFKA__LINGER_MS": "-1",
            "REFUND_LOG__LEVEL": "loud",
            "REFUND_WORKER__ROLES": "decide,sing",
        },
    ],
)
def test_each_wrong_setting_is_one_line_that_names_it(settings: dict[str, str]) -> None:
    code, lines = run(**settings)
    assert code == 2
    for line, name in zip(sorted(lines), sorted(settings), strict=True):
        assert line.startswith(f"refund: {name}")


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        (
            {"REFUND_KAFKA__HEARTBEAT_INTERVAL_MS": "9000"},
            "kafka.heartbeat_interval_ms",
        ),
        ({"REFUND_POLICY__FILE": "/nowhere/policy.toml"}, "/nowhere/policy.toml"),
    ],
)
def test_settings_that_cannot_be_used_together_or_at_all_are_one_line(
    settings: dict[str, str], named: str
) -> None:
    code, lines = run(**settings)
    assert code == 2
    (line,) = lines
    assert line.startswith("refund: ")
    assert named in line


def test_a_policy_file_with_several_faults_names_all_of_them(tmp_path: Path) -> None:
    file = tmp_path / "policy.toml"
    file.write_text('family = "FR"\nversion = 1\npaid_limit_fen = "x"\nnonsense = 1\n')
    code, lines = run("--policy", str(file))
    assert code == 2
    for name in ("paid_limit_fen", "nonsense", "effective_from_ms"):
        assert sum(f" {name}:" in line for line in lines) == 1


def test_topics_that_are_missing_are_one_line_each(kafka: Kafka, topics: str) -> None:
    code, lines = run(
        REFUND_KAFKA__BOOTSTRAP_SERVERS=kafka.bootstrap,
        REFUND_TOPICS__PREFIX=topics,
        REFUND_WEB__PORT="off",
    )
    assert code == 2
    told = [line for line in lines if line.startswith("refund: ")]
    assert len(told) == 12
    assert all("run `refund topics create`" in line for line in told)
