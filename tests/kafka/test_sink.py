"""Batches out: in order, gathered, and never acknowledged before they are."""

import asyncio
from collections.abc import Sequence

import pytest
from aiokafka import TopicPartition
from aiokafka.errors import KafkaTimeoutError, NotEnoughReplicasError

from streams.errors import OutputLostError
from streams.kafka.offsets import Offsets, PendingSlice
from streams.kafka.sink import Sink
from streams.records.record_format import block_of
from testkit.fakes import FakeLog, FakeProducer, turns

pytestmark = pytest.mark.asyncio

INPUT = TopicPartition("requests", 0)
A = TopicPartition("approvals", 0)
B = TopicPartition("reviews", 0)
HEADERS = [("ce_id", b"FR:r:1"), ("ce_id", b"twice"), ("raw", b"\xff\x00")]


class Bench:
    def __init__(self, room: int = 1000, full_bytes: int = 1_000_000) -> None:
        self.log = FakeLog()
        self.producer = FakeProducer(self.log, room)
        self.producer.full_bytes = full_bytes
        self.written: list[tuple[TopicPartition, int, int]] = []
        self.sink = Sink(
            self.producer,
            lambda *seen: self.written.append(seen),
            self.producer,
        )
        self.progress = Offsets(lambda: 0)
        self.progress.start(INPUT, 0)

    def claim(self) -> PendingSlice:
        return self.progress.track_slice(INPUT, 1)

    def append(
        self,
        value: bytes,
        where: TopicPartition = A,
        claim: PendingSlice | None = None,
        headers: Sequence[tuple[str, bytes]] = (),
    ) -> None:
        record = (b"key", value, block_of(headers))
        self.sink.append(where, [record], claim or self.claim())

    def sizes(self) -> list[int]:
        return [batch.record_count() for batch in self.producer.sent]


async def test_a_record_leaves_with_its_key_value_and_headers_as_given() -> None:
    bench = Bench()
    bench.append(b"one", headers=HEADERS)
    await bench.sink.flush()
    (found,) = bench.log.records[A]
    assert (found.key, found.value, found.headers) == (b"key", b"one", tuple(HEADERS))
    assert bench.written == [(A, 0, 1)]
    assert bench.sink.healthy


async def test_order_is_kept_over_many_batches() -> None:
    bench = Bench(room=3)
    values = [b"%d" % number for number in range(100)]
    for value in values:
        bench.append(value)
    await bench.sink.flush()
    assert bench.log.values("approvals") == values
    assert max(bench.sizes()) == 3
    assert sum(count for _, _, count in bench.written) == 100


async def test_what_comes_while_a_batch_is_on_its_way_gathers_in_the_next() -> None:
    bench = Bench()
    bench.producer.held = True
    bench.append(b"0")
    await turns()
    for number in range(1, 20):
        bench.append(b"%d" % number)
        await turns(2)
    assert bench.sizes() == [1]
    bench.producer.acknowledge()
    await turns()
    assert bench.sizes() == [1, 19]
    bench.producer.acknowledge()
    await bench.sink.flush()
    assert bench.log.values("approvals") == [b"%d" % number for number in range(20)]


async def test_only_what_finds_its_partition_idle_leaves_in_a_quick_batch() -> None:
    bench = Bench(room=2)
    bench.producer.held = True
    for number in range(5):  # a quick one of 2, then 2 and 1 that gather
        bench.append(b"%d" % number)
    for _ in range(3):
        await turns()
        bench.producer.acknowledge()
    await bench.sink.flush()
    assert bench.sizes() == [2, 2, 1]
    assert bench.producer.quick_ones == bench.producer.sent[:1]
    bench.producer.held = False
    bench.append(b"idle again")
    await bench.sink.flush()
    sent = bench.producer.sent
    assert bench.producer.quick_ones == [sent[0], sent[3]]


async def test_partitions_do_not_wait_for_each_other() -> None:
    bench = Bench()
    bench.producer.held = True
    bench.append(b"slow", A)
    bench.append(b"quick", B)
    await turns()
    bench.producer.waiting.reverse()
    bench.producer.acknowledge()
    assert bench.log.values("reviews") == [b"quick"]
    assert bench.log.values("approvals") == []
    bench.producer.acknowledge()
    await bench.sink.flush()


