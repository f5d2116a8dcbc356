"""Build the Faust app, and run it to an exit code."""

import asyncio
import logging
import platform
import sys
from collections.abc import Callable
from typing import Any, Final

import faust
import msgspec
from faust.app.base import BootStrategy
from mode import Service
from mode.supervisors import CrashingSupervisor
from prometheus_client import CollectorRegistry, ProcessCollector
from typing_extensions import override

from streams import __version__
from streams.errors import PolicyError, RefundError, UsageError, WorkerError
from streams.families.registered import registered
from streams.kafka.errors import CLIENT, translated
from streams.metrics import Metrics, table
from streams.platforms.kuaishou.categories import load_categories
from streams.platforms.kuaishou.topics import EVENTS
from streams.processing.family import Family
from streams.processing.policies import Policies, PolicyBook
from streams.rate_limit import RateLimitedLog
from streams.settings import SHIPPED_NAME, PolicySource, Settings, load_record
from streams.settings.model import FIRST_FAMILY
from streams.settings.topics import topic_name
from streams.visible import visible
from streams.web.pages import Pages, address_of, check_address, register, web_options
from streams.worker.agents import agent_name, attach
from streams.worker.family_counters import FamilyCounters
from streams.worker.family_processor import FamilyInputs, FamilyProcessor
from streams.worker.ingest_counters import IngestCounters
from streams.worker.ingesting import IngestInputs, IngestService
from streams.worker.launcher import RefundWorker
from streams.worker.preflight import check_topics
from streams.worker.processor import QUEUED_POLLS
from streams.worker.readiness import Readiness
from streams.worker.reconcile_queue import QUEUED_RECONCILE_REQUESTS
from streams.worker.series import series
from streams.worker.supervision import monotonic_ms

log = logging.getLogger(__name__)

EXIT_FAILURE: Final = 1
EXIT_USAGE: Final = 2


class _NoFaustKafka(BootStrategy):
    """Faust runs agents, timers and web pages; our own layer reads and writes Kafka."""

    enable_kafka = False
    enable_kafka_consumer = False
    enable_kafka_producer = False


class RefundApp(faust.App):
    """A Faust app whose own consumer and producer stay switched off."""

    BootStrategy = _NoFaustKafka
    logger = logging.getLogger("faust.app")  # its lines come from Faust
    mundane_level = "debug"
    parts: "list[FamilyProcessor | IngestService]"
    """The services this worker runs."""
    refused: RefundError | None = None
    """Error that refused the start; None = not refused."""
    settings: Settings
    limited: RateLimitedLog
    """Log for lines that may occur thousands of times a second."""
    readiness: Readiness

    @property
    def failure(self) -> BaseException | None:
        """The error that ended a service; None = no error."""
        found = [self.refused, *(part.failure for part in self.parts)]
        return next((failure for failure in found if failure is not None), None)

    @override
    def _create_directories(self) -> None:
        """Create none: there are no Faust tables, and the file system may be read-only."""

    @Service.task
    async def _watch_readiness(self) -> None:
        await self.readiness.watch()

    @override
    async def on_started_init_extra_services(self) -> None:
        """Start our services last: they feed the agents, and the pages show them."""
        await super().on_started_init_extra_services()
        # Faust resumes its queues when its consumer gets partitions; ours never does.
        self.flow_control.resume()
        try:
            room = await check_topics(self.settings)
        except RefundError as refused:
            self.refused = refused
            raise
        for part in self.parts:
            part.room = room
            await self.add_runtime_dependency(part)


class Base(msgspec.Struct, frozen=True, kw_only=True):
    """What every service of a worker is built from."""

    settings: Settings
    metrics: Metrics
    now_ms: Callable[[], int]


def build_app(settings: Settings, now_ms: Callable[[], int]) -> RefundApp:
    """Build all objects of one worker; opens no connection yet.

    Raises
    ------
    UsageError
        The policy file cannot be used.
    """
    web = web_options(settings.web)
    app = RefundApp(
        "refund",
        broker=f"kafka://{settings.kafka.bootstrap_servers.split(',')[0]}",
        autodiscover=False,
        agent_supervisor=CrashingSupervisor,
        stream_wait_empty=False,
        **web,
    )
    app.parts = []
    app.readiness = Readiness(lambda: app.parts, address_of(web))
    app.settings = settings
    app.limited = RateLimitedLog(log, monotonic_ms)
    registry = CollectorRegistry()
    ProcessCollector(registry=registry)
    metrics = Metrics(registry, now_ms)
    metrics.declare(series(settings))
    metrics.put(table.BUILD, 1, __version__, platform.python_version())
    base = Base(settings=settings, metrics=metrics, now_ms=now_ms)
    if "decide" in settings.worker.roles:
        for family in registered(settings.worker.families):
            app.parts.append(_deciding(app, base, family))
    if "ingest" in settings.worker.roles:
        app.parts.append(_ingesting(app, base))
    register(app, _pages(app, metrics))
    return app


