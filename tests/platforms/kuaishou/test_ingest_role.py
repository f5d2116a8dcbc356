"""Platform events to canonical records: all written before anything is committed."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping

import faust
import pytest
from aiokafka import TopicPartition
from aiokafka.errors import KafkaTimeoutError

from streams.errors import OutputLostError
from streams.kafka.sink import Sink
from streams.kafka.slices import Poll, Slice
from streams.kafka.source import Source, SourceLimits, Starts
from streams.platforms.kuaishou.client import Answer, SilentPlatform
from streams.platforms.kuaishou.client import Platform as PlatformClient
from streams.platforms.kuaishou.ingest import Handled, Ingest
from streams.platforms.kuaishou.ingest_role import Destination, IngestStep
from streams.platforms.kuaishou.order_placement import Placement, PlacementReader
from streams.platforms.kuaishou.reading import Reader
from streams.platforms.kuaishou.topics import INGESTED
from streams.processing.partitioner import partition_of
from streams.settings import load
from streams.settings.topics import placed
from streams.worker.agents import attach
from streams.worker.slice_driver import SliceDriver
from testkit.fakes import FakeConsumer, FakeLog, FakeProducer, input_log, turns
from testkit.samples import NOW, PARTITIONS
from tests.platforms.kuaishou.samples import (
    ADDED,
    BUYER,
    CATEGORIES,
    ORDER_ID,
    PAID,
    REFUND_ADDED,
    REFUND_ID,
    data_of,
    message,
)

pytestmark = pytest.mark.asyncio

SETTINGS = load({}, None, {"topics.partitions": str(PARTITIONS)})
EVENTS = TopicPartition("platform.kuaishou.events", 6)
"""Its number is above those of our topics: they need not have as many."""
NUMBER = partition_of(BUYER, PARTITIONS)
ORDERS = TopicPartition("refund.orders", NUMBER)
REQUESTS = TopicPartition("refund.requests", NUMBER)
LETTERS = TopicPartition("refund.dead-letters", 6 % PARTITIONS)
TRACE = ("traceparent", b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")


class Platform:
    """Answers with the samples; can be held up."""

    def __init__(self) -> None:
        self.gate = asyncio.Event()
        self.gate.set()
        self.asked = 0
        self.gifts = 0

    async def _answer(self, name: str) -> Answer:
        self.asked += 1
        await self.gate.wait()
        return data_of(name)

    async def order(self, order_id: int) -> Answer:
        assert order_id == ORDER_ID
        found = await self._answer("open.order.detail")
        if self.gifts and isinstance(found, dict):
            return found | {"subOrderInfo": [{}] * self.gifts}
        return found

    async def fee(self, order_id: int) -> Answer:
        assert order_id == ORDER_ID
        return await self._answer("open.seller.order.fee.detail")

    async def refund(self, refund_id: int, order_id: int) -> Answer:
        assert (refund_id, order_id) == (REFUND_ID, ORDER_ID)
        return await self._answer("open.seller.order.refund.detail")


class Counted:
    """What the agent told the metrics."""

    def __init__(self) -> None:
        self.kinds: list[str] = []
        self.latencies_ms: list[int] = []

    def ingested(self, piece: Slice, handled: list[Handled]) -> None:
        assert piece.partition.topic == EVENTS.topic
        self.kinds += [str(one.verdict.kind) for one in handled]

    def written(self, topic: str, latencies_ms: list[int]) -> None:
        assert topic == EVENTS.topic
        self.latencies_ms += latencies_ms


class Bench:
    """One process; another one on the same log is what comes after a restart."""

    def __init__(
        self, log: FakeLog | None = None, platform: PlatformClient | None = None
    ) -> None:
        self.log = log or FakeLog(lambda: NOW - 7)
        self.platform = Platform()
        self.asked = platform or self.platform
        self.placement = Placement(PARTITIONS, 1_000, lambda: NOW)
        self.placing = PlacementReader(
            FakeConsumer(self.log), "refund.orders", PARTITIONS, self.placement
        )
        self.consumer = FakeConsumer(self.log)
        self.producer = FakeProducer(self.log)
        self.slices: list[Slice] = []
        self.readers: dict[int, Ingest] = {}
        self.counted = Counted()
        self.source = Source(
            self.consumer,
            input_log(self.log, self.consumer, EVENTS.topic),
            SourceLimits(
                commit_interval_ms=1,
                drain_timeout_ms=5_000,
                slice_max=100,
                ownership_ms=10_000,
            ),
            self._deliver,
            self._prepare,
            lambda: 0,
        )
        self.sink = Sink(self.producer, lambda *_: None, self.producer)
        self.consumer.subscribe([EVENTS.topic], self.source)
        step = IngestStep(
            self._ingest,
            self._forget,
            Destination(
                topics={one.row.name: one for one in placed(INGESTED, SETTINGS)},
                placement=self.placement,
                app_version="1.2.3",
                record_max_bytes=65_536,
                letter_max_bytes=1_000_000,
            ),
            self.counted,
            lambda: NOW,
        )
        self.driver = SliceDriver(
            self.source, self.sink, step, self.counted.written, lambda: NOW
        )

    def _ingest(self, number: int) -> Ingest:
        if number not in self.readers:
            self.readers[number] = Ingest(
                Reader(),
                self.asked,
                categories=CATEGORIES,
                now_ms=lambda: NOW,
                placed=self.placement.of,
            )
        return self.readers[number]

    def _forget(self, number: int) -> None:
        self.readers.pop(number)

    async def _deliver(self, poll: Poll) -> None:
        self.slices += poll

    async def _prepare(self, _starts: Starts) -> None:
        await self.placing.read_on(NOW)

    async def assign(self) -> None:
        await self.consumer.rebalance(EVENTS)
        async with asyncio.timeout(5):
            while EVENTS not in self.source.read_to:  # noqa: ASYNC110 - nothing to wait on
                await asyncio.sleep(0)

    async def read(self) -> Slice:
        polled = await self.consumer.getmany(timeout_ms=1, max_records=100)
        await self.source._hand_out(polled)  # type: ignore[arg-type]  # noqa: SLF001 - one poll of run()
        return self.slices.pop(0)

    def counts(self) -> Mapping[str, int]:
        return {
            f"{where.topic}/{where.partition}": len(records)
            for where, records in self.log.records.items()
            if records and where != EVENTS
        }


async def started(
    log: FakeLog | None = None, platform: PlatformClient | None = None
) -> Bench:
    bench = Bench(log, platform)
    await bench.assign()
    return bench


async def test_a_new_refund_becomes_an_order_and_a_request_of_the_buyers_partition() -> (
    None
):
    bench = await started()
    bench.log.write(EVENTS, message(REFUND_ADDED), b"k", [TRACE, ("x", b"1")])
    await bench.driver.handle([await bench.read()])
    await bench.sink.flush()
    (order,), (request,) = bench.log.records[ORDERS], bench.log.records[REQUESTS]
    assert (order.key, request.key) == (str(ORDER_ID).encode(), str(REFUND_ID).encode())
    assert json.loads(request.value or b"")["buyer_id"] == BUYER
    assert (order.headers, request.headers) == ((TRACE,), (TRACE,))
    assert bench.source.offsets.to_commit() == {EVENTS: 1}
    assert bench.counted.latencies_ms == [7]
    assert len(bench.counted.kinds) == 1


@pytest.mark.parametrize("value", [b"\xff{", b"[1]", None])
async def test_an_event_that_cannot_be_read_is_buried_byte_for_byte(
    value: bytes | None,
) -> None:
    bench = await started()
    original = [("a", b"\xff"), ("a", b"\xff"), TRACE]
    bench.log.write(EVENTS, value, b"\x00key", original)
    await bench.driver.handle([await bench.read()])
    await bench.sink.flush()
    (letter,) = bench.log.records[LETTERS]
    assert (letter.key, letter.value) == (b"\x00key", value)
    assert list(letter.headers[:3]) == original
    added = dict(letter.headers[3:])
    assert added["refund_dlq_stage"] == b"ingest"
    assert added["refund_dlq_topic"] == EVENTS.topic.encode()
    assert added["refund_dlq_partition"] == b"6"
    assert added["refund_dlq_offset"] == b"0"
    assert bench.counts() == {f"{LETTERS.topic}/{LETTERS.partition}": 1}


async def test_an_event_that_no_client_can_take_apart_is_buried_with_what_is_left() -> (
    None
):
    bench = await started()
    bench.log.write_unread(EVENTS, b"k", message(REFUND_ADDED))
    await bench.driver.handle([await bench.read()])
    await bench.sink.flush()
    (letter,) = bench.log.records[LETTERS]
    assert (letter.key, letter.value) == (b"k", message(REFUND_ADDED))
    added = dict(letter.headers)
    assert added["refund_dlq_error"] == b"undecodable"
    assert added["refund_dlq_cut"] == b"headers"
    assert bench.counts() == {f"{LETTERS.topic}/{LETTERS.partition}": 1}


async def test_an_answer_larger_than_a_topic_takes_becomes_an_order_without_lines() -> (
    None
):
    bench = await started()
    bench.platform.gifts = 1_000
    bench.log.write(EVENTS, message(REFUND_ADDED))
    await bench.driver.handle([await bench.read()])
    await bench.sink.flush()
    (order,) = bench.log.records[ORDERS]
    assert len(order.value or b"") < 65_536
    found = json.loads(order.value or b"")
    assert (found["lines"], found["risk_code"]) == ([], -1)
    assert found["unreadable"] == ["lines"]
    assert len(bench.log.records[REQUESTS]) == 1


async def test_an_event_that_needs_no_record_is_done_all_the_same() -> None:
    bench = await started()
    bench.log.write(EVENTS, b'{"test":true}')
    await bench.driver.handle([await bench.read()])
    assert bench.counts() == {}
    assert bench.source.offsets.to_commit() == {EVENTS: 1}


async def test_an_event_is_committed_only_when_all_it_became_is_acknowledged() -> None:
    bench = await started()
    bench.producer.held = True
    bench.log.write(EVENTS, message(REFUND_ADDED))
    await bench.driver.handle([await bench.read()])
    await turns()
    bench.producer.acknowledge(1)
    await turns()
    assert bench.source.offsets.to_commit() == {}
    assert bench.counted.latencies_ms == []
    bench.producer.acknowledge(1)
    await bench.sink.flush()
    assert bench.source.offsets.to_commit() == {EVENTS: 1}


async def test_a_lost_record_ends_the_agent() -> None:
    bench = await started()
    bench.producer.held = True
    bench.log.write(EVENTS, message(REFUND_ADDED))
    await bench.driver.handle([await bench.read()])
    await turns()
    bench.producer.refuse(KafkaTimeoutError())
    await turns()
    bench.log.write(EVENTS, message(REFUND_ADDED, eventId="another"))
    with pytest.raises(OutputLostError):
        await bench.driver.handle([await bench.read()])
    assert bench.source.offsets.to_commit() == {}


async def test_the_partition_is_not_complete_while_the_platform_is_asked() -> None:
    """Else a watermark would vouch for an order whose shipping is being read."""
    bench = await started()
    bench.platform.gate.clear()
    bench.log.write(EVENTS, message(REFUND_ADDED))
    asking = asyncio.create_task(bench.driver.handle([await bench.read()]))
    await turns()
    assert bench.platform.asked
    assert bench.source.complete_until_ms(EVENTS) is None
    bench.platform.gate.set()
    await asking
    await bench.sink.flush()
    assert bench.source.complete_until_ms(EVENTS) == NOW - 7


async def test_events_taken_away_while_the_platform_is_asked_are_read_again() -> None:
    """The reader has seen them: it must not take them for copies the next time."""
    bench = await started()
    bench.platform.gate.clear()
    bench.log.write(EVENTS, message(REFUND_ADDED))
    asking = asyncio.create_task(bench.driver.handle([await bench.read()]))
    await turns()
    await bench.assign()
    bench.platform.gate.set()
    await asking
    assert bench.counts() == {}
    await bench.driver.handle([await bench.read()])
    await bench.sink.flush()
    assert (len(bench.log.records[ORDERS]), len(bench.log.records[REQUESTS])) == (1, 1)


async def test_a_slice_of_an_assignment_that_is_over_is_not_even_read() -> None:
    bench = await started()
    bench.log.write(EVENTS, message(REFUND_ADDED))
    piece = await bench.read()
    await bench.assign()
    await bench.driver.handle([piece])
    assert bench.readers == {}


async def test_copies_go_to_the_partition_of_the_first_over_a_restart() -> None:
    """A push names no buyer; what this process remembers must not decide where it goes."""
    first = await started(platform=SilentPlatform())
    ids = [(ORDER_ID + one, REFUND_ID + one, f"{BUYER}-{one}") for one in range(60)]
    asked = [
        message(
            REFUND_ADDED,
            info={"orderId": order_id, "refundId": refund_id},
            eventId=f"r-{refund_id}",
        )
        for order_id, refund_id, _ in ids
    ]
    for order_id, _, buyer_id in ids:
        fields = {"oid": order_id, "buyerOpenId": buyer_id}
        first.log.write(EVENTS, message(ADDED, info=fields, eventId=f"o-{order_id}"))
    for push in asked:
        first.log.write(EVENTS, push)
    await finish(first)
    second = await started(first.log, SilentPlatform())
    for push in asked:
        first.log.write(EVENTS, push)
    await finish(second)
    lain: dict[bytes | None, list[int]] = {}
    for where, records in first.log.records.items():
        for record in records if where.topic == "refund.requests" else ():
            lain.setdefault(record.key, []).append(where.partition)
    wanted = {
        str(refund_id).encode(): [partition_of(buyer_id, PARTITIONS)] * 2
        for _, refund_id, buyer_id in ids
    }
    assert lain == wanted


async def finish(bench: Bench) -> None:
    """Handle what is written, and commit: the process ends."""
    while bench.source.read_to[EVENTS] < bench.log.end(EVENTS):
        await bench.driver.handle([await bench.read()])
    await bench.sink.flush()
    await bench.source.stop()


async def test_a_tombstone_ends_the_row_an_order_had_before_its_buyer_was_known() -> (
    None
):
    bench = await started(platform=SilentPlatform())
    bench.log.write(EVENTS, message(PAID))
    await finish(bench)
    key = str(ORDER_ID).encode()
    old = TopicPartition("refund.orders", partition_of(str(ORDER_ID), PARTITIONS))
    assert old != ORDERS
    assert [one.value is None for one in bench.log.records[old]] == [False]
    second = await started(bench.log)
    bench.log.write(EVENTS, message(REFUND_ADDED))
    await finish(second)
    assert [(one.key, one.value is None) for one in bench.log.records[old]] == [
        (key, False),
        (key, True),
    ]
    assert [one.key for one in bench.log.records[ORDERS]] == [key]
    assert second.placement.of(ORDER_ID) == (BUYER,)


async def test_a_veto_that_must_be_found_anywhere_is_written_everywhere() -> None:
    bench = await started(platform=SilentPlatform())
    bench.log.write(EVENTS, message(PAID, info={"status": 40}))
    await finish(bench)
    assert bench.counts() == {f"refund.outcomes/{n}": 1 for n in range(PARTITIONS)}


async def test_the_agent_of_the_app_works_with_the_parts_it_waits_for() -> None:
    app = faust.App("test", broker="kafka://nowhere:9", autodiscover=False)
    bench = await started()
    bench.log.write(EVENTS, message(REFUND_ADDED))

    async def driver() -> SliceDriver:
        return bench.driver

    async def stream() -> AsyncIterator[Poll]:
        yield [await bench.read()]

    attach(app, "ingest", app.channel(), driver)
    (agent,) = app.agents.values()
    await agent.fun(stream())
    await bench.sink.flush()
    assert len(bench.log.records[REQUESTS]) == 1
