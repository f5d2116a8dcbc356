"""Starts workers, and starts again those that failed, as a scheduler does."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from faults.lab import Lab
from faults.waiting import eventually
from faults.workers import WorkerProcess

_LOOK_S: Final = 0.05
_START_AGAIN_S: Final = 0.5
"""As schedulers wait before they start a process again."""
_NEEDS_A_PERSON: Final = 2
"""Exit code that asks for a person; starting again would not help."""
STOP_S: Final = 10.0
"""What schedulers leave a process between SIGTERM and SIGKILL, at the least."""


class Supervisor:
    """The workers of a run; starts them again inside :meth:`watching`."""

    def __init__(self, lab: Lab) -> None:
        self._lab = lab
        self.workers: list[WorkerProcess] = []
        self._supervised: set[WorkerProcess] = set()
        self.codes: list[tuple[str, int]] = []
        """Name and exit code of every worker that ended by itself."""
        self.given_up: list[str] = []
        """Workers that asked for a person."""

    async def add(self, count: int = 1, **settings: str) -> list[WorkerProcess]:
        """Start more workers and wait until they are ready."""
        fresh = [self.start_new(**settings) for _ in range(count)]
        for worker in fresh:
            await worker.ready()
        return fresh

    def start_new(self, **settings: str) -> WorkerProcess:
        """Start one more worker and supervise it."""
        worker = self._lab.worker(**settings)
        self.workers.append(worker)
        self._begin(worker)
        return worker

    def _begin(self, worker: WorkerProcess, **changes: str | None) -> None:
        worker.start(**changes)
        self._supervised.add(worker)

    def kill(self, worker: WorkerProcess) -> None:
        """SIGKILL a worker and start it again at once."""
        self._supervised.discard(worker)
        if worker.running:
            worker.kill()
        self._begin(worker)

    def kill_for_good(self, worker: WorkerProcess) -> None:
        """SIGKILL a worker for good."""
        self._supervised.discard(worker)
        if worker.running:
            worker.kill()

    async def stop(self, worker: WorkerProcess) -> int:
        """SIGTERM a worker, leave it down, and return its exit code, within ten seconds."""
        self._supervised.discard(worker)
        worker.terminate()
        return await worker.exit_code(STOP_S)

    def start(self, worker: WorkerProcess, **changes: str | None) -> None:
        """Start a worker that is down; ``changes`` are settings for good, None = not set."""
        self._begin(worker, **changes)

    async def ready(self, deadline_s: float = 60.0) -> None:
        """Wait until all supervised workers are ready."""

        async def asked() -> bool:
            return all(
                [
                    worker.running and await worker.answers("readyz")
                    for worker in list(self._supervised)
                ]
            )

        await eventually(asked, deadline_s)

    async def owned(self) -> dict[str, set[int]]:
        """Return the partitions that each running worker reads, by its `/status`."""
        return {
            worker.name: await worker.partitions()
            for worker in self.workers
            if worker.running
        }

    def alive(self) -> int:
        """Count workers that run."""
        return sum(worker.running for worker in self.workers)

    @asynccontextmanager
    async def watching(self) -> AsyncIterator[None]:
        """Start failed workers again inside the block; end all workers at its end."""
        task = asyncio.create_task(self._watch())
        try:
            yield
        finally:
            task.cancel()
            await asyncio.wait({task})
            for worker in self.workers:
                worker.stop_anyhow()
        if not task.cancelled():
            task.result()

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(_LOOK_S)
            for worker in list(self._supervised):
                code = worker.code
                if code is None:
                    continue
                self.codes.append((worker.name, code))
                if code == _NEEDS_A_PERSON:
                    self._supervised.discard(worker)
                    self.given_up.append(worker.name)
                    continue
                await asyncio.sleep(_START_AGAIN_S)
                if worker in self._supervised and not worker.running:
                    worker.start()
