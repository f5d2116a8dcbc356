"""What happens to a partition between being assigned and being read."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Callable
from typing import Any

import faust
import msgspec
import pytest
from aiokafka import TopicPartition
from prometheus_client import CollectorRegistry

from streams.errors import FactsUnreadableError
from streams.families.fast_refund.family import FAMILY, FastRefundProcess
from streams.families.fast_refund.policy import Policies
from streams.kafka.commit_marks import read_mark
from streams.kafka.incarnations import Incarnations
from streams.kafka.input_log import Start
from streams.kafka.offsets import Offsets
from streams.kafka.output_scan import AnsweredOffsets
from streams.metrics import Metrics
from streams.processing.policies.publication import PolicyRecord, as_fields
from streams.processing.reconcile import ReconcileRequest
from streams.rate_limit import RateLimitedLog
from streams.settings import Settings, load
from streams.worker import processor
from streams.worker.family_counters import FamilyCounters
from streams.worker.family_processor import FamilyInputs, FamilyProcessor
from testkit import samples
from testkit.fakes import FakeConsumer, FakeLog, FakeProducer, headers_in, turns
from testkit.samples import NOW, NUMBER, PARTITIONS
from tests.families.fast_refund.stage import Stage
from tests.families.fast_refund.world import SHIPPED, World, policy

pytestmark = pytest.mark.asyncio

OTHER = (NUMBER + 1) % PARTITIONS
APPROVALS = TopicPartition("refund.approvals", NUMBER)


def settings(**worker: str) -> Settings:
    changed = {f"worker.{key}": value for key, value in worker.items()}
    return load({}, None, {"topics.partitions": str(PARTITIONS), **changed})


class Bench:
    """An engine on a broker in memory, as it is after ``on_start``."""

    def __init__(self, log: FakeLog, using: Settings, policies: Policies) -> None:
        app = faust.App("test", broker="kafka://nowhere:9", autodiscover=False)
        metrics = Metrics(CollectorRegistry(), lambda: NOW)
        self.log = log
        self.engine = FamilyProcessor(
            FamilyInputs(
                family=FAMILY,
                settings=using,
                policies=policies,
                now_ms=lambda: NOW,
                counters=FamilyCounters(
                    metrics,
                    ("FR", "refund.requests"),
                    lambda: NOW,
                    RateLimitedLog(logging.getLogger("test"), lambda: NOW),
                ),
                polls=app.channel(),
                requests=app.channel(),
                app_version="1",
            )
        )
        self.engine.incarnations = Incarnations(
            log.topics_now, self.engine.expected(), lambda: NOW
        )
        asking = FakeConsumer(log, "read_uncommitted")
        self.engine.equip(FakeConsumer(log), FakeConsumer(log), asking)

    async def prepare(self, **committed: int) -> None:
        """Prepare partitions, named ``p0`` and so on."""
        starts = {
            TopicPartition("refund.requests", int(name[1:])): Start(
                first=0, due=offset, committed=offset, doubted=offset
            )
            for name, offset in committed.items()
        }
        await self.engine.prepare(starts)

    def told(self) -> list[ReconcileRequest]:
        """Return what the watch agent will get."""
        queue = self.engine.reconcile_queue
        waiting = queue.waiting
        found = [waiting.get_nowait() for _ in range(waiting.qsize())]
        queue._asked.difference_update(found)  # noqa: SLF001 - as passing on does
        return found


def fast_refund(bench: Bench) -> FastRefundProcess:
    process = bench.engine.process
    assert isinstance(process, FastRefundProcess)
    return process


@contextlib.asynccontextmanager
async def built(
    log: FakeLog | None = None,
    using: Settings | None = None,
    policies: Policies | None = None,
) -> AsyncIterator[Bench]:
    bench = Bench(
        log or FakeLog(lambda: NOW),
        using or settings(),
        Policies([SHIPPED]) if policies is None else policies,
    )
    reading = asyncio.create_task(bench.engine.facts.run())
    try:
        yield bench
    finally:
        reading.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await reading


def approved(log: FakeLog, offset: int = 0) -> None:
    world = World()
    judged = world.slice([world.record(samples.request()) for _ in range(offset + 1)])
    output = judged.outputs[-1]
    log.write(
        APPROVALS, output.value, output.record[0], list(headers_in(output.record[2]))
    )


ME = f"p{NUMBER}"


def offsets(answered: AnsweredOffsets) -> set[int]:
    return set(answered.inputs.offsets())


async def test_a_new_partition_is_loaded_read_back_and_reconciled() -> None:
    log = FakeLog(lambda: NOW)
    approved(log)
    async with built(log) as bench:
        await bench.prepare(**{ME: 0})
        assert offsets(bench.engine.takeover.answered[NUMBER]) == {0}
        assert bench.engine.facts.loaded == {NUMBER}
        assert bench.told() == [
            ReconcileRequest(NUMBER),
            ReconcileRequest(NUMBER, ("r-1",)),
        ]


async def test_decisions_read_back_tell_of_policies_that_others_judged_by() -> None:
    log = FakeLog(lambda: NOW)
    approved(log)
    other = policy(version=1, paid_limit_fen=29_000)  # another file of the same name
    async with built(log, policies=Policies([other])) as bench:
        await bench.prepare(**{ME: 0})
        book = bench.engine.process.shared.book
        assert book.disagreed["decided"] == 1
        shown = bench.engine.process.shared.book.disagreements[0].text
        assert f"FR@1 (hash {SHIPPED.policy_hash})" in shown
    async with built(log, policies=Policies([SHIPPED])) as bench:
        await bench.prepare(**{ME: 0})
        assert set(bench.engine.process.shared.book.disagreed.values()) == {0}


async def test_the_file_does_not_take_the_place_of_a_version_that_was_lost() -> None:
    """The topic of policies was made anew; decisions remember a higher version."""
    log = FakeLog(lambda: NOW)
    world = World(SHIPPED, policy())
    (output,) = world.slice([world.record(samples.request())]).outputs
    headers = list(headers_in(output.record[2]))
    log.write(APPROVALS, output.value, output.record[0], headers)
    async with built(log) as bench:
        assert bench.engine.process.shared.policies.at(NOW) is SHIPPED
        await bench.prepare(**{ME: 0})
        assert bench.engine.process.shared.policies.at(NOW) is None
        assert bench.engine.process.shared.policies.missing() == (2,)


async def test_a_version_published_just_now_is_read_before_decisions_are_compared() -> (
    None
):
    log = FakeLog(lambda: NOW)
    world = World(SHIPPED, policy())
    judged = world.slice([world.record(samples.request())])
    async with built(log) as bench:
        await bench.prepare(**{f"p{OTHER}": 0})
        (output,) = judged.outputs
        headers = list(headers_in(output.record[2]))
        log.write(APPROVALS, output.value, output.record[0], headers)
        fields = as_fields(PolicyRecord(policy()))
        log.write(
            TopicPartition("refund.policies", 0), samples.encoded(fields), b"FR@2"
        )
        await bench.prepare(**{f"p{OTHER}": 0, ME: 0})
        assert set(bench.engine.process.shared.book.disagreed.values()) == {0}
        assert [one.name for one in bench.engine.process.shared.policies] == [
            "FR@1",
            "FR@2",
        ]


async def test_a_partition_that_stays_is_neither_read_back_nor_reconciled_again() -> (
    None
):
    log = FakeLog(lambda: NOW)
    approved(log)
    async with built(log) as bench:
        await bench.prepare(**{ME: 0})
        bench.told()
        bench.engine.takeover.answered[NUMBER].dead.add(("refund.orders", 3))
        await bench.prepare(**{ME: 0, f"p{OTHER}": 0})
        assert bench.told() == [ReconcileRequest(OTHER)]
        assert offsets(bench.engine.takeover.answered[NUMBER]) == {
            0
        }  # still to be skipped
        assert bench.engine.takeover.answered[NUMBER].dead == {("refund.orders", 3)}
        await bench.prepare(**{ME: 1, f"p{OTHER}": 0})
        assert offsets(bench.engine.takeover.answered[NUMBER]) == set()


async def test_preparing_that_a_rebalance_cut_short_is_made_good_by_the_next() -> None:
    """The tables are there already, but no notice of theirs was ever looked for."""
    log = FakeLog(lambda: NOW)
    approved(log)
    async with built(log) as bench:
        held = asyncio.Event()
        read = bench.engine.reader.read

        async def hold(*args: object) -> object:
            await held.wait()
            return await read(*args)  # type: ignore[arg-type]

        bench.engine.reader.read = hold  # type: ignore[method-assign,assignment]
        takeover = asyncio.create_task(bench.prepare(**{ME: 0, f"p{OTHER}": 0}))
        async with asyncio.timeout(5):
            await bench.engine.facts.until(lambda: NUMBER in bench.engine.facts.loaded)
        await turns()
        takeover.cancel()
        await asyncio.wait({takeover})
        assert bench.told() == []
        held.set()
        await bench.prepare(**{ME: 0})
        assert bench.told() == [
            ReconcileRequest(NUMBER),
            ReconcileRequest(NUMBER, ("r-1",)),
        ]


async def test_a_partition_that_left_and_came_back_is_new() -> None:
    log = FakeLog(lambda: NOW)
    approved(log)
    async with built(log) as bench:
        await bench.prepare(**{ME: 0})
        bench.told()
        await bench.prepare(**{f"p{OTHER}": 0})
        assert set(bench.engine.takeover.answered) == {OTHER}
        await bench.prepare(**{ME: 0, f"p{OTHER}": 0})
        assert bench.told()[1:] == [
            ReconcileRequest(NUMBER),
            ReconcileRequest(NUMBER, ("r-1",)),
        ]
        assert offsets(bench.engine.takeover.answered[NUMBER]) == {0}


async def test_requests_that_an_offset_of_others_passes_over_are_counted_once() -> None:
    log = FakeLog(lambda: NOW)
    approved(log)
    requests = TopicPartition("refund.requests", NUMBER)
    for number in range(1, 4):
        log.write(requests, samples.request(refund_id=f"r-{number}"), b"r-1")
    async with built(log) as bench:
        start = Start(first=0, due=3, committed=3, doubted=0)
        await bench.engine.prepare({requests: start})
        assert bench.engine.passed_over.unanswered == 2  # r-1 is answered
        assert offsets(bench.engine.takeover.answered[NUMBER]) == set()
        assert bench.engine.passed_over.deleted == 0


async def test_requests_deleted_before_there_was_an_offset_are_counted_once() -> None:
    log = FakeLog(lambda: NOW)
    approved(log)
    requests = TopicPartition("refund.requests", NUMBER)
    start = Start(first=4, due=4, committed=None, doubted=4)
    async with built(log) as bench:
        for _ in range(2):
            await bench.engine.prepare({requests: start})
        assert bench.engine.passed_over.deleted == 3  # the first is answered


async def test_the_breaker_counts_what_was_approved_before_this_worker_came() -> None:
    guarded = policy(
        breaker_shop_max_count=1, breaker_window_ms=60_000, effective_from_ms=0
    )
    log = FakeLog(lambda: NOW)
    approved(log)
    async with built(log, policies=Policies([guarded])) as bench:
        await bench.prepare(**{ME: 0})
        admit = fast_refund(bench).breaker.admit
        assert admit("FR:r-1:1", "s-1", 1, NOW, guarded) is None  # counted already
        assert admit("FR:r-2:1", "s-1", 1, NOW, guarded) == "shop"


async def test_facts_that_do_not_come_end_the_process() -> None:
    using = settings()
    using = msgspec.structs.replace(
        using, worker=msgspec.structs.replace(using.worker, load_timeout_ms=20)
    )
    bench = Bench(FakeLog(), using, Policies([SHIPPED]))  # nobody reads facts
    with pytest.raises(FactsUnreadableError, match="not loaded after"):
        await bench.prepare(**{ME: 0})


async def test_input_waits_for_a_policy_that_is_on_its_way() -> None:
    async with built(policies=Policies()) as bench:
        takeover = asyncio.create_task(bench.prepare(**{ME: 0}))
        async with asyncio.timeout(5):
            await bench.engine.facts.until(lambda: NUMBER in bench.engine.facts.loaded)
        await turns(50)
        assert not takeover.done()
        bench.log.write(
            TopicPartition("refund.policies", 0),
            samples.encoded(
                {"family": "FR", "version": 1, "effective_from_ms": samples.T}
            ),
            b"FR",
        )
        await asyncio.wait_for(takeover, 5)


async def test_what_was_held_meanwhile_is_looked_at_again_if_the_partition_stays() -> (
    None
):
    async with built() as bench:
        await bench.prepare(**{ME: 0, f"p{OTHER}": 0})
        bench.told()
        mine, gone = (
            ReconcileRequest(NUMBER, ("r-1",)),
            ReconcileRequest(OTHER, ("r-2",)),
        )
        bench.engine.reconcile_queue.hold(mine)
        bench.engine.reconcile_queue.hold(gone)
        await bench.prepare(**{ME: 0})
        assert bench.told() == [mine]
        await bench.prepare(**{ME: 0, f"p{OTHER}": 0})
        assert bench.told() == [
            ReconcileRequest(OTHER)
        ]  # all of it anyway, and nothing twice


class Parting:
    """Consumer, source, sink and clients of an engine that stops, in the order asked."""

    def __init__(self, on_flush: Callable[[], None]) -> None:
        self.asked: list[str] = []
        self.offsets = Offsets(lambda: 0)
        self.offsets.start(TopicPartition("refund.requests", NUMBER), 0)
        self.written: list[TopicPartition] = []
        self._on_flush = on_flush

    def append(self, where: TopicPartition, *_: object) -> None:
        self.written.append(where)

    def close(self) -> None:
        self.asked.append("close")

    async def flush(self) -> None:
        self.asked.append("flush")
        self._on_flush()

    async def stop(self) -> None:
        self.asked.append("stop")

    async def abort(self) -> None:
        self.asked.append("abort")


async def test_nothing_is_noticed_once_outputs_are_waited_for() -> None:
    """The watch agent outlives the producer: its last words would be lost outputs."""
    log = FakeLog(lambda: NOW)
    approved(log)
    async with built(log) as bench:
        engine = bench.engine
        gone = samples.order(order_version=2, order_status="shipped", shipped_at_ms=NOW)
        log.write(TopicPartition("refund.orders", NUMBER), gone)
        await bench.prepare(**{ME: 0})

        def look_again() -> None:
            watched.look(ReconcileRequest(NUMBER, ("r-1",)))

        parting: Any = Parting(look_again)
        engine.sink = engine.source = parting
        engine.connected.append(parting)
        engine.built.set()
        watched = await engine.reconciler()
        await engine.on_stop()
        assert parting.asked == ["close", "flush", "stop", "abort", "stop"]
        assert parting.written == []
        await bench.prepare(**{ME: 0})  # as a rebalance in between would have it
        look_again()
        assert parting.written == []
        engine.takeover.answered[NUMBER] = AnsweredOffsets()
        look_again()  # it was due all the time
        assert set(parting.written) == {TopicPartition("refund.notices", NUMBER)}


@pytest.mark.parametrize(("found_by", "shown"), [("1", "given up"), ("2", "in use")])
async def test_the_fast_path_stays_off_where_a_worker_of_this_version_found_it_wrong(
    found_by: str, shown: str
) -> None:
    async with built() as bench:
        where = TopicPartition("refund.requests", 0)
        start = Start(first=0, due=0, committed=0, doubted=0, distrusts=found_by)
        await bench.engine.prepare({where: start})
        stage = Stage(FakeLog(lambda: NOW))
        bench.engine.source, bench.engine.sink = stage.source, stage.sink
        bench.engine.hearing = bench.engine.hear(stage.source.heard)
        bench.engine.built.set()
        assert bench.engine.status()["fast_path"] == shown
        assert bench.engine.distrusts() == ("1" if shown == "given up" else None)


async def test_what_was_found_of_the_fast_path_is_committed_with_every_offset(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with built() as bench:
        engine, log = bench.engine, bench.log
        consumer = FakeConsumer(log)

        async def connected(*_given: object) -> None:
            """A broker in memory needs no connection."""

        monkeypatch.setattr(processor, "member", lambda *_given: consumer)
        monkeypatch.setattr(processor, "start", connected)
        monkeypatch.setattr(processor, "pace_fetches", lambda *_given: None)
        engine._asking = FakeConsumer(log, "read_uncommitted")  # noqa: SLF001 - of know_topics
        await engine.join(FakeProducer(log, 1), engine.reader.written)
        where = TopicPartition("refund.requests", 0)

        def committed() -> str | None:
            mark = read_mark(engine.source.marks.text(where, 1), 1)
            assert mark is not None
            return mark.distrusts

        assert committed() is None
        fast_refund(bench).judging.fast_path.doubtful = True
        assert committed() == "1"
