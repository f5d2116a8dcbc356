"""The service of one family: clients, facts, source and sink of a deciding worker.

It owns the order of steps. Start: connect, check topics, join the group. Per
assignment: read facts to their end, read outputs back, reconcile outputs, then read
input. Stop: read no new slice, wait for acknowledgements, commit offsets, leave the
group.
"""

import logging
from collections.abc import Callable, Collection, Mapping
from functools import cached_property
from typing import Any

import msgspec
from aiokafka import AIOKafkaConsumer
from faust.types import ChannelT
from mode import Service
from typing_extensions import override

from streams.kafka.clients import build
from streams.kafka.fact_logs import FactLogs
from streams.kafka.incarnations import Expected, expected
from streams.kafka.output_scan import OutputScan
from streams.kafka.passed_over import PassedOver
from streams.kafka.slices import Poll
from streams.kafka.source import Starts
from streams.kafka.table_reader import BadFact, TableReader
from streams.kafka.topic_names import FamilyNames
from streams.logs import log_news
from streams.processing.family import Family, FamilyProcess
from streams.processing.policies import Policies
from streams.processing.reconcile import ReconcileRequest
from streams.processing.site import Site
from streams.records.unread import Bounds
from streams.settings import Settings
from streams.settings.topics import placed
from streams.worker.agents import agent_name
from streams.worker.allocator import Allocator, ProcessAllocator
from streams.worker.family_counters import FamilyCounters
from streams.worker.gauges import FamilyGauges
from streams.worker.judge_step import JudgeStep
from streams.worker.policy_watch import compare_files, file_of, shown
from streams.worker.processor import Processor, ProcessorParts
from streams.worker.reconcile_queue import DeadLettersOnly, ReconcileQueue
from streams.worker.reconciler import DeadLetterWriter, Duties, Reconciler
from streams.worker.slice_driver import SliceDriver
from streams.worker.supervision import connect, monotonic_ms
from streams.worker.takeover import Takeover, TakeoverParts
from streams.worker.transport import Clocks, Transport
from streams.worker.watchdog import DecidingWatchdog, Patience, Watchdog

log = logging.getLogger(__name__)


class FamilyInputs(msgspec.Struct, frozen=True, kw_only=True):
    """What the app passes to a family's service."""

    settings: Settings
    family: Family
    policies: Policies[Any]
    now_ms: Callable[[], int]
    counters: FamilyCounters
    polls: ChannelT[Poll]
    requests: ChannelT[ReconcileRequest]
    app_version: str