async def test_a_claim_is_released_only_when_all_its_batches_are_acknowledged() -> None:
    bench = Bench(room=2)
    bench.producer.held = True
    claim = bench.claim()
    for number in range(3):  # two batches of one partition
        bench.append(b"%d" % number, A, claim)
    bench.append(b"other", B, claim)
    claim.release()
    for _ in range(3):
        await turns()
        assert bench.progress.to_commit() == {}
        assert claim.waiting > 0
        bench.producer.acknowledge()
    await bench.sink.flush()
    assert claim.waiting == 0
    assert bench.progress.to_commit() == {INPUT: 1}


async def test_the_same_batch_is_held_once_by_one_claim_and_once_by_each_other() -> (
    None
):
    bench = Bench()
    bench.producer.held = True
    first, second = bench.claim(), bench.claim()
    for claim in (first, first, second, second):
        bench.append(b"x", A, claim)
    assert (first.waiting, second.waiting) == (2, 2)
    await turns()
    bench.producer.acknowledge()
    await bench.sink.flush()
    assert (first.waiting, second.waiting) == (1, 1)


async def test_what_finds_no_room_goes_on_in_further_batches() -> None:
    bench = Bench(room=3)
    bench.producer.held = True
    bench.append(b"0")
    bench.append(b"1")
    claim = bench.claim()
    values = [b"%d" % number for number in range(10)]
    records = [(b"key", value, block_of([])) for value in values[2:]]
    bench.sink.append(A, records, claim)
    assert claim.waiting == 1 + 4  # the first batch had room for one more
    claim.release()
    for _ in range(4):
        await turns()
        assert claim.waiting > 0
        bench.producer.acknowledge()
    await bench.sink.flush()
    assert (bench.sizes(), claim.waiting) == ([3, 3, 3, 1], 0)
    assert bench.log.values("approvals") == values


async def test_a_batch_without_room_is_not_waited_for() -> None:
    bench = Bench(room=2)
    bench.producer.held = True
    full, late = bench.claim(), bench.claim()
    for value in (b"0", b"1"):
        bench.append(value, A, full)
    bench.append(b"2", A, late)
    assert (full.waiting, late.waiting) == (2, 2)
    await turns()
    bench.producer.acknowledge()
    await turns()
    assert (full.waiting, late.waiting) == (1, 2)
    bench.producer.acknowledge()
    await bench.sink.flush()
    assert late.waiting == 1


async def test_nothing_to_write_sends_nothing() -> None:
    bench = Bench()
    claim = bench.claim()
    bench.sink.append(A, [], claim)
    await bench.sink.flush()
    assert (bench.sizes(), claim.waiting) == ([], 1)


@pytest.mark.parametrize("how", ["refused", "unanswered"])
async def test_a_failure_stops_everything_after_it(how: str) -> None:
    bench = Bench(room=1)
    bench.producer.held = True
    if how == "refused":
        bench.producer.fail("send_batch", NotEnoughReplicasError())
    claims = [bench.claim() for _ in range(3)]
    for number, claim in enumerate(claims):
        bench.append(b"%d" % number, A, claim)
        claim.release()
    await turns()
    if how == "unanswered":
        bench.producer.refuse(KafkaTimeoutError())
        await turns()
    failure = await asyncio.wait_for(bench.sink.failed(), 5)
    assert "approvals/0 was not acknowledged" in str(failure)
    assert not bench.sink.healthy
    assert bench.log.values("approvals") == []  # nothing overtakes the lost one
    assert [claim.waiting for claim in claims] == [1, 1, 1]
    assert bench.progress.to_commit() == {}
    for wait in (bench.sink.room, bench.sink.flush):
        with pytest.raises(OutputLostError):
            await wait()


async def test_after_a_failure_no_other_partition_sends_anything_new() -> None:
    bench = Bench()
    bench.producer.held = True
    late = bench.claim()
    bench.append(b"lost", A)
    bench.append(b"on its way", B, late)
    await turns()
    bench.append(b"next", B)
    bench.producer.refuse(KafkaTimeoutError())
    await turns()
    bench.producer.acknowledge()  # what was on its way arrives and counts
    await turns()
    assert bench.log.values("reviews") == [b"on its way"]
    assert late.waiting == 1
    bench.append(b"later", B)
    await turns()
    assert bench.sizes() == [1, 1]


async def test_the_first_failure_is_the_one_that_is_told() -> None:
    bench = Bench()
    bench.producer.held = True
    bench.append(b"a", A)
    bench.append(b"b", B)
    await turns()
    bench.producer.refuse(KafkaTimeoutError("first"))
    bench.producer.refuse(KafkaTimeoutError("second"))
    await turns()
    assert "first" in str(await bench.sink.failed())


