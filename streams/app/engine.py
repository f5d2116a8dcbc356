"""The engine service: clients, tables, source and sink of one deciding worker.

It owns the order of things. Start: connect, check topics, join the group. Per
assignment: facts to their end, outputs read back, notices reconciled, then read.
Stop: no new slice, outputs acknowledged, offsets committed, group left.
"""

import asyncio
import contextlib
import logging
from collections.abc import Callable, Mapping
from typing import Any, Final

import msgspec
from aiokafka import TopicPartition
from aiokafka.errors import KafkaError
from faust.types import ChannelT
from mode import Service
from typing_extensions import override

from streams.agents.decide import DecideParts
from streams.agents.judging import Judge
from streams.agents.slices import Site
from streams.agents.watch import Glance, WatchParts, everything
from streams.app.clients import build, member, start
from streams.app.counters import EngineCounters
from streams.app.memory import collect_seldom, keep_freed, set_aside
from streams.app.names import fact_topics, output_topics
from streams.app.service import WorkerService, close_all, connect, monotonic_ms
from streams.decision.breaker import Breaker
from streams.decision.ledger import APPROVED
from streams.decision.policy import FIELDS, Policies, Policy
from streams.errors import (
    FactsUnreadableError,
    StalledError,
)
from streams.kafka import twins
from streams.kafka.batches import LeanBatches
from streams.kafka.facts import FactsReader
from streams.kafka.recovery import Answered, OutputReader
from streams.kafka.sink import Sink
from streams.kafka.source import Slice, Source, SourceLimits
from streams.kafka.tables import Applied, SharedTables
from streams.records.decisions import decode_decision
from streams.settings import Settings

log = logging.getLogger(__name__)

_WATCHDOG_S: Final = 1.0
_RECONCILE_CHUNK: Final = 500
_GAUGES_S: Final = 1.0
_POLICY_WAIT_MS: Final = FIELDS["policy_wait_ms"].default
"""There is no policy yet that could say another wait."""


class EngineInputs(msgspec.Struct, frozen=True, kw_only=True):
    """What the app hands to the engine."""

    settings: Settings
    policies: Policies
    now_ms: Callable[[], int]
    counters: EngineCounters
    slices: ChannelT[Slice]
    glances: ChannelT[Glance]
    app_version: str
    source_name: str


