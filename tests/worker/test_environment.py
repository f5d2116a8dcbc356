"""Faust's own command line: the same app, from the environment, refused the same way."""

import subprocess
import sys
from pathlib import Path

import pytest

import streams.worker.environment
from faults.workers import ROOT, surroundings


def faust(*arguments: str, **settings: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "faust", "-A", "streams.worker.environment", *arguments],
        env=surroundings() | settings,
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_faust_finds_the_app_and_runs_it() -> None:
    done = faust(
        "worker",
        REFUND_KAFKA__BOOTSTRAP_SERVERS="127.0.0.1:1",
        REFUND_WORKER__LOAD_TIMEOUT_MS="1",
        REFUND_WEB__PORT="off",
    )
    assert done.returncode == 1
    assert "no broker answers: KafkaConnectionError" in done.stderr


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"REFUND_KAFKA__NOBODY": "1"}, "REFUND_KAFKA__NOBODY"),
        ({"REFUND_WEB__PORT": "a"}, "REFUND_WEB__PORT"),
        ({"REFUND_CONFIG": "/nowhere/worker.toml"}, "/nowhere/worker.toml"),
    ],
)
def test_settings_that_cannot_be_used_end_it_with_code_2_and_one_line(
    settings: dict[str, str], expected: str
) -> None:
    done = faust("worker", **settings)
    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    assert line.startswith("refund: ")
    assert expected in line


def test_a_file_that_is_no_toml_is_named(tmp_path: Path) -> None:
    file = tmp_path / "worker.toml"
    file.write_text("[kafka")
    done = faust("worker", REFUND_CONFIG=str(file))
    assert done.returncode == 2
    assert str(file) in done.stderr


def test_nothing_but_the_app_is_made_up() -> None:
    with pytest.raises(AttributeError):
        _ = streams.worker.environment.nobody
