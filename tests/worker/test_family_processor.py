"""The service of a family: what it holds back, lets go, and tells of its fast path."""

import asyncio
from collections.abc import Callable, Collection
from typing import Any, cast

import msgspec
import pytest
from aiokafka import TopicPartition

from streams.errors import StalledError
from streams.kafka.commit_marks import read_mark
from streams.kafka.input_log import Start
from streams.kafka.offsets import Offsets
from streams.kafka.output_scan import AnsweredOffsets
from streams.processing.reconcile import ReconcileRequest
from streams.settings import Kafka
from streams.worker import processor
from testkit import samples
from testkit.fakes import FakeConsumer, FakeLog, FakeProducer
from testkit.samples import NOW, NUMBER
from tests.families.fast_refund.stage import Stage
from tests.worker.family_bench import ME, OTHER, approved, built, fast_refund

pytestmark = pytest.mark.asyncio


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


class Unsettled:
    """A sink whose outputs stay under way."""

    async def settled(self, partitions: Collection[int]) -> None:
        assert partitions == {NUMBER}
        await asyncio.Event().wait()


async def test_outputs_from_before_a_rebalance_are_not_waited_for_without_end() -> None:
    async with built() as bench:
        reading = bench.engine._reading  # noqa: SLF001 - what it was built from
        hasty = msgspec.structs.replace(
            reading.settings, kafka=Kafka(request_timeout_ms=1)
        )
        bench.engine._reading = msgspec.structs.replace(  # noqa: SLF001
            reading, settings=hasty
        )
        bench.engine.sink = cast("Any", Unsettled())
        where = TopicPartition("refund.requests", NUMBER)
        start = Start(first=0, due=0, committed=0, doubted=0)
        with pytest.raises(StalledError, match="from before a rebalance"):
            await bench.engine._take_over({where: start})  # noqa: SLF001