class Engine(WorkerService):
    """Everything between Kafka and the agents, for one process."""

    def __init__(self, inputs: EngineInputs, **kwargs: Any) -> None:  # noqa: ANN401 - mode's own
        super().__init__(**kwargs)
        self._in = inputs
        settings = inputs.settings
        self._facts_names = fact_topics(settings.topics)
        self.outputs = output_topics(settings.topics)
        self.input_topic = settings.topics.prefix + "requests"
        self.answered: dict[int, Answered] = {}
        self._reconciled: set[int] = set()
        """Partitions wholly prepared: tables, outputs, breaker, notices."""
        self.shared = SharedTables(inputs.policies, settings.topics.partitions)
        self.breaker = Breaker()
        self._built = asyncio.Event()
        self._to_look: asyncio.Queue[Glance] = asyncio.Queue()
        self._began_ms = monotonic_ms()
        self._started_ms = inputs.now_ms()
        self._lag: dict[TopicPartition, int] = {}

    # -- start -----------------------------------------------------------------

    @override
    async def on_start(self) -> None:
        keep_freed()
        collect_seldom()
        settings = self._in.settings
        self.clients = await connect(
            lambda: build(settings.kafka), settings.worker.load_timeout_ms
        )
        self.facts = FactsReader(
            self.clients.facts,
            self._facts_names,
            self.shared,
            self._on_applied,
            self._on_bad,
        )
        self.reader = OutputReader(self.clients.outputs, self.outputs, self.input_topic)
        producer = self.clients.producer
        batches = LeanBatches(settings.kafka.compression_type)
        self.sink = Sink(producer, self.reader.written, batches)
        self.consumer = member(
            settings.kafka, settings.kafka.group_id, self._started_ms
        )
        worker = settings.worker
        self.source = Source(
            self.consumer,
            SourceLimits(
                commit_interval_ms=worker.commit_interval_ms,
                drain_timeout_ms=worker.drain_timeout_ms,
                slice_max=settings.kafka.max_poll_records,
                ownership_ms=settings.kafka.session_timeout_ms,
            ),
            self._deliver,
            self._prepare,
            monotonic_ms,
        )
        self._built.set()
        self.consumer.subscribe([self.input_topic], listener=self.source)
        await start(self.consumer)

    async def _deliver(self, piece: Slice) -> None:
        # A channel yields what is put into it; Faust's events carry what a topic adds.
        await self._in.slices.put(piece)  # type: ignore[arg-type]

    async def _put_glance(self, glance: Glance) -> None:
        await self._in.glances.put(glance)  # type: ignore[arg-type]

    async def decide_parts(self) -> DecideParts:
        """Return what the ``decide`` agent works with, once it exists."""
        await self._built.wait()
        site = Site(
            input_topic=self.input_topic,
            partitions=self._in.settings.topics.partitions,
            record_max_bytes=self._in.settings.worker.record_max_bytes,
            source_name=self._in.source_name,
            app_version=self._in.app_version,
        )
        return DecideParts(
            source=self.source,
            facts=self.facts,
            judge=Judge(site, self.shared, self.breaker),
            sink=self.sink,
            outputs=self.outputs,
            answered=self.answered,
            touch=self._touch,
            counters=self._in.counters,
            now_ms=self._in.now_ms,
        )

    async def watch_parts(self) -> WatchParts:
        """Return what the ``watch`` agent works with, once it exists."""
        await self._built.wait()
        return WatchParts(
            facts=self.facts,
            sink=self.sink,
            outputs=self.outputs,
            answered=self.answered,
            counters=self._in.counters,
            source_name=self._in.source_name,
            app_version=self._in.app_version,
            policy=self._policy_now,
            now_ms=self._in.now_ms,
        )

    def _policy_now(self) -> Policy | None:
        return self.shared.policies.at(self._in.now_ms())

    # -- assignments -----------------------------------------------------------

    async def _prepare(self, starts: Mapping[TopicPartition, int]) -> None:
        """Load facts and read outputs back; only then may the partitions be read."""
        began = monotonic_ms()
        committed = {where.partition: offset for where, offset in starts.items()}
        gone = (set(self.facts.tables) | self._reconciled) - set(committed)
        # A partition whose preparing was cancelled has tables, yet is new.
        new = set(committed) - self._reconciled
        self._reconciled -= gone
        for number in gone:
            self.answered.pop(number, None)
        self.reader.forget(gone | new)
        try:
            async with asyncio.timeout(self._in.settings.worker.load_timeout_ms / 1000):
                await self.facts.load(committed)
                set_aside()  # a quarter of reading back went into walking the facts
                ledgers = {
                    number: self.facts.tables[number].ledger for number in committed
                }
                found = await self.reader.read(ledgers, committed)
        except TimeoutError:
            raise FactsUnreadableError(
                f"facts and outputs not loaded after {monotonic_ms() - began} ms"
            ) from None
        for number, answered in found.items():
            kept = self.answered.get(number)
            if kept is not None:  # read on from where we were: what was dead stays dead
                answered.dead |= kept.dead
                answered.offsets |= {
                    at for at in kept.offsets if at >= committed[number]
                }
            self.answered[number] = answered
        await self._wait_for_policy()
        set_aside()
        for number in new:
            self._warm_breaker(number)
            self._reconcile(number)
            self._reconciled.add(number)
        log.info(
            "partitions %s ready after %d ms, %d of them new",
            sorted(committed),
            monotonic_ms() - began,
            len(new),
        )

    async def _wait_for_policy(self) -> None:
        """Rules 2: at start input waits for a policy, then goes to a person."""
        left_ms = _POLICY_WAIT_MS - (monotonic_ms() - self._began_ms)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(max(0, left_ms) / 1000):
                await self.facts.until(lambda: bool(self.shared.policies))

    def _warm_breaker(self, number: int) -> None:
        """Let the breaker know what was approved before this worker came.

        Each approval counts under the policy that was in force for it (R-08).
        """
        policies = self.shared.policies
        windows = [policy.breaker_window_ms or 0 for policy in policies]
        since_ms = self._in.now_ms() - max(windows, default=0)
        if not any(windows):
            return
        for newest in self.facts.tables[number].ledger.newest.values():
            for entry in newest.chain():
                if entry.outcome == APPROVED and entry.decided_at_ms > since_ms:
                    decision = decode_decision(entry.value)
                    pinned_ms = decision.requested_at_ms or decision.decided_at_ms
                    policy = policies.at(pinned_ms)
                    if policy is not None:
                        self.breaker.admit(
                            decision.decision_id,
                            decision.shop_id,
                            decision.refund_fen,
                            entry.decided_at_ms,
                            policy,
                        )

    def _reconcile(self, number: int) -> None:
        """Have every refund of a partition looked at, a few hundred at a time."""
        ids = everything(self.facts.tables[number].ledger, number).refund_ids
        self._glance(Glance(number))
        for begin in range(0, len(ids), _RECONCILE_CHUNK):
            self._glance(Glance(number, ids[begin : begin + _RECONCILE_CHUNK]))

    # -- what touches notices --------------------------------------------------

    def _on_applied(self, partition: int, applied: Applied) -> None:
        if applied.merchant_switch is not None:
            self._glance(Glance(partition))
        if applied.refund_id is not None:
            self._glance(Glance(partition, refund_ids=(applied.refund_id,)))
        if applied.order_id is not None:
            self._glance(Glance(partition, order_ids=(applied.order_id,)))

    def _on_bad(self, partition: int) -> None:
        if partition in self.answered:
            self._glance(Glance(partition))

    def _touch(self, partition: int, refund_ids: list[str]) -> None:
        self._glance(Glance(partition, refund_ids=tuple(refund_ids)))

    def _glance(self, glance: Glance) -> None:
        if "watch" in self._in.settings.worker.agents:
            self._to_look.put_nowait(glance)

    # -- tasks -----------------------------------------------------------------

    @Service.task
    async def _run_source(self) -> None:
        await self.run_until_stopped(self.source.run())

    @Service.task
    async def _run_facts(self) -> None:
        await self.run_until_stopped(self.facts.run())

    @Service.task
    async def _run_glances(self) -> None:
        await self.run_until_stopped(self._pass_glances())

    async def _pass_glances(self) -> None:
        """Bring glances to the agent: a channel's own queue is not what agents read."""
        while True:
            await self._put_glance(await self._to_look.get())

    @Service.task
    async def _run_commits(self) -> None:
        await self.run_until_stopped(self.source.commit_forever())

    @Service.task
    async def _run_twin_watch(self) -> None:
        kafka = self._in.settings.kafka
        await self.run_until_stopped(
            twins.watch(kafka, kafka.group_id, self._started_ms, self.source.refused)
        )

    @Service.task
    async def _run_sink_watch(self) -> None:
        await self.run_until_stopped(self._raise_loss())

    @Service.task
    async def _run_watchdog(self) -> None:
        await self.run_until_stopped(self._watch_progress())

    async def _raise_loss(self) -> None:
        raise await self.sink.failed()

    async def _watch_progress(self) -> None:
        """End the process when there is something to do and nothing moves."""
        limit = self._in.settings.worker.stall_after_ms
        # An idempotent producer tries for ever: nobody else gives a lost output up.
        ack_limit = min(limit, self._in.settings.kafka.request_timeout_ms)
        seen: dict[TopicPartition, tuple[int, int]] = {}
        facts_seen = (0, monotonic_ms())
        while True:
            await asyncio.sleep(_WATCHDOG_S)
            now = monotonic_ms()
            for where, idle_ms in self.source.progress.idle_ms().items():
                if idle_ms > ack_limit:
                    raise StalledError(
                        f"{where}: outputs not acknowledged for {idle_ms} ms"
                    )
            behind = await self._behind()
            for where, (offset, end) in behind.items():
                last, since = seen.get(where, (-1, now))
                if offset != last or end <= offset:
                    seen[where] = (offset, now)
                elif now - since > limit:
                    raise StalledError(
                        f"{where}: {end - offset} records wait and none was read for {limit} ms"
                    )
            read = sum(self.facts.records_read.values())
            if read != facts_seen[0] or not await self._facts_behind():
                facts_seen = (read, now)
            elif now - facts_seen[1] > limit:
                raise StalledError(f"facts wait and none was read for {limit} ms")

    async def _behind(self) -> dict[TopicPartition, tuple[int, int]]:
        """Next offset and end of every partition read, asked over another connection."""
        try:
            reading = await self.source.positions()
            if not reading:
                return {}
            ends = await self.clients.facts.end_offsets(list(reading))
        except (KafkaError, OSError):
            return {}  # no broker: that is no stall of ours
        return {where: (offset, ends[where]) for where, offset in reading.items()}

    async def _facts_behind(self) -> bool:
        try:
            return await self.facts.behind() > 0
        except (KafkaError, OSError):
            return False

    @Service.task
    async def _run_gauges(self) -> None:
        await self.run_until_stopped(self._fill_gauges())

    async def _fill_gauges(self) -> None:
        while True:
            self._lag = await self.source.lag()
            self._in.counters.look(self)
            await asyncio.sleep(_GAUGES_S)

    # -- figures -----------------------------------------------------------------

    def lag(self) -> dict[tuple[str, int], tuple[int, int]]:
        """Return (records, ms) not decided yet by (topic, partition)."""
        now = monotonic_ms()
        return {
            (where.topic, where.partition): (
                count,
                now - self.source.progress.moved_at_ms(where) if count else 0,
            )
            for where, count in self._lag.items()
        }

    def table_rows(self) -> dict[str, int]:
        """Return rows in memory by table."""
        tables = self.facts.tables.values()
        return {
            "orders": sum(len(one.orders) for one in tables),
            "buyers": sum(len(one.buyers) for one in tables),
            "refunds": sum(len(one.ledger.newest) for one in tables),
            "notices": sum(len(one.ledger.notices) for one in tables),
            "shops": len(self.shared.shops),
            "catalog": len(self.shared.listed),
            "policies": len(self.shared.policies),
        }

    def watermarks(self) -> dict[str, int | None]:
        """Return the oldest watermark by topic; None = a partition has none."""
        names = self._facts_names
        found: dict[str, int | None] = {names.shops: self.shared.lists_ms}
        tables = list(self.facts.tables.values())
        for name, marks in (
            (names.orders, [one.order_marks.ms for one in tables]),
            (names.buyers, [one.buyer_marks.ms for one in tables]),
        ):
            known = [ms for ms in marks if ms is not None]
            found[name] = min(known) if known and len(known) == len(marks) else None
        return found

    def agents_up(self) -> dict[str, bool]:
        """Return which agents this worker runs."""
        up = self.failure is None
        return dict.fromkeys(self._in.settings.worker.agents, up)

    def not_ready(self) -> list[str]:
        """Return why requests cannot be decided yet; empty = ready."""
        if not self._built.is_set():
            return ["waiting for a broker"]
        reasons = []
        if not self.source.first_assignment.is_set() and not self.idle_spare():
            reasons.append("waiting for the first assignment")
        if not self.facts.shared_loaded.is_set():
            reasons.append("loading shops, catalogue and policies")
        if set(self.facts.tables) - self.facts.loaded:
            reasons.append("loading facts")
        if not self.sink.healthy:
            reasons.append("the producer has lost an output")
        return reasons

    def idle_spare(self) -> bool:
        """Whether the group has given this worker no partition: it stands by."""
        return self.source.rebalances > 0 and not self.consumer.assignment()

    def status(self) -> dict[str, object]:
        """Return what ``/status`` shows."""
        if not self._built.is_set():
            return {"state": "connecting"}
        committable = self.source.progress.committable()
        policy = self._policy_now()
        return {
            "state": "ready" if not self.not_ready() else "starting",
            "partitions": {
                str(where.partition): {
                    "read_to": offset,
                    "acknowledged_to": committable.get(where),
                    "lag": self._lag.get(where),
                }
                for where, offset in sorted(self.source.read_to.items())
            },
            "tables": self.table_rows(),
            "watermarks_ms": self.watermarks(),
            "policy": policy.name if policy is not None else None,
            "policy_refused": list(self.shared.policy_refusals),
            "rebalances": self.source.rebalances,
        }

    # -- stop ------------------------------------------------------------------

    @override
    async def on_stop(self) -> None:
        if not self._built.is_set():
            return
        await self.halt()
        self.source.close()
        await close_all(
            [
                self.sink.flush,
                self.source.stop,
                self.consumer.stop,
                self.sink.abort,
                self.clients.stop,
            ],
            self._in.settings.worker.drain_timeout_ms,
        )
