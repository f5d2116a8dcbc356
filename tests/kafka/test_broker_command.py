"""``refund broker`` as people use it: started, found, ended."""

import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from streams.cli import execute
from testkit.jars import KAFKA_VERSION
from testkit.marked_processes import MARK, until_gone
from testkit.probe import known_brokers


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def started(
    libs: Path, environ: dict[str, str], tmp_path: Path
) -> Iterator[tuple[subprocess.Popen[str], int, str]]:
    """A broker that said it is ready, its port, and the mark of its processes."""
    assert libs.is_dir()
    port, mark = free_port(), f"broker-{os.getpid()}-{os.urandom(4).hex()}"
    with subprocess.Popen(
        [sys.executable, "-m", "streams", "broker", "--port", str(port)],
        stdout=subprocess.PIPE,
        text=True,
        env={**environ, MARK: mark, "TMPDIR": str(tmp_path)},
    ) as program:
        try:
            assert program.stdout is not None
            assert program.stdout.readline() == (
                f"Kafka {KAFKA_VERSION} is ready at 127.0.0.1:{port}; "
                "Ctrl-C ends it and removes its data\n"
            )
            yield program, port, mark
        finally:
            program.kill()


def test_it_takes_topics_until_it_is_interrupted_and_leaves_nothing(
    started: tuple[subprocess.Popen[str], int, str],
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
) -> None:
    program, port, mark = started
    assert execute(
        ["topics", "create", "--bootstrap-servers", f"127.0.0.1:{port}"], {}
    ) in (0, None)
    assert "refund.requests" in capfd.readouterr().out
    program.send_signal(signal.SIGINT)
    assert program.wait(60) == 0
    assert program.stdout is not None
    assert program.stdout.read() == "stopped\n"
    assert not until_gone(mark)
    assert not known_brokers("127.0.0.1", port)
    assert not list(tmp_path.glob("refund-broker-*"))


def test_a_broker_that_ends_by_itself_fails_the_command_in_one_line(
    libs: Path, environ: dict[str, str], tmp_path: Path
) -> None:
    assert libs.is_dir()
    port, mark = free_port(), f"broker-{os.getpid()}-{os.urandom(4).hex()}"
    with subprocess.Popen(
        [sys.executable, "-m", "streams", "broker", "--port", str(port)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**environ, MARK: mark, "TMPDIR": str(tmp_path)},
    ) as program:
        assert program.stdout is not None
        assert program.stderr is not None
        assert program.stdout.readline()
        kill_java(mark)
        assert program.wait(60) == 1
        assert re.fullmatch(
            r"refund: the broker ended by itself, code -?\d+\n", program.stderr.read()
        )
    assert not until_gone(mark)


def kill_java(mark: str) -> None:
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            marked = f"{MARK}={mark}".encode() in (folder / "environ").read_bytes()
            command = (folder / "cmdline").read_bytes()
        except OSError:
            continue
        if marked and b"kafka.Kafka" in command and b"java" in command.split(b"\0")[0]:
            os.kill(int(folder.name), signal.SIGKILL)
