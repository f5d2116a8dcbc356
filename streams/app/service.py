"""What the services of a worker share: waiting for a broker, ending as one."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, Final, Protocol, TypeVar

from aiokafka.errors import KafkaError
from mode import Service

from streams.errors import WorkerError

log = logging.getLogger(__name__)

_CONNECT_RETRY_S: Final = 1.0


class Connectable(Protocol):
    """Clients that connect and disconnect together."""

    async def start(self) -> None:
        """Connect; raises when no broker answers."""

    async def stop(self) -> None:
        """Disconnect."""


C = TypeVar("C", bound=Connectable)


def monotonic_ms() -> int:
    """Milliseconds that never jump; for spans, not for records."""
    return time.monotonic_ns() // 1_000_000


async def pause_before_retry() -> None:
    """Wait before asking again whether a broker answers."""
    await asyncio.sleep(_CONNECT_RETRY_S)


async def connect(make: Callable[[], C], patience_ms: int) -> C:
    """Make clients and start them; wait for a broker as long as ``patience_ms``.

    Raises
    ------
    WorkerError
        No broker answered in time.
    """
    began = monotonic_ms()
    while True:
        clients = make()
        try:
            await clients.start()
        except (KafkaError, OSError) as problem:
            await clients.stop()
            if monotonic_ms() - began > patience_ms:
                raise WorkerError(f"no broker answers: {problem}") from problem
            log.warning("no broker answers yet: %s", problem)
            await pause_before_retry()
        else:
            return clients


class WorkerService(Service):
    """A service whose tasks run until it stops, or end the process together."""

    mundane_level = "debug"

    def __init__(self, **options: Any) -> None:  # noqa: ANN401 - mode's own options
        super().__init__(**options)
        self.failure: BaseException | None = None
        self.stopping = False
        self._running: set[asyncio.Future[None]] = set()

    async def run_until_stopped(self, work: Coroutine[Any, Any, None]) -> None:
        """Run a task until the service stops; what it raises before ends the process."""
        task = asyncio.ensure_future(work)
        self._running.add(task)
        try:
            await task
        except asyncio.CancelledError:
            if not self.stopping:
                raise
        except Exception as problem:
            if self.failure is None:
                self.failure = problem
            raise
        finally:
            self._running.discard(task)

    async def halt(self) -> None:
        """End the tasks: nothing new is read; what is on its way goes on."""
        self.stopping = True
        for task in self._running:
            task.cancel()
        if self._running:
            await asyncio.wait(set(self._running))


async def close_all(
    closers: list[Callable[[], Awaitable[None]]], patience_ms: int
) -> None:
    """Call each in turn; one that fails or takes too long does not hinder the next."""
    for close in closers:
        try:
            async with asyncio.timeout(patience_ms / 1000):
                await close()
        except (KafkaError, OSError, TimeoutError, WorkerError) as problem:
            log.warning(
                "closing was not clean: %s: %s", type(problem).__name__, problem
            )