class FamilyProcessor(Processor):
    """Connects Kafka with the slice driver and the reconciler of one family, for one process."""

    def __init__(
        self,
        inputs: FamilyInputs,
        allocator: Allocator | None = None,
        **options: Any,  # noqa: ANN401 - mode's own
    ) -> None:
        settings, family = inputs.settings, inputs.family
        self._in = inputs
        self._allocator = allocator or ProcessAllocator()
        self.code = family.code
        self.names = FamilyNames(family.topics, settings)
        parts = ProcessorParts(
            settings=settings,
            topic=self.names.input,
            group_id=settings.group_of(family.code),
            slice_max=settings.kafka.max_poll_records,
            polls=inputs.polls,
            now_ms=inputs.now_ms,
            policy_file=file_of(inputs.policies),
        )
        super().__init__(parts, **options)
        watched = "watch" in settings.worker.roles
        self.reconcile_queue = (ReconcileQueue if watched else DeadLettersOnly)(
            self._put_request
        )
        self._clocks = Clocks(now_ms=inputs.now_ms, monotonic_ms=monotonic_ms)

    # -- start -----------------------------------------------------------------

    @override
    async def on_start(self) -> None:
        self._allocator.tune()
        settings = self._in.settings
        self.clients = await connect(
            lambda: build(settings.kafka, self._fact_bounds()),
            settings.worker.load_timeout_ms,
        )
        self.connected += self.clients.all()
        await self.know_topics(self.clients.asking)
        self.equip(self.clients.facts, self.clients.outputs, self.clients.asking)
        await self.join(self.clients.producer, self.reader.written)

    def _fact_bounds(self) -> Bounds:
        """Return the size limits for reading facts.

        A worker keeps unreadable facts as long as it owns their partition; so of one
        that is too large it keeps only the beginning.
        """
        most = self._in.settings.worker.record_max_bytes
        return Bounds(most, min(most, self.letter_max_bytes()))

    @cached_property
    def process(self) -> FamilyProcess[Any, Any]:
        """The family in this process; available once the size limits of topics are known."""
        return self._in.family.process(self._site, self._in.policies)

    @cached_property
    def _site(self) -> Site:
        settings = self._in.settings
        return Site(
            input_topic=self.names.input,
            partitions=self.names.partitions,
            record_max_bytes=settings.worker.record_max_bytes,
            source_name=f"/{self.names.input}",
            app_version=self._in.app_version,
            topic_prefix=settings.topics.prefix,
            decision_max_bytes=self.room.decision(self.names.output_names()),
            letter_max_bytes=self.letter_max_bytes(),
        )

    def equip(
        self,
        facts: AIOKafkaConsumer,
        outputs: AIOKafkaConsumer,
        asking: AIOKafkaConsumer,
    ) -> None:
        """Build the readers of facts and outputs, on consumers of their own."""
        settings, process = self._in.settings, self.process
        self.facts = TableReader(
            facts,
            self.names,
            process,
            self.reconcile_queue.at_applied,
            self._on_bad,
        )
        self._hearing_facts = self.hear(self.facts.heard)
        self.reader = OutputScan(outputs, asking, self.names, process)
        self.fact_logs = FactLogs(self.facts, self.incarnations, asking)
        self.passed_over = PassedOver(outputs, self.bounds(), process.mark)
        self.takeover = Takeover(
            TakeoverParts(
                facts=self.facts,
                fact_logs=self.fact_logs,
                reader=self.reader,
                passed_over=self.passed_over,
                family=process,
                reconcile_queue=self.reconcile_queue,
                load_timeout_ms=settings.worker.load_timeout_ms,
                now_ms=self._in.now_ms,
            ),
            self._allocator.set_aside,
        )

    @override
    def expected(self) -> Mapping[str, Expected]:
        return expected(placed(self._in.family.topics.rows(), self._in.settings))

    @override
    async def look_at_logs(self) -> None:
        await self.fact_logs.look()

    @override
    async def prepare(self, starts: Starts) -> None:
        self.process.heard(start.distrusts for start in starts.values())
        log_news(log, self.process.news)
        await self.takeover.prepare(starts)

    @override
    def read_again(self, partitions: Collection[int]) -> None:
        self.reader.rewind(partitions)

    @override
    def distrusts(self) -> str | None:
        return self.process.distrusts()

    async def _put_request(self, wanted: ReconcileRequest) -> None:
        await self._in.requests.put(wanted)  # type: ignore[arg-type]  # a channel takes any value

    def _on_bad(self, bad: BadFact) -> None:
        self._in.counters.bad_fact(bad)
        partition = bad.where.partition
        if partition in self.takeover.answered:
            self.reconcile_queue.at(ReconcileRequest(partition))

    @cached_property
    def _transport(self) -> Transport:
        return Transport(
            names=self.names,
            source=self.source,
            facts=self.facts,
            sink=self.sink,
            answered=self.takeover.answered,
        )

    async def driver(self) -> SliceDriver:
        """Return the slice driver, once it is built."""
        await self.built.wait()
        counters = self._in.counters
        step = JudgeStep(
            self._transport,
            self.process,
            counters,
            self._clocks,
            self.reconcile_queue.at_keys,
        )
        return SliceDriver(
            self.source, self.sink, step, counters.acknowledged, self._in.now_ms
        )

    async def reconciler(self) -> DeadLetterWriter:
        """Return the reconciler, once it is built."""
        await self.built.wait()
        watches = "watch" in self._in.settings.worker.roles
        return (Reconciler if watches else DeadLetterWriter)(
            self._transport,
            Duties(
                family=self.process,
                site=self._site,
                counters=self._in.counters,
                clocks=self._clocks,
                hold=self.reconcile_queue.hold,
            ),
        )

    # -- tasks -----------------------------------------------------------------

    @Service.task
    async def _run_facts(self) -> None:
        await self.run_until_stopped(self.facts.run())

    @Service.task
    async def _run_reconcile_queue(self) -> None:
        await self.run_until_stopped(self.reconcile_queue.pass_on())

    @override
    def watchdog(self, patience: Patience) -> Watchdog:
        return DecidingWatchdog(self.source, self.facts, self.clients.facts, patience)

    @Service.task
    async def _run_policy_watch(self) -> None:
        await self.run_until_stopped(self._compare_files())

    async def _compare_files(self) -> None:
        await self.built.wait()
        settings, source = self._in.settings, self.source
        group = settings.group_of(self.code)
        book = self.process.shared.book
        await compare_files(settings.kafka, group, source, book)

    # -- what pages show -------------------------------------------------------

    @cached_property
    @override
    def figures(self) -> FamilyGauges:
        """Lag, rows and watermarks; available once everything is built."""
        return FamilyGauges(self.source, self.facts, self.process, self._in.now_ms)

    @override
    def look(self) -> None:
        self._in.counters.look(self)

    def agents_up(self) -> dict[str, bool]:
        """Return which of the family's roles run; ``ingest`` is none of them."""
        up = self.failure is None
        ours = [name for name in self._in.settings.worker.roles if name != "ingest"]
        return {agent_name(name, self.code): up for name in ours}

    def not_ready(self) -> list[str]:
        """Return the reasons why requests cannot be decided yet; empty = ready."""
        if not self.built.is_set():
            return ["waiting for a broker"]
        reasons = []
        if not self.source.first_assignment.is_set() and not self.idle_spare():
            reasons.append("waiting for the first assignment")
        if not self.facts.shared_loaded.is_set():
            reasons.append("loading shared facts and policies")
        if set(self.facts.tables) - self.facts.loaded:
            reasons.append("loading facts")
        reasons += [
            f"{topic} cannot be read to its end: an open transaction of another producer "
            "hides its last records"
            for topic in sorted({where.topic for where in self.reader.held_back})
        ]
        reasons += self.unwatched() + self.cut_off()
        if not self.sink.healthy:
            reasons.append("the producer has lost an output")
        return reasons

    @override
    def cut_off(self) -> list[str]:
        facts = "the brokers have not answered for the facts for too long"
        return super().cut_off() + [facts] * self._hearing_facts.lost()

    @override
    def reads(self) -> str | None:
        found = super().reads()
        if found is None or not self.source.read_to:
            return found
        policy = self._policy_now()
        named = policy.name if policy is not None else "none"
        return f"{found} {self.takeover.told}, policy {named}"

    def _policy_now(self) -> Any:  # noqa: ANN401 - the family's own
        return self.process.shared.policies.at(self._in.now_ms())

    def status(self) -> dict[str, object]:
        """Return what ``/status`` shows."""
        if not self.built.is_set():
            return {"state": "connecting"}
        policy, figures = self._policy_now(), self.figures
        book = self.process.shared.book
        return {
            "state": "ready" if not self.not_ready() else "starting",
            "partitions": figures.partitions(),
            "tables": figures.table_rows(),
            "watermarks_ms": figures.watermarks(),
            "misrouted": figures.misrouted(),
            "policy": policy.name if policy is not None else None,
            "policy_hash": policy.policy_hash if policy is not None else None,
            "policy_refused": [
                f"{one.name}: {line}"
                for one in book.refused_last
                for line in one.problems
            ],
            "policies": shown(book, self._in.now_ms()),
            "rebalances": self.source.rebalances,
            **self.process.status(),
        }

    # -- stop ------------------------------------------------------------------

    @override
    def let_go(self) -> None:
        self.takeover.let_go()
