"""Workers and their supervisor: who ends with a failure is started again."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from faults.lab import Lab
from faults.waiting import eventually
from faults.workers import Worker

_LOOK_S: Final = 0.05
_START_AGAIN_S: Final = 0.5
"""As schedulers wait before they start a process again."""
_NEEDS_A_PERSON: Final = 2
"""Exit code that asks for a person; starting again would not help."""
STOP_S: Final = 10.0
"""What schedulers leave a process between SIGTERM and SIGKILL, at the least."""


class Crew:
    """The workers of a run, kept alive while :meth:`watching`."""

    def __init__(self, lab: Lab) -> None:
        self._lab = lab
        self.workers: list[Worker] = []
        self._kept: set[Worker] = set()
        self.codes: list[tuple[str, int]] = []
        """Name and exit code of every worker that ended by itself."""
        self.given_up: list[str] = []
        """Workers that asked for a person."""

    async def add(self, count: int = 1, **settings: str) -> list[Worker]:
        """Start more workers; back when they are ready."""
        fresh = [self.hire(**settings) for _ in range(count)]
        for worker in fresh:
            await worker.ready()
        return fresh

    def hire(self, **settings: str) -> Worker:
        """Start one more worker, and keep it alive."""
        worker = self._lab.worker(**settings)
        self.workers.append(worker)
        self._begin(worker)
        return worker

    def _begin(self, worker: Worker, **changes: str | None) -> None:
        worker.start(**changes)
        self._kept.add(worker)

    def kill(self, worker: Worker) -> None:
        """SIGKILL a worker; its supervisor starts it again at once."""
        self._kept.discard(worker)
        if worker.running:
            worker.kill()
        self._begin(worker)

    def lose(self, worker: Worker) -> None:
        """SIGKILL a worker for good."""
        self._kept.discard(worker)
        if worker.running:
            worker.kill()

    async def stop(self, worker: Worker) -> int:
        """SIGTERM a worker and leave it down; its exit code, within ten seconds."""
        self._kept.discard(worker)
        worker.terminate()
        return await worker.exit_code(STOP_S)

    def start(self, worker: Worker, **changes: str | None) -> None:
        """Start a worker that is down; ``changes`` are settings for good, None = not set."""
        self._begin(worker, **changes)

    async def ready(self, deadline_s: float = 60.0) -> None:
        """Wait until all that are kept are ready; ends of theirs are mended meanwhile."""

        async def asked() -> bool:
            return all(
                [
                    worker.running and await worker.answers("readyz")
                    for worker in list(self._kept)
                ]
            )

        await eventually(asked, deadline_s)

    async def owned(self) -> dict[str, set[int]]:
        """Partitions that each running worker reads, by its own word."""
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
        """Keep alive what is kept, inside the block; all are ended at its end."""
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
            for worker in list(self._kept):
                code = worker.code
                if code is None:
                    continue
                self.codes.append((worker.name, code))
                if code == _NEEDS_A_PERSON:
                    self._kept.discard(worker)
                    self.given_up.append(worker.name)
                    continue
                await asyncio.sleep(_START_AGAIN_S)
                if worker in self._kept and not worker.running:
                    worker.start()
