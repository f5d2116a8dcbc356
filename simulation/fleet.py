"""The workers of a universe, and the supervisor that starts them again."""

import asyncio
from collections.abc import Callable

import msgspec

from simulation.departure import Departure
from simulation.worker_host import EXIT_USAGE, WorkerHost, WorkerParts
from testkit.simulated import loop
from testkit.simulated.running import RunningCluster


class Fleet:
    """Workers by number, each on a host of its own.

    Parameters
    ----------
    static
        Whether each has a ``kafka.group_instance_id`` of its own.
    restart_ms
        After which the supervisor starts a worker again that has ended by itself.
    departed
        Told how each process ended that was not killed, in its last step.
    """

    def __init__(
        self,
        parts: WorkerParts,
        running: RunningCluster,
        departed: Callable[[Departure], None],
        *,
        static: bool,
        restart_ms: int,
    ) -> None:
        self._parts = parts
        self._running = running
        self._departed = departed
        self._static = static
        self._restart_s = restart_ms / 1000
        self.workers: dict[int, WorkerHost] = {}
        self._supervised = True
        self._away: dict[int, None] = {}
        """Workers that were stopped or killed by an action: the supervisor leaves them."""
        self.restarting = 0
        """Workers that have ended by themselves and are about to be started again."""

    def start(self, number: int) -> None:
        """Start a worker, for the first time or again."""
        worker = self.workers.get(number)
        if worker is None:
            worker = WorkerHost(f"worker-{number}", self._of(number), self._ended)
            self.workers[number] = worker
        self._away.pop(number, None)
        worker.start()

    def _of(self, number: int) -> WorkerParts:
        if not self._static:
            return self._parts
        replace = msgspec.structs.replace
        settings = self._parts.settings
        kafka = replace(settings.kafka, group_instance_id=f"worker-{number}")
        return replace(self._parts, settings=replace(settings, kafka=kafka))

    def _ended(self, worker: WorkerHost, departure: Departure) -> None:
        """Start a worker again that nobody has asked to end."""
        self._departed(departure)
        code = departure.code
        number = int(worker.name.rpartition("-")[2])
        if self._supervised and number not in self._away and code != EXIT_USAGE:
            self.restarting += 1
            loop.current().call_later(self._restart_s, self._start_again, number)

    def _start_again(self, number: int) -> None:
        self.restarting -= 1
        if self._supervised and number not in self._away:
            self.start(number)

    # -- what actions do -------------------------------------------------------

    def kill(self, number: int, *, silently: bool = False) -> None:
        """Let a process vanish; its connections with it, unless its machine is lost."""
        worker = self.workers.get(number)
        if worker is None or not worker.alive:
            return
        self._away[number] = None
        loop.current().resume(worker.name)
        worker.kill()
        if not silently:
            for server in self._running.servers.values():
                server.reset(worker.name)

    def terminate(self, number: int, *, again_ms: int | None = None) -> None:
        """Ask a process to end; once more after a while, if it is still there."""
        worker = self.workers.get(number)
        if worker is None or not worker.alive:
            return
        self._away[number] = None
        worker.terminate()
        if again_ms is not None:
            later_s = again_ms / 1000
            loop.current().call_later(later_s, _again, worker, worker.process)

    async def back(self, number: int, back_ms: int | None) -> None:
        """Start a worker after a while, at the earliest when the process of now has ended."""
        if back_ms is None:
            return
        worker = self.workers.get(number)
        over = None if worker is None else worker.over
        await asyncio.sleep(back_ms / 1000)
        if over is not None:
            await over.wait()
        self.start(number)

    def silent(self) -> bool:
        """Whether no worker has outputs under way."""
        return all(worker.silent() for worker in self.workers.values())

    # -- the end ---------------------------------------------------------------

    def revive(self) -> None:
        """Make sure that at least one worker is there to make progress."""
        if not any(worker.alive for worker in self.workers.values()):
            self.start(min(self.workers))

    async def end(self, told: Callable[[WorkerHost], None]) -> None:
        """Ask all to end, and wait for them; told of each that is still there."""
        self._supervised = False
        for number, worker in self.workers.items():
            if worker.alive:
                self.terminate(number)
        for worker in self.workers.values():
            if worker.process is not None:
                await asyncio.wait({worker.process})
            told(worker)


def _again(worker: WorkerHost, process: object) -> None:
    """Send a signal again, to the process that had it: never to the next one."""
    if worker.process is process:
        worker.terminate()
