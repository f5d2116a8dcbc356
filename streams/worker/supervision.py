"""Shared parts of a worker's services: wait for a broker, end together."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Sequence
from typing import Any, Final, Protocol, TypeVar

from aiokafka.errors import KafkaConnectionError
from mode import Service

from streams.errors import WorkerError
from streams.kafka.ending import Client, disconnect
from streams.kafka.errors import FOREIGN, translated

log = logging.getLogger(__name__)

_CONNECT_RETRY_S: Final = 1.0
_AFTER_A_FAILED_START_MS: Final = 500
_GRACE_S: Final = 0.1
"""Time for a cancelled step to end, seconds."""


class Connectable(Protocol):
    """Clients that connect and disconnect together."""

    async def start(self) -> None:
        """Connect; raises when no broker answers."""

    def all(self) -> Sequence[Client]:
        """Return all clients."""


C = TypeVar("C", bound=Connectable)


def monotonic_ms() -> int:
    """Return monotonic ms; for durations, not for records."""
    return time.monotonic_ns() // 1_000_000


async def pause_before_retry() -> None:
    """Wait before the next attempt to reach a broker."""
    await asyncio.sleep(_CONNECT_RETRY_S)


async def connect(make: Callable[[], C], patience_ms: int) -> C:
    """Create clients and start them; wait up to ``patience_ms`` for a broker.

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
        except BaseException as problem:
            await disconnect(clients.all(), _AFTER_A_FAILED_START_MS)
            if not isinstance(problem, FOREIGN):
                raise
            if monotonic_ms() - began > patience_ms:
                raise translated(problem, "no broker answers", WorkerError) from problem
            log.warning("no broker answers yet: %s", problem)
            await pause_before_retry()
        else:
            return clients


async def patiently(start: Callable[[], Awaitable[None]], patience_ms: int) -> None:
    """Start a client; while no broker can be reached try again, for up to ``patience_ms``.

    For a client that others already know, so that it cannot be replaced.

    Raises
    ------
    WorkerError
        No broker answered in time.
    """
    began = monotonic_ms()
    while True:
        try:
            await start()
        except KafkaConnectionError as problem:
            if monotonic_ms() - began > patience_ms:
                raise translated(problem, "no broker answers", WorkerError) from problem
            log.warning("no broker answers any more: %s", problem)
            await pause_before_retry()
        else:
            return


class WorkerService(Service):
    """A service whose tasks run until it stops; a failed task ends the process."""

    mundane_level = "debug"

    def __init__(self, **options: Any) -> None:  # noqa: ANN401 - mode's own options
        super().__init__(**options)
        self.failure: BaseException | None = None
        self.stopping = False
        self._running: set[asyncio.Future[None]] = set()

    async def run_until_stopped(self, work: Coroutine[Any, Any, None]) -> None:
        """Run a task until the service stops; an error before that ends the process."""
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
        """End the tasks: nothing new is read; outputs in flight go on."""
        self.stopping = True
        for task in self._running:
            task.cancel()
        if self._running:
            await asyncio.wait(set(self._running))


async def in_turn(
    steps: Iterable[Callable[[], Awaitable[None]]], until_s: float
) -> None:
    """Run steps one after the other, all together until a deadline on the loop's clock.

    A step that fails or takes too long does not prevent the next; every step is
    started. A cancellation inside a step does not leave it.
    """
    loop = asyncio.get_running_loop()
    for step in steps:
        task = asyncio.ensure_future(step())
        try:
            await asyncio.wait({task}, timeout=max(0.0, until_s - loop.time()))
        finally:
            late = not task.done()
            task.cancel()
        if late:
            log.warning("shutdown does not wait any longer: the drain time is over")
            await asyncio.wait({task}, timeout=_GRACE_S)
        elif not task.cancelled() and task.exception() is not None:
            problem = task.exception()
            log.warning(
                "shutdown was not clean: %s: %s", type(problem).__name__, problem
            )
