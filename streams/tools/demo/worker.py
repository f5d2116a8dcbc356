"""The worker of a demo: one real ``refund worker``, as a process of its own."""

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
"""A worker is ready in two or three seconds; a loaded machine takes many times that."""

_STOP_TIMEOUT_S: Final = 4.0
_POLL_S: Final = 0.1
_OK: Final = 200
_LOOPBACK: Final = "127.0.0.1"


class DemoWorker:
    """Starts a worker, waits until it is ready, notices its end.

    Parameters
    ----------
    environ
        Its settings.
    log
        File of what it says.
    """

    def __init__(self, environ: Mapping[str, str], log: Path, port: int) -> None:
        self.log = log
        self.web = f"http://{_LOOPBACK}:{port}"
        self._process = GuardedProcess(
            [sys.executable, "-m", "streams", "worker"], log, environ
        )

    async def ready(self) -> None:
        """Wait until it decides requests.

        Raises
        ------
        WorkerError
            It ended, or is not ready in time.
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
        """Say when it has ended.

        Raises
        ------
        WorkerError
            It has, with its last words.
        """
        code = self._process.wait(0)
        if code is not None:
            raise WorkerError(
                f"the worker ended with code {code}: {self._last_words()}; "
                f"its log: {self.log}"
            )

    async def guard(self) -> None:
        """Return never; raise once it has ended."""
        while True:
            self.check()
            await asyncio.sleep(_POLL_S)

    def stop(self) -> None:
        """End it in order, or at once when that takes long; blocks."""
        if self._process.wait(0) is None:
            self._process.terminate()
            if self._process.wait(_STOP_TIMEOUT_S) is None:
                self._process.kill()

    def _last_words(self) -> str:
        text = self.log.read_text(encoding="utf-8", errors="replace")
        return text.rstrip().rpartition("\n")[2] or "it said nothing"