def _policies(family: Family, source: PolicySource, now_ms: int) -> Policies[Any]:
    """Return the policies in force at start; the topic of policies extends them.

    A file is checked like a record: implausible values must be allowed by name. Only
    the first family has a file; others start with the topic.

    Raises
    ------
    PolicyError
        One line per problem.
    """
    if family.code != FIRST_FAMILY or source.file == "none":
        return Policies()
    record = load_record(family.policy, source.file)
    doubts = PolicyBook(family.policy, Policies()).doubts(record, now_ms)
    if doubts:
        name = source.file or SHIPPED_NAME
        raise PolicyError(f"{name}: {line}" for line in doubts)
    return Policies((record.policy,))


def _deciding(app: RefundApp, base: Base, family: Family) -> FamilyProcessor:
    polls = app.channel(maxsize=QUEUED_POLLS)
    requests = app.channel(maxsize=QUEUED_RECONCILE_REQUESTS)
    settings = base.settings
    topic = topic_name(family.topics.input, settings.topics)
    service = FamilyProcessor(
        FamilyInputs(
            settings=settings,
            family=family,
            policies=_policies(family, settings.policy, base.now_ms()),
            now_ms=base.now_ms,
            counters=FamilyCounters(
                base.metrics, (family.code, topic), base.now_ms, app.limited
            ),
            polls=polls,
            requests=requests,
            app_version=__version__,
        )
    )
    watching = "watch" if "watch" in settings.worker.roles else "bury"
    attach(app, agent_name("decide", family.code), polls, service.driver)
    attach(app, agent_name(watching, family.code), requests, service.reconciler)
    return service


def _ingesting(app: RefundApp, base: Base) -> IngestService:
    polls = app.channel(maxsize=QUEUED_POLLS)
    settings = base.settings
    service = IngestService(
        IngestInputs(
            settings=settings,
            now_ms=base.now_ms,
            counters=IngestCounters(
                base.metrics,
                topic_name(EVENTS, settings.topics),
                base.now_ms,
                app.limited,
            ),
            polls=polls,
            categories=load_categories(settings.kuaishou.categories_file),
            app_version=__version__,
        )
    )
    attach(app, "ingest", polls, service.driver)
    return service


def run(settings: Settings, now_ms: Callable[[], int]) -> int:
    """Run one worker until it is stopped or fails; return the exit code.

    Blocks. SIGTERM and SIGINT end it cleanly: outputs acknowledged, offsets
    committed, group left, exit code 0.

    Raises
    ------
    UsageError
        Settings or policy cannot be used; nothing was started.
    """
    check_address(settings.web)
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    app = build_app(settings, now_ms)
    worker = RefundWorker(app, settings.log.level, loop)
    code: object = 0
    try:
        worker.execute_from_commandline()
    except SystemExit as ended:
        code = ended.code
    except RefundError:
        code = EXIT_FAILURE
    app.limited.flush()
    failure = app.failure
    if failure is None and isinstance(worker.crash_reason, RefundError):
        failure = worker.crash_reason  # raised in an agent
    if isinstance(failure, CLIENT):  # raised outside our own steps
        failure = translated(failure, "the worker cannot go on", WorkerError)
    if failure is not None:
        return _last_words(failure, settings.log.format)
    return code if isinstance(code, int) else EXIT_FAILURE


def _last_words(failure: BaseException, form: str) -> int:
    """Report why the worker ended, one line per problem, and return its exit code.

    Raises
    ------
    UsageError
        The failure itself, in text form: the command line reports it.
    """
    usage = isinstance(failure, UsageError)
    if form == "json":  # every line is a JSON object, the last too
        lines = failure.problems if isinstance(failure, UsageError) else [str(failure)]
        code = EXIT_USAGE if usage else EXIT_FAILURE
        for line in lines:
            log.critical("%s", line, extra={"event": "ended", "exit_code": code})
        return code
    if usage:
        raise failure
    print(f"refund: {visible(str(failure))}", file=sys.stderr)  # noqa: T201 - the last line for the operator
    return EXIT_FAILURE


def _pages(app: RefundApp, metrics: Metrics) -> Pages:
    def ready() -> tuple[bool, list[str]]:
        reasons = app.readiness.reasons()
        return not reasons, reasons

    def alive() -> tuple[bool, list[str]]:
        failure = app.failure
        return failure is None, [] if failure is None else [str(failure)]

    def status() -> dict[str, object]:
        found: dict[str, object] = {"version": __version__}
        families: dict[str, object] = {}
        for part in app.parts:
            if isinstance(part, FamilyProcessor) and part.code != FIRST_FAMILY:
                families[part.code] = part.status()
            else:
                found.update(part.status())
        return found | ({"families": families} if families else {})

    metrics.ask(table.READY, lambda: not app.readiness.reasons())
    return Pages(ready=ready, alive=alive, status=status, metrics=metrics)
