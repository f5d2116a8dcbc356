"""A version of the client that was not tested is refused before anything starts."""

import subprocess
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest

from streams.errors import SettingsError
from streams.kafka.aiokafka_internals.tested import TESTED, check_version, installed
from streams.settings import Kafka

ROOT = Path(__file__).parents[2]
NOWHERE = "127.0.0.1:1"

Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def with_client_9(tmp_path: Path) -> Run:
    """Run the command where aiokafka 9.9.9 is installed, to all that one can ask."""
    told = tmp_path / "aiokafka-9.9.9.dist-info"
    told.mkdir()
    (told / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: aiokafka\nVersion: 9.9.9\n"
    )

    def run(*arguments: str, **environ: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [sys.executable, *arguments],
            env={"PYTHONPATH": f"{tmp_path}:{ROOT}", "PATH": "", **environ},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    return run


COMMANDS = {
    "worker": ["worker"],
    "topics": ["topics", "check"],
    "dead letters": ["dlq", "list"],
    "explain": ["explain", "FR:1"],
    "policy": ["policy", "history"],
    "capture": ["capture", "there"],
}


@pytest.mark.parametrize("command", COMMANDS.values(), ids=COMMANDS)
def test_a_command_refuses_a_client_that_was_not_tested_with_one_line(
    command: list[str], with_client_9: Run
) -> None:
    ended = with_client_9(
        "-m", "streams", *command, REFUND_KAFKA__BOOTSTRAP_SERVERS=NOWHERE
    )
    assert ended.returncode == 2, ended.stderr
    (line,) = ended.stderr.splitlines()
    assert "aiokafka 9.9.9 is installed, tested are 0.14.0" in line
    assert "kafka.untested_client = allow" in line


def test_fausts_own_command_line_refuses_it_too(with_client_9: Run) -> None:
    ended = with_client_9("-m", "faust", "-A", "streams.worker.environment", "worker")
    assert ended.returncode == 2, ended.stderr
    (line,) = ended.stderr.splitlines()
    assert "aiokafka 9.9.9 is installed" in line


def test_a_setting_lets_a_command_go_on_with_a_warning(with_client_9: Run) -> None:
    ended = with_client_9(
        "-m",
        "streams",
        "topics",
        "check",
        REFUND_KAFKA__BOOTSTRAP_SERVERS=NOWHERE,
        REFUND_KAFKA__REQUEST_TIMEOUT_MS="500",
        REFUND_KAFKA__UNTESTED_CLIENT="allow",
    )
    warning, problem = ended.stderr.splitlines()
    assert "records may be lost or read twice" in warning
    assert "cannot be reached" in problem
    assert ended.returncode == 1


def test_a_setting_lets_a_worker_go_on_with_a_warning(with_client_9: Run) -> None:
    ended = with_client_9(
        "-m",
        "streams",
        "worker",
        REFUND_KAFKA__BOOTSTRAP_SERVERS=NOWHERE,
        REFUND_KAFKA__UNTESTED_CLIENT="allow",
        REFUND_WORKER__LOAD_TIMEOUT_MS="1",
        REFUND_WEB__PORT="off",
    )
    assert ended.returncode == 1
    assert "records may be lost or read twice" in ended.stderr
    assert "no broker answers" in ended.stderr


def test_a_tested_client_needs_no_word() -> None:
    assert check_version(Kafka()) is None
    assert check_version(Kafka(untested_client="allow")) is None


def test_a_client_that_tells_no_version_is_refused(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(sys, "path", [str(tmp_path)])
    installed.cache_clear()
    try:
        with pytest.raises(SettingsError, match="aiokafka of an unknown version"):
            check_version(Kafka())
    finally:
        installed.cache_clear()


def test_the_package_asks_for_a_tested_client_and_for_no_other() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    (asked,) = [one for one in project["dependencies"] if one.startswith("aiokafka")]
    _, equals, version = asked.partition("==")
    assert equals
    assert version in TESTED
