"""Workers as a supervisor sees them: processes with logs, signals and exit codes."""

import asyncio
import contextlib
import os
import socket
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

import aiohttp

from faults.waiting import eventually
from streams.tools.guarded_process import GuardedProcess

ROOT: Final = Path(__file__).parents[1]
READY_S: Final = 60.0
_LOOPBACK: Final = "127.0.0.1"
_OK: Final = 200


def surroundings() -> dict[str, str]:
    """What a program needs of our environment: none of our own settings."""
    found = {
        name: text
        for name, text in os.environ.items()
        if not name.startswith("REFUND_")
    }
    return found | {"PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"}


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind((_LOOPBACK, 0))
        port: int = probe.getsockname()[1]
    return port


class WorkerProcess:
    """One ``refund worker``; every start appends to the same log."""

    def __init__(self, name: str, settings: Mapping[str, str], folder: Path) -> None:
        self.name = name
        self.log = folder / f"{name}.log"
        self._settings = dict(settings)
        self._process: GuardedProcess | None = None
        self._web = ""

    @property
    def address(self) -> str:
        """Of its pages."""
        return self._web

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.wait(0) is None

    @property
    def code(self) -> int | None:
        """Exit code of a process that ended by itself or was asked to; None = it runs."""
        return None if self._process is None else self._process.wait(0)

    @property
    def pid(self) -> int:
        """Process id of the process that was started last."""
        return self._there.pid

    def start(self, **changes: str | None) -> None:
        """Start it, or start it again; ``changes`` are settings for good, None = not set."""
        assert not self.running
        for name, text in changes.items():
            if text is None:
                self._settings.pop(name, None)
            else:
                self._settings[name] = text
        port = free_port()
        self._web = f"http://{_LOOPBACK}:{port}"
        environ = surroundings() | self._settings | {"REFUND_WEB__PORT": str(port)}
        self._process = GuardedProcess(
            [sys.executable, "-m", "streams", "worker"], self.log, environ
        )

    def terminate(self) -> None:
        """SIGTERM, as a scheduler sends it; returns at once."""
        self._there.terminate()

    def kill(self) -> None:
        """SIGKILL; back when it is gone."""
        self._there.kill()
        self._process = None

    def pause(self) -> None:
        """SIGSTOP."""
        self._there.pause()

    def resume(self) -> None:
        """SIGCONT."""
        self._there.resume()

    def stop_anyhow(self) -> None:
        """End it at the end of a test, whatever state it is in."""
        if self.running:
            self.kill()

    async def exit_code(self, deadline_s: float) -> int:
        """Its exit code, which must come in time."""

        async def ended() -> tuple[int, ...]:
            code = self._there.wait(0)
            return () if code is None else (code,)

        (code,) = await eventually(ended, deadline_s)
        return code

    async def ready(self, deadline_s: float = READY_S) -> None:
        """Wait until ``/readyz`` says so; fails at once when the worker ends."""

        async def asked() -> bool:
            assert self.running, f"{self.name} ended: {self.tail()}"
            return await self.answers("readyz")

        await eventually(asked, deadline_s)

    async def answers(self, page: str) -> bool:
        """Whether a page answers with 200."""
        return (await self._get(page))[0] == _OK

    async def says(self, page: str) -> str:
        """What a page says, whatever its code."""
        return str((await self._get(page))[1])

    async def status(self) -> dict[str, object]:
        """What ``/status`` shows; empty when it does not answer."""
        code, body = await self._get("status", parsed=True)
        return body if code == _OK and isinstance(body, dict) else {}

    async def partitions(self) -> set[int]:
        """Return the partitions that it reads, by its `/status`."""
        found = (await self.status()).get("partitions", {})
        assert isinstance(found, dict)
        return {int(number) for number in found}

    async def metric(self, line: str) -> float | None:
        """Value of one exposed sample, named with its labels."""
        _, body = await self._get("metrics")
        for one in str(body).splitlines():
            if one.startswith(line + " "):
                return float(one.rpartition(" ")[2])
        return None

    def text(self) -> str:
        """Everything it has ever said."""
        return self.log.read_text(encoding="utf-8", errors="replace")

    def tail(self) -> str:
        return "\n".join([str(self.log), *self.text().splitlines()[-15:]])

    @property
    def _there(self) -> GuardedProcess:
        assert self._process is not None, f"{self.name} is not running"
        return self._process

    async def _get(self, page: str, *, parsed: bool = False) -> tuple[int, object]:
        timeout = aiohttp.ClientTimeout(total=2)
        with contextlib.suppress(aiohttp.ClientError, TimeoutError):
            async with (
                aiohttp.ClientSession(timeout=timeout) as session,
                session.get(f"{self._web}/{page}") as answer,
            ):
                body = await (answer.json() if parsed else answer.text())
                return answer.status, body
        return 0, ""


class Supervised:
    """A worker whose supervisor starts it again when it ends with a failure."""

    def __init__(self, worker: WorkerProcess) -> None:
        self.worker = worker
        self.codes: list[int] = []
        """Exit codes of its earlier lives."""

    async def watch(self) -> None:
        """Start it again and again, until cancelled; it may fail, but not just end."""
        while True:
            code = await self.worker.exit_code(3600)
            self.codes.append(code)
            assert code > 0, self.worker.tail()
            self.worker.start()


@asynccontextmanager
async def supervised(worker: WorkerProcess) -> AsyncIterator[Supervised]:
    """Keep a running worker alive inside the block."""
    found = Supervised(worker)
    watching = asyncio.create_task(found.watch())
    try:
        yield found
    finally:
        watching.cancel()
        await asyncio.wait({watching})
    if not watching.cancelled():
        watching.result()  # it gave up: raises why
