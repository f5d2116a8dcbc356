"""Where a command is started without what it usually has: streams, or a place to write."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).parents[1]
NOBODY: Final = {
    "REFUND_KAFKA__BOOTSTRAP_SERVERS": "127.0.0.1:1",
    "REFUND_WEB__PORT": "off",
    "REFUND_WORKER__LOAD_TIMEOUT_MS": "1",
}
"""A worker whose broker never answers, and that gives up at once."""


def run(command: str, **environ: str) -> subprocess.CompletedProcess[str]:
    """Run a shell command in which REFUND stands for ours."""
    ours = f"{sys.executable} -m streams"
    return subprocess.run(
        ["/bin/bash", "-c", command.replace("REFUND", ours)],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env={"PATH": os.defpath, "PYTHONPATH": str(ROOT), **environ},
        timeout=120,
        check=False,
    )


def test_a_command_whose_output_nobody_can_read_says_so_in_one_line() -> None:
    done = run("REFUND settings >&-")
    assert (done.returncode, done.stderr.splitlines()) == (
        1,
        ["refund: standard output is closed, so the output would be lost"],
    )


def test_a_command_whose_output_finds_no_room_says_so_in_one_line() -> None:
    done = run("REFUND settings >/dev/full")
    assert (done.returncode, done.stderr.splitlines()) == (
        1,
        ["refund: [Errno 28] No space left on device"],
    )


def test_a_worker_needs_no_standard_stream() -> None:
    done = run("REFUND worker <&- >&-", **NOBODY)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert done.stderr.splitlines()[-1].startswith("refund: no broker answers")
    silent = run("REFUND worker <&- >&- 2>&-", **NOBODY)
    assert (silent.returncode, silent.stderr) == (1, "")


def test_a_worker_that_logs_json_says_nothing_in_another_form() -> None:
    done = run("REFUND worker", **NOBODY, REFUND_LOG__FORMAT="json")
    assert done.returncode == 1
    lines = [json.loads(line) for line in done.stderr.splitlines()]
    assert lines[-1]["event"] == "ended"
    assert lines[-1]["exit_code"] == 1
    assert lines[-1]["message"].startswith("no broker answers")


def test_no_stream_that_is_closed_leaves_its_number_to_a_file() -> None:
    code = (
        "from streams.signals import fill_closed_streams as fill;"
        "import os, sys; closed = fill();"
        "opened = os.open(os.devnull, os.O_RDONLY);"
        "sys.exit(0 if opened > 2 and len(closed) == 3 else 9)"
    )
    done = run(f'{sys.executable} -c "{code}" <&- >&- 2>&-')
    assert done.returncode == 0


READ_ONLY: Final = "mount -o remount,bind,ro / / && cd / && ! touch /tmp/x 2>/dev/null"
"""In a name space of its own: nothing can be written anywhere, for root neither."""


@pytest.fixture
def read_only() -> str:
    """Command that runs another one where nothing can be written."""
    shell = f"unshare --mount bash -c '{READ_ONLY}"
    if shutil.which("unshare") is None or run(shell + "'").returncode != 0:
        pytest.skip("this user may not mount the root read-only")
    return shell


def test_a_worker_needs_no_place_to_write(read_only: str) -> None:
    done = run(read_only + " && REFUND worker'", **NOBODY)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert done.stderr.splitlines()[-1].startswith("refund: no broker answers")


def test_a_command_that_needs_a_place_to_write_says_so_in_one_line(
    read_only: str,
) -> None:
    done = run(read_only + " && REFUND demo --seconds 1'")
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert "No usable temporary directory" in line
