"""The agents on a broker in memory: source, tables, sink, joined as the app joins them."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from typing import Any, Final

from aiokafka import TopicPartition

from streams.families.fast_refund.family import FastRefundProcess
from streams.families.fast_refund.policy import Policies
from streams.families.fast_refund.topics import TOPICS
from streams.kafka.output_scan import AnsweredOffsets, OutputScan
from streams.kafka.sink import Sink
from streams.kafka.slices import Poll, Slice
from streams.kafka.source import Source, SourceLimits, Starts
from streams.kafka.table_reader import BadFact, TableReader
from streams.kafka.topic_names import FamilyNames
from streams.processing.applied import Applied
from streams.processing.reconcile import ReconcileRequest
from streams.processing.slice_result import SliceResult
from streams.settings import load
from streams.worker.judge_step import JudgeStep
from streams.worker.reconciler import DeadLetterWriter, Duties, Reconciler
from streams.worker.slice_driver import SliceDriver
from streams.worker.transport import Clocks, Transport
from testkit import samples
from testkit.fakes import FakeConsumer, FakeLog, FakeProducer, FakeRecord, input_log
from testkit.samples import BUYER, NOW, NUMBER, PARTITIONS
from tests.families.fast_refund.world import MARK, SHIPPED, SITE, fill

INPUT: Final = TopicPartition(SITE.input_topic, NUMBER)
FACTS: Final = FamilyNames(
    TOPICS, load({}, None, {"topics.partitions": str(PARTITIONS)})
)
ORDERS, BUYERS, OUTCOMES = FACTS.owned(NUMBER)
SHOPS: Final = TopicPartition("refund.shops", NUMBER)
OUTPUTS: Final = FACTS.output_names()


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

    def acknowledged(self, topic: str, latencies_ms: list[int]) -> None:
        assert topic == SITE.input_topic
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
        if where != FACTS.policies:
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
        self.process = FastRefundProcess(SITE, Policies((SHIPPED,)))
        fill(self.process.shared)
        self.shared = self.process.shared
        self.facts = TableReader(
            self.facts_consumer, FACTS, self.process, self._applied, self._bad
        )
        self.reader = OutputScan(
            FakeConsumer(log),
            FakeConsumer(log, "read_uncommitted"),
            FACTS,
            self.process,
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
        self.clocks = Clocks(now_ms=lambda: self.now_ms, monotonic_ms=self._clock_ms)
        self.transport = Transport(
            names=FACTS,
            source=self.source,
            facts=self.facts,
            sink=self.sink,
            answered=self.answered,
        )
        self.step = JudgeStep(
            self.transport,
            self.process,
            self.counted,
            self.clocks,
            lambda number, ids: self.reconcile_queue.append(
                ReconcileRequest(number, tuple(ids))
            ),
        )
        self.driver = SliceDriver(
            self.source,
            self.sink,
            self.step,
            self.counted.acknowledged,
            lambda: self.now_ms,
        )
        self.duties = Duties(
            family=self.process,
            site=SITE,
            counters=self.counted,
            clocks=Clocks(now_ms=lambda: self.now_ms, monotonic_ms=lambda: self.now_ms),
            hold=self.held.append,
        )
        self.reconciler = Reconciler(self.transport, self.duties)

    def _clock_ms(self) -> int:
        """Tell a time that goes on each time it is asked for."""
        self.clock_ms += self.tick_ms
        return self.clock_ms

    async def _deliver(self, poll: Poll) -> None:
        self.slices += poll

    async def _prepare(self, starts: Starts) -> None:
        self.process.heard([start.distrusts for start in starts.values()])
        self.source.marks.distrusts = self.process.distrusts
        committed = {where.partition: one.offset for where, one in starts.items()}
        self.reader.forget(set(self.facts.tables) ^ set(committed))  # gone, or new
        await self.facts.load(committed)
        states = {number: self.facts.tables[number] for number in committed}
        self.facts.believe(self.facts.held.take())
        self.answered.update(await self.reader.read(states, committed))
        for number, state in states.items():
            wanted = ReconcileRequest(number, state.keys())
            self.reconcile_queue.append(wanted)

    def _applied(self, number: int, applied: Applied) -> None:
        keys = () if applied.key is None else (applied.key,)
        groups = () if applied.group is None else (applied.group,)
        self.reconcile_queue.append(ReconcileRequest(number, keys, groups))

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
        await self.driver.handle([await self.read()])

    async def look(self, by: DeadLetterWriter | None = None) -> None:
        """Let the reconciler look at all it was told."""

        async def told() -> AsyncIterator[ReconcileRequest]:
            while self.reconcile_queue:
                yield self.reconcile_queue.pop(0)

        await (by or self.reconciler).run(told())
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


def order_of(stage: Stage, **changes: object) -> None:
    """Write the next version of the order of the base case."""
    version = stage.log.end(ORDERS)
    stage.log.write(ORDERS, samples.order(order_version=version, **changes), b"o-1")


async def approve(stage: Stage) -> None:
    """Have the request of the base case approved."""
    stage.ask()
    await stage.decide()
    await stage.sink.flush()
    assert len(stage.written("refund.approvals")) == 1


async def look(stage: Stage) -> list[dict[str, Any]]:
    """Let the reconciler look at all facts written so far; return all notices."""
    await stage.caught_up()
    await stage.look()
    return stage.written("refund.notices")
