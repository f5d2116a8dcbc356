"""The worker of a demo: one real ``refund worker`` in its own process."""

import asyncio
import contextlib
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import aiohttp

from streams.errors import WorkerError
from streams.tools.guarded_process import GuardedProcess

READY_TIMEOUT_S: Final = 60.0
"""A worker is ready in two or three seconds; a loaded machine takes much longer."""

_STOP_TIMEOUT_S: Final = 4.0
_POLL_S: Final = 0.1
_OK: Final = 200
_LOOPBACK: Final = "127.0.0.1"


class DemoWorker:
    """Starts a worker, waits until it is ready, and detects its end.

    Parameters
    ----------
    environ
        Its settings.
    log
        File of its output.
    """

    def __init__(self, environ: Mapping[str, str], log: Path, port: int) -> None:
        self.log = log
        self.web = f"http://{_LOOPBACK}:{port}"
        self._process = GuardedProcess(
            [sys.executable, "-m", "streams", "worker"], log, environ
        )

    async def ready(self) -> None:
        """Wait until it is ready.

        Raises
        ------
        WorkerError
            The worker ended, or is not ready in time.
        """
        until = time.monotonic() + READY_TIMEOUT_S
        timeout = aiohttp.ClientTimeout(total=5)
        async with aiohttp.ClientSession(timeout=timeout) as session:
            while time.monotonic() < until:
                self.check()
                with contextlib.suppress(aiohttp.ClientError, TimeoutError):
                    async with session.get(self.web + "/readyz") as answer:
                        if answer.status == _OK:
                            return
                await asyncio.sleep(_POLL_S)
        raise WorkerError(f"the worker is not ready in time; log: {self.log}")

    def check(self) -> None:
        """Raise if the worker has ended.

        Raises
        ------
        WorkerError
            The worker has ended; with its last lines.
        """
        code = self._process.wait(0)
        if code is not None:
            raise WorkerError(
                f"the worker ended with code {code}: {self._last_words()}; "
                f"its log: {self.log}"
            )

    async def guard(self) -> None:
        """Never return; raise once the worker has ended."""
        while True:
            self.check()
            await asyncio.sleep(_POLL_S)

    def stop(self) -> None:
        """Stop it cleanly, or kill it when that takes too long; blocks."""
        if self._process.wait(0) is None:
            self._process.terminate()
            if self._process.wait(_STOP_TIMEOUT_S) is None:
                self._process.kill()

    def _last_words(self) -> str:
        text = self.log.read_text(encoding="utf-8", errors="replace")
        return text.rstrip().rpartition("\n")[2] or "it said nothing"
