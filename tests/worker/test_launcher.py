"""Signals to a worker that waits for a broker: each does what the page says, at once."""

import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from faults.workers import ROOT, surroundings

ENDS_S = 60.0
"""A loaded machine is slow; what hangs hangs for ever."""


class Waiting:
    """A worker whose broker never answers."""

    def __init__(self, log: Path, **settings: str) -> None:
        self.log = log
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            nobody = f"127.0.0.1:{probe.getsockname()[1]}"
        with log.open("wb") as out:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "streams", "worker"],
                env=surroundings()
                | {
                    "REFUND_KAFKA__BOOTSTRAP_SERVERS": nobody,
                    "REFUND_WEB__PORT": "off",
                    **settings,
                },
                cwd=ROOT,
                stdout=subprocess.DEVNULL,
                stderr=out,
            )
        self.says("no broker answers yet")

    def text(self) -> str:
        return self.log.read_text("utf-8")

    def says(self, text: str) -> None:
        """Wait until the log has a text."""
        until = time.monotonic() + ENDS_S
        while text not in self.text():
            assert self.process.poll() is None, self.text()
            assert time.monotonic() < until, self.text()
            time.sleep(0.02)

    def ends(self, one: signal.Signals) -> int:
        self.process.send_signal(one)
        return self.process.wait(ENDS_S)


@pytest.fixture
def waiting(tmp_path: Path) -> Iterator[Waiting]:
    worker = Waiting(tmp_path / "worker.log")
    yield worker
    worker.process.kill()
    worker.process.wait()


@pytest.mark.parametrize("one", [signal.SIGHUP, signal.SIGQUIT])
def test_hang_up_and_quit_stop_a_worker_in_order(
    one: signal.Signals, waiting: Waiting
) -> None:
    assert waiting.ends(one) == 0
    assert f"{one.name}: stopping" in waiting.text()
    for inside in ("Traceback", "faust", "mode", "Starting...", "Stopping..."):
        assert inside not in waiting.text()


def test_other_signals_change_the_log_level_and_show_what_it_does(
    waiting: Waiting,
) -> None:
    waiting.process.send_signal(signal.SIGUSR1)
    waiting.says("SIGUSR1: log level debug")
    waiting.says(" DEBUG aiokafka")
    waiting.process.send_signal(signal.SIGUSR1)
    waiting.says("SIGUSR1: log level info")
    waiting.process.send_signal(signal.SIGUSR2)
    waiting.says("most recent call first")
    waiting.says("SIGUSR2: ")
    waiting.says(" at ")
    assert "f_locals" not in waiting.text()
    assert waiting.ends(signal.SIGTERM) == 0
    told = waiting.text().partition("log level info")[2]
    assert " DEBUG " not in told
