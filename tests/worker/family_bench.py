"""The service of a family on a broker in memory, for the tests of the worker."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator

import faust
from aiokafka import TopicPartition
from prometheus_client import CollectorRegistry

from streams.families.fast_refund.family import FAMILY, FastRefundProcess
from streams.families.fast_refund.policy import Policies
from streams.kafka.incarnations import Incarnations
from streams.kafka.input_log import Start
from streams.kafka.output_scan import AnsweredOffsets
from streams.metrics import Metrics
from streams.processing.reconcile import ReconcileRequest
from streams.rate_limit import RateLimitedLog
from streams.settings import Settings, load
from streams.worker.family_counters import FamilyCounters
from streams.worker.family_processor import FamilyInputs, FamilyProcessor
from testkit import samples
from testkit.fakes import FakeConsumer, FakeLog, headers_in
from testkit.samples import NOW, NUMBER, PARTITIONS
from tests.families.fast_refund.world import SHIPPED, World

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
