"""One worker of a universe: the product as it is, without Faust's process around it.

``streams/worker/app.py`` builds the same parts for a real process. Here Faust's channels
are queues and its supervision is this file: an agent that fails, or a service, ends the
worker, as ``CrashingSupervisor`` does.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Coroutine
from typing import Any, Final, cast

import msgspec
from faust.types import ChannelT
from prometheus_client import CollectorRegistry

from simulation.assembly import settings_for
from simulation.departure import Departure
from streams.errors import UsageError, WorkerError
from streams.kafka.errors import CLIENT, translated
from streams.kafka.room import Room
from streams.metrics import Metrics
from streams.processing.family import Family
from streams.processing.policies import Policies
from streams.rate_limit import RateLimitedLog
from streams.settings import Settings
from streams.settings.topics import topic_name
from streams.worker.allocator import SharedAllocator
from streams.worker.family_counters import FamilyCounters
from streams.worker.family_processor import FamilyInputs, FamilyProcessor
from streams.worker.processor import QUEUED_POLLS
from streams.worker.reconcile_queue import QUEUED_RECONCILE_REQUESTS
from streams.worker.series import series
from streams.worker.supervision import monotonic_ms
from testkit.simulated import loop

log = logging.getLogger(__name__)

EXIT_CLEAN: Final = 0
EXIT_FAILURE: Final = 1
EXIT_USAGE: Final = 2
_FORGIVEN_S: Final = 30.0
"""How long a stop may take beyond its drain time before it counts as hung."""


class Channel:
    """What Faust's channel is to the product: a bounded queue that can be iterated."""

    def __init__(self, most: int) -> None:
        self._queue: asyncio.Queue[Any] = asyncio.Queue(most)

    async def put(self, value: object) -> None:
        """Put a value in; waits while the queue is full."""
        await self._queue.put(value)

    async def stream(self) -> AsyncIterator[Any]:
        """Yield the values, for ever."""
        while True:
            yield await self._queue.get()


class WorkerParts(msgspec.Struct, frozen=True, kw_only=True):
    """What every start of a worker is made of."""

    settings: Settings
    families: tuple[Family, ...]
    policies: Callable[[Family], Policies[Any]]
    """Policies in force at the start."""
    now_ms: Callable[[], int]
    tell: Callable[[str, str], None]
    """Told who did what, for the timeline."""


class _Life:
    """One process, from its start to its end."""

    def __init__(self) -> None:
        self.term = asyncio.Event()
        """Set by SIGTERM."""
        self.ending_s: float | None = None
        """When the end began, in running time: SIGTERM, or a failure."""
        self.asked = False
        """Whether it began with SIGTERM."""
        self.overtaken = False
        """Whether the process was suspended when SIGTERM came."""
        self.over = asyncio.Event()
        """Set at the end, and by ``kill -9``."""


