"""The process of an engine: started, watched, restarted, stopped in order."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from bench.engines import Engine
from bench.kafka import Ends
from bench.options import BenchError
from streams.tools.guarded_process import GuardedProcess
from testkit import procfs

_STOP_S: Final = 30.0
_LOG_LINES: Final = 15
_ATTEMPT_S: Final = 0.05


class EngineProcess:
    """One engine that runs."""

    def __init__(self, engine: Engine, log: Path) -> None:
        self._engine = engine
        self._log = log
        self._process = GuardedProcess(engine.command, log)

    @property
    def pid(self) -> int:
        """Of its process."""
        return self._process.pid

    def cpu_s(self) -> float:
        """Return the seconds of CPU that it took so far."""
        return procfs.cpu_s(self.pid)

    def peak_mib(self) -> float:
        """Return the most memory that it held so far."""
        return procfs.peak_mib(self.pid)

    def alive(self) -> None:
        """Raise when the process is gone, with the end of its log."""
        code = self._process.wait(0)
        if code is not None:
            text = self._log.read_text("utf-8", "replace")
            told = "\n".join(text.splitlines()[-_LOG_LINES:])
            label = self._engine.kind.label
            raise BenchError(f"{label} ended with {code}\n{told}")

    def restart(self) -> None:
        """Stop it in order and start it again at once; blocks until it has stopped."""
        self.stop()
        self._process = GuardedProcess(self._engine.command, self._log)

    def stop(self) -> None:
        """Stop it in order.

        Raises
        ------
        BenchError
            It did not in time, and was killed.
        """
        self._process.terminate()
        if self._process.wait(_STOP_S) is None:
            self._process.kill()
            label = self._engine.kind.label
            raise BenchError(f"{label} did not stop in {_STOP_S:.0f} s")

    def kill(self) -> None:
        """End it at once, if it still runs."""
        if self._process.wait(0) is None:
            self._process.kill()


@contextmanager
def started(engine: Engine, log: Path) -> Iterator[EngineProcess]:
    """Start the engine's process; stop it in order at the end, or kill it."""
    worker = EngineProcess(engine, log)
    try:
        yield worker
        worker.alive()
        worker.stop()
    finally:
        worker.kill()


def wait_for(worker: EngineProcess, count: int, ends: Ends, within_s: float) -> None:
    """Wait until there are so many outputs.

    Raises
    ------
    BenchError
        There are not in time, or the process is gone.
    """
    until = time.monotonic() + within_s
    while ends.total() < count:
        worker.alive()
        if time.monotonic() > until:
            raise BenchError(f"fewer than {count} outputs in {within_s:.0f} s")
        time.sleep(_ATTEMPT_S)
