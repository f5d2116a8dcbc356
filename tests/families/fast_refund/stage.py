"""The agents on a broker in memory: source, tables, sink, joined as the app joins them."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Callable
from typing import Any, Final

from aiokafka import TopicPartition

from streams.families.fast_refund.breaker import Breaker
from streams.families.fast_refund.judge import Judge
from streams.families.fast_refund.slice_result import SliceResult
from streams.families.fast_refund.tables import Applied
from streams.kafka.output_scan import AnsweredOffsets, OutputScan, OutputTopics
from streams.kafka.sink import Sink
from streams.kafka.slices import Poll, Slice
from streams.kafka.source import Source, SourceLimits, Starts
from streams.kafka.table_reader import BadFact, FactTopics, TableReader
from streams.worker import reconciler, slice_driver
from streams.worker.reconciler import ReconcileRequest, WatchParts
from streams.worker.slice_driver import DecideParts
from testkit import samples
from testkit.fakes import FakeConsumer, FakeLog, FakeProducer, FakeRecord, input_log
from testkit.samples import BUYER, NOW, NUMBER, PARTITIONS
from tests.families.fast_refund.world import MARK, SITE, shared_tables

INPUT: Final = TopicPartition(SITE.input_topic, NUMBER)
FACTS: Final = FactTopics(
    orders="refund.orders",
    buyers="refund.buyers",
    outcomes="refund.outcomes",
    shops="refund.shops",
    catalog="refund.catalog",
    policies="refund.policies",
    partitions=PARTITIONS,
)
ORDERS, BUYERS, OUTCOMES = FACTS.owned(NUMBER)
SHOPS: Final = TopicPartition("refund.shops", NUMBER)
OUTPUTS: Final = OutputTopics(
    approvals="refund.approvals",
    reviews="refund.reviews",
    skipped="refund.skipped",
    notices="refund.notices",
    dead_letters="refund.dead-letters",
)


def _input(number: int) -> TopicPartition:
    return TopicPartition(SITE.input_topic, number)


class Counted:
    """What the agents told the metrics."""

    def __init__(self) -> None:
        self.slices: list[SliceResult] = []
        self.latencies_ms: list[int] = []
        self.kinds: list[str] = []
        self.dead: list[tuple[str, str]] = []

    def judged(self, partition: int, judged: SliceResult) -> None:
        assert partition == NUMBER
        self.slices.append(judged)

    def acknowledged(self, latencies_ms: list[int]) -> None:
        self.latencies_ms += latencies_ms

    def noticed(self, kind: str) -> None:
        self.kinds.append(kind)

    def dead_fact(self, topic: str, error: str) -> None:
        self.dead.append((topic, error))


def world_of_facts(log: FakeLog) -> None:
    """Write the base case into the fact topics."""
    log.write(ORDERS, samples.order(), b"o-1")
    log.write(BUYERS, samples.buyer(), BUYER.encode())
    for where in (*FACTS.owned(NUMBER), *FACTS.shared()):
        if where.topic != FACTS.policies:
            log.write(where, samples.watermark(), MARK)


class Stage:
    """One worker process; another one on the same log is what comes after a crash."""

    def __init__(self, log: FakeLog, room: int = 1000) -> None:
        self.log = log
        self.now_ms = NOW
        self.clock_ms = self.tick_ms = 0
        self.counted = Counted()
        self.answered: dict[int, AnsweredOffsets] = {}
        self.reconcile_queue: list[ReconcileRequest] = []
        self.held: list[ReconcileRequest] = []
        self.slices: list[Slice] = []
        self.facts_consumer = FakeConsumer(log)
        self.facts = TableReader(
            self.facts_consumer, FACTS, shared_tables(), self._applied, self._bad
        )
        self.reader = OutputScan(
            FakeConsumer(log),
            FakeConsumer(log, "read_uncommitted"),
            OUTPUTS,
            SITE.input_topic,
        )
        self.producer = FakeProducer(log, room)
        self.sink = Sink(self.producer, self.reader.written, self.producer)
        self.consumer = FakeConsumer(log)
        self.source = Source(
            self.consumer,
            input_log(log, self.consumer, SITE.input_topic),
            SourceLimits(
                commit_interval_ms=1,
                drain_timeout_ms=5_000,
                slice_max=100,
                ownership_ms=10_000,
            ),
            self._deliver,
            self._prepare,
            lambda: self.now_ms,
        )
        self.consumer.subscribe([SITE.input_topic], self.source)
        self.parts = DecideParts(
            source=self.source,
            facts=self.facts,
            judge=Judge(SITE, self.facts.shared, Breaker()),
            sink=self.sink,
            outputs=OUTPUTS,
            answered=self.answered,
            touch=lambda number, ids: self.reconcile_queue.append(
                ReconcileRequest(number, tuple(ids))
            ),
            counters=self.counted,
            now_ms=lambda: self.now_ms,
            clock_ms=self._clock_ms,
        )
        self.watch_parts = WatchParts(
            facts=self.facts,
            sink=self.sink,
            outputs=OUTPUTS,
            answered=self.answered,
            counters=self.counted,
            source_name="/refund.watch",
            app_version="1.2.3",
            letter_max_bytes=SITE.letter_max_bytes,
            policy=lambda: self.facts.shared.policies.at(self.now_ms),
            now_ms=lambda: self.now_ms,
            ours=lambda number: self.source.owns(_input(number), self.now_ms),
            claim=lambda number: self.source.offsets.track_output(_input(number)),
            hold=self.held.append,
        )

    def _clock_ms(self) -> int:
        """Tell a time that goes on each time it is asked for."""
        self.clock_ms += self.tick_ms
        return self.clock_ms

    async def _deliver(self, poll: Poll) -> None:
        self.slices += poll

    async def _prepare(self, starts: Starts) -> None:
        fast_path = self.parts.judge.fast_path
        fast_path.heard([start.distrusts for start in starts.values()])
        self.source.marks.distrusts = fast_path.distrusts
        committed = {where.partition: one.offset for where, one in starts.items()}
        self.reader.forget(set(self.facts.tables) ^ set(committed))  # gone, or new
        await self.facts.load(committed)
        ledgers = {number: self.facts.tables[number].ledger for number in committed}
        self.facts.believe(self.facts.held.take())
        self.answered.update(await self.reader.read(ledgers, committed))
        for number, ledger in ledgers.items():
            self.reconcile_queue.append(reconciler.everything(ledger, number))

    def _applied(self, number: int, applied: Applied) -> None:
        refunds = () if applied.refund_id is None else (applied.refund_id,)
        orders = () if applied.order_id is None else (applied.order_id,)
        self.reconcile_queue.append(ReconcileRequest(number, refunds, orders))

    def _bad(self, bad: BadFact) -> None:
        self.reconcile_queue.append(ReconcileRequest(bad.where.partition))

    def ask(self, **changes: object) -> None:
        self.log.write(INPUT, samples.request(**changes), b"r-1")

    async def assign(self) -> None:
        await self.consumer.rebalance(INPUT)
        async with asyncio.timeout(5):
            while INPUT not in self.source.read_to:  # noqa: ASYNC110 - nothing to wait on
                await asyncio.sleep(0)

    async def read(self) -> Slice:
        """Poll the next slice off the input."""
        polled = await self.consumer.getmany(timeout_ms=1, max_records=100)
        await self.source._hand_out(polled)  # type: ignore[arg-type]  # noqa: SLF001 - one poll of run()
        return self.slices.pop(0)

    async def decide(self) -> None:
        await slice_driver.handle([await self.read()], self.parts)

    async def look(
        self, act: Callable[[ReconcileRequest, WatchParts], None] = reconciler.look
    ) -> None:
        """Let the watch agent look at all it was told."""

        async def told() -> AsyncIterator[ReconcileRequest]:
            while self.reconcile_queue:
                yield self.reconcile_queue.pop(0)

        await reconciler.run(told(), self.watch_parts, act)
        await self.sink.flush()

    async def caught_up(self) -> None:
        """Return when every fact written so far is applied."""
        async with asyncio.timeout(5):
            while await self.facts.behind():  # noqa: ASYNC110 - asked, not told
                await asyncio.sleep(0)

    def written(self, topic: str) -> list[dict[str, Any]]:
        return [json.loads(one.value or b"") for one in self.records(topic)]

    def records(self, topic: str) -> list[FakeRecord]:
        return self.log.records[TopicPartition(topic, NUMBER)]


@contextlib.asynccontextmanager
async def ready(log: FakeLog | None = None, room: int = 1000) -> AsyncIterator[Stage]:
    """Start a worker that has loaded everything and owns the base case's partition."""
    if log is None:
        log = FakeLog(lambda: NOW)
        world_of_facts(log)
    stage = Stage(log, room)
    reading = asyncio.create_task(stage.facts.run())
    try:
        await stage.assign()
        yield stage
    finally:
        reading.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await reading
        await stage.sink.abort()