@pytest.mark.parametrize(
    ("full_bytes", "most"),
    [(1_000_000, 8), (250_000, 32)],  # the smaller they are, the more may wait
)
async def test_writers_wait_when_8_mb_of_full_batches_are_queued_and_go_on_after(
    full_bytes: int, most: int
) -> None:
    """A request takes one batch of a partition: else its backlog would stop the others."""
    bench = Bench(room=1, full_bytes=full_bytes)
    bench.producer.held = True
    bench.append(b"on its way")
    await turns()
    for number in range(most):
        bench.append(b"%d" % number)
    await asyncio.wait_for(bench.sink.room(), 5)  # all but one queued, one being filled
    bench.append(b"one more")
    writer = asyncio.ensure_future(bench.sink.room())
    await turns()
    assert not writer.done()
    bench.producer.acknowledge()
    await asyncio.wait_for(writer, 5)
    bench.producer.held = False
    bench.producer.acknowledge(1)
    await bench.sink.flush()


async def test_one_long_queue_is_enough_to_wait() -> None:
    bench = Bench(room=1)
    bench.producer.held = True
    for where in (A, B):
        bench.append(b"on its way", where)
    await turns()
    for where in (A, B):
        for number in range(9):
            bench.append(b"%d" % number, where)
    writer = asyncio.ensure_future(bench.sink.room())
    bench.producer.acknowledge(1)
    await turns()
    assert not writer.done()  # the other queue is long still
    bench.producer.acknowledge(1)
    await asyncio.wait_for(writer, 5)
    await bench.sink.abort()


async def test_many_short_queues_are_enough_to_wait() -> None:
    bench = Bench(room=1)
    bench.producer.held = True
    lanes = [TopicPartition("approvals", number) for number in range(32)]
    for where in lanes:
        bench.append(b"on its way", where)
    await turns()
    for where in lanes:
        for number in range(3):  # two queued, one being filled
            bench.append(b"%d" % number, where)
    writer = asyncio.ensure_future(bench.sink.room())
    await turns()
    assert not writer.done()
    bench.producer.acknowledge(1)
    await asyncio.wait_for(writer, 5)
    await bench.sink.abort()


async def test_a_writer_that_waits_for_room_learns_of_a_failure() -> None:
    bench = Bench(room=1)
    bench.producer.held = True
    for number in range(12):
        bench.append(b"%d" % number)
        await turns(1)
    writer = asyncio.ensure_future(bench.sink.room())
    await turns()
    assert not writer.done()
    bench.producer.refuse(KafkaTimeoutError())
    with pytest.raises(OutputLostError):
        await writer


async def test_aborting_leaves_what_is_not_acknowledged_unacknowledged() -> None:
    bench = Bench()
    bench.producer.held = True
    claim = bench.claim()
    bench.append(b"x", A, claim)
    claim.release()
    await turns()
    await bench.sink.abort()
    bench.producer.acknowledge()
    await turns()
    assert claim.waiting == 1
    assert bench.progress.to_commit() == {}


async def test_an_acknowledgement_without_an_offset_is_passed_on() -> None:
    bench = Bench()
    bench.producer.says_offsets = False
    bench.append(b"x")
    await bench.sink.flush()
    assert bench.written == [(A, -1, 1)]


async def test_flushing_when_there_is_nothing_returns_at_once() -> None:
    await Bench().sink.flush()


async def test_a_partition_is_settled_when_nothing_for_it_is_under_way() -> None:
    bench = Bench()
    bench.producer.held = True
    other = TopicPartition("approvals", 1)
    bench.append(b"one")
    await turns()
    bench.append(b"two")
    bench.append(b"other", where=other)
    await asyncio.wait_for(bench.sink.settled({2}), 5)
    settled = asyncio.ensure_future(bench.sink.settled({0}))
    await turns()
    bench.producer.acknowledge()
    await turns()
    assert not settled.done()  # the second batch leaves only now
    bench.producer.acknowledge(2)
    await asyncio.wait_for(settled, 5)
    assert len(bench.log.records[A]) == 2


async def test_a_partition_whose_output_is_lost_does_not_settle() -> None:
    bench = Bench()
    bench.producer.fail("send_batch", NotEnoughReplicasError())
    bench.append(b"one")
    with pytest.raises(OutputLostError):
        await asyncio.wait_for(bench.sink.settled({0}), 5)