class WorkerHost:
    """A machine with at most one worker process.

    Parameters
    ----------
    name
        Of the host.
    on_end
        Told how a process has ended, in its last step; not of one that was killed.
    """

    def __init__(
        self,
        name: str,
        parts: WorkerParts,
        on_end: Callable[["WorkerHost", Departure], None],
    ) -> None:
        self.name = name
        self.parts = parts
        self._on_end = on_end
        self.services: list[Service] = []
        self.starts = 0
        self.exit_codes: list[int | None] = []
        """How each process ended; None = killed."""
        self.last_words = ""
        self._life = _Life()
        self._life.over.set()
        self.process: asyncio.Task[None] | None = None
        """The process that was started last; None = it was killed, or there was none."""

    @property
    def alive(self) -> bool:
        """Whether a process runs here."""
        return self.process is not None and not self.process.done()

    def silent(self) -> bool:
        """Whether its process, if there is one, waits for no acknowledgement."""
        return not self.alive or all(one.silent() for one in self.services)

    # -- what happens to it ----------------------------------------------------

    def start(self) -> None:
        """Start a process, unless one runs."""
        if self.alive:
            return
        self.services = []
        self._life = _Life()
        self.parts.tell(self.name, "starts")
        loop.restart(self.name)
        self.process = loop.spawn(self._run(self._life), host=self.name, name=self.name)
        over = self._life.over
        self.process.add_done_callback(lambda _: over.set())

    def terminate(self) -> None:
        """Send SIGTERM."""
        if self.alive:
            self.parts.tell(self.name, "SIGTERM")
            life = self._life
            if life.ending_s is None and self._failure() is None:
                life.ending_s, life.asked = self._ran_s(), True
                life.overtaken = loop.current().is_suspended(self.name)
            life.term.set()

    def kill(self) -> None:
        """Let the process vanish at the await where it is."""
        if self.alive:
            self.parts.tell(self.name, "is killed")
            self.exit_codes.append(None)
            loop.crash(self.name)
            self._life.over.set()
            self.process = None

    @property
    def over(self) -> asyncio.Event:
        """Set when the process of now has ended, or was killed."""
        return self._life.over

    # -- the process -----------------------------------------------------------

    async def _run(self, life: "_Life") -> None:
        parts = self._this_start()
        self.services = [build(parts, family) for family in parts.families]
        failure = await self._serve(life)
        if isinstance(failure, CLIENT):  # raised outside the product's own steps
            failure = translated(failure, "the worker cannot go on", WorkerError)
        code = _exit_code(failure)
        self.last_words = "" if failure is None else str(failure)
        self.exit_codes.append(code)
        words = f": {self.last_words}" if failure is not None else ""
        self.parts.tell(self.name, f"ends with exit code {code}{words}")
        departure = Departure(
            worker=f"{self.name}.{self.starts}",
            code=code,
            asked=life.asked,
            overtaken=life.overtaken,
            took_s=self._ran_s() - (life.ending_s or 0.0),
            failure=failure,
        )
        self._on_end(self, departure)

    def _ran_s(self) -> float:
        """Return the time in which this host was not suspended."""
        running = loop.current()
        return running.time() - running.slept_s(self.name)

    def _failure(self) -> BaseException | None:
        """Return the first failure of a service; None = all is well so far."""
        found = (service.processor.failure for service in self.services)
        return next((one for one in found if one is not None), None)

    def _this_start(self) -> WorkerParts:
        """Return the parts with a client id of this start: it tells the oracles who writes."""
        replace = msgspec.structs.replace
        settings = self.parts.settings
        self.starts += 1
        kafka = replace(settings.kafka, client_id=f"{self.name}.{self.starts}")
        return replace(self.parts, settings=replace(settings, kafka=kafka))

    async def _serve(self, life: "_Life") -> BaseException | None:
        """Run the services until a signal or a failure; then stop them all."""
        ended = asyncio.ensure_future(life.term.wait())
        living = asyncio.ensure_future(self._live())
        try:
            await asyncio.wait({ended, living}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            if life.ending_s is None:
                life.ending_s = self._ran_s()
            ended.cancel()
            living.cancel()
        await asyncio.wait({living})
        processors = [service.processor for service in self.services]
        stops = [asyncio.ensure_future(one.stop()) for one in processors]
        patience_s = self.parts.settings.worker.drain_timeout_ms / 1000 + _FORGIVEN_S
        _, late = await asyncio.wait(stops, timeout=patience_s)
        if late:
            return TimeoutError("the stop hangs")
        found = [one.failure for one in processors]
        if not living.cancelled():
            found.append(living.exception())
        found += [stop.exception() for stop in stops if not stop.cancelled()]
        return next((one for one in found if one is not None), None)

    async def _live(self) -> None:
        """Start the services and their agents; ends with the first that fails."""
        for service in self.services:
            await service.processor.start()
        running = [
            asyncio.ensure_future(work)
            for service in self.services
            for work in service.work()
        ]
        try:
            done, _ = await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
            for task in running:
                if task in done:
                    await task
        finally:
            for task in running:
                task.cancel()
            await asyncio.wait(running)


class Service:
    """The service of one family, and the streams of its agents."""

    def __init__(
        self, processor: FamilyProcessor, polls: Channel, requests: Channel
    ) -> None:
        self.processor = processor
        self._polls = polls
        self._requests = requests

    def work(self) -> tuple[Coroutine[Any, Any, None], ...]:
        """Return what runs beside the service: its agents, and the wait for its end."""
        return self._drive(), self._reconcile(), self._crashed()

    def silent(self) -> bool:
        """Whether no output is under way."""
        processor = self.processor
        if not processor.built.is_set():
            return True
        return processor.sink.idle

    async def _drive(self) -> None:
        driver = await self.processor.driver()
        await driver.run(self._polls.stream())

    async def _reconcile(self) -> None:
        reconciler = await self.processor.reconciler()
        await reconciler.run(self._requests.stream())

    async def _crashed(self) -> None:
        # A cancellation in here would leave mode's own waiting tasks behind.
        await asyncio.shield(asyncio.ensure_future(self.processor.wait()))
        if self.processor.crash_reason is not None:
            raise self.processor.crash_reason


def build(parts: WorkerParts, family: Family) -> Service:
    settings = settings_for(family, parts.settings)
    metrics = Metrics(CollectorRegistry(), parts.now_ms)
    metrics.declare(series(settings))
    topic = topic_name(family.topics.input, settings.topics)
    limited = RateLimitedLog(log, monotonic_ms)
    polls, requests = Channel(QUEUED_POLLS), Channel(QUEUED_RECONCILE_REQUESTS)
    processor = FamilyProcessor(
        FamilyInputs(
            settings=settings,
            family=family,
            policies=parts.policies(family),
            now_ms=parts.now_ms,
            counters=FamilyCounters(
                metrics, (family.code, topic), parts.now_ms, limited
            ),
            polls=cast("ChannelT[Any]", polls),
            requests=cast("ChannelT[Any]", requests),
            app_version="simulated",
        ),
        SharedAllocator(),
    )
    processor.room = Room()
    return Service(processor, polls, requests)


def _exit_code(failure: BaseException | None) -> int:
    """Return the exit code of a process that ends so, as ``streams.worker.app.run`` does."""
    if failure is None:
        return EXIT_CLEAN
    return EXIT_USAGE if isinstance(failure, UsageError) else EXIT_FAILURE
