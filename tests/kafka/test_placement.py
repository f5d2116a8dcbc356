"""Where the rows of orders are, read from the topic itself."""

import asyncio

import pytest
from aiokafka import TopicPartition
from aiokafka.errors import KafkaConnectionError

from streams.errors import FactsUnreadableError
from streams.platforms.kuaishou.order_placement import Placement, PlacementReader
from streams.processing.partitioner import partition_of
from testkit import samples
from testkit.fakes import FakeConsumer, FakeLog

PARTITIONS = 4
HORIZON_MS = 1_000
BUYERS = [f"b-{number}" for number in range(40)]
HERE = BUYERS[0]
AWAY = next(
    one
    for one in BUYERS
    if partition_of(one, PARTITIONS) != partition_of(HERE, PARTITIONS)
)
BESIDE = next(
    one
    for one in BUYERS[1:]
    if partition_of(one, PARTITIONS) == partition_of(HERE, PARTITIONS)
)


def home(owner: str) -> int:
    return partition_of(owner, PARTITIONS)


class Bench:
    def __init__(self) -> None:
        self.ms = 50_000
        self.log = FakeLog(lambda: self.ms)
        self.start()

    def start(self) -> None:
        """Begin a process: nothing is remembered."""
        self.consumer = FakeConsumer(self.log)
        self.placement = Placement(PARTITIONS, HORIZON_MS, lambda: self.ms)
        self.reader = PlacementReader(
            self.consumer, "orders", PARTITIONS, self.placement
        )

    def write(self, order_id: str, owner: str, *, ended: bool = False) -> None:
        where = TopicPartition("orders", home(owner))
        buyer_id = None if owner == order_id else owner
        value = samples.order(order_id=order_id, buyer_id=buyer_id)
        self.log.write(where, None if ended else value, order_id.encode())

    async def read(self) -> int:
        return await asyncio.wait_for(self.reader.read_on(self.ms), 5)


@pytest.mark.asyncio
async def test_a_new_process_knows_from_the_topic_whose_every_order_is() -> None:
    bench = Bench()
    for number in range(5_000):
        bench.write(str(number + 1), BUYERS[number % len(BUYERS)])
    assert await bench.read() == 5_000
    assert len(bench.placement) == 5_000
    assert bench.placement.of(7) == (BUYERS[6],)
    assert bench.placement.of(9_999) == ()


@pytest.mark.asyncio
async def test_what_is_read_again_later_is_only_what_came_since() -> None:
    bench = Bench()
    bench.write("1", HERE)
    assert await bench.read() == 1
    assert await bench.read() == 0
    bench.write("2", AWAY)
    bench.log.skip(TopicPartition("orders", home(AWAY)))
    assert await bench.read() == 1
    assert bench.placement.of(2) == (AWAY,)


@pytest.mark.asyncio
async def test_reading_begins_where_the_horizon_does() -> None:
    bench = Bench()
    bench.write("1", HERE)
    bench.ms += HORIZON_MS + 1
    bench.write("2", HERE)
    assert await bench.read() == 1
    assert (bench.placement.of(1), bench.placement.of(2)) == ((), (HERE,))


@pytest.mark.asyncio
async def test_an_order_without_a_buyer_is_placed_by_its_own_id() -> None:
    bench = Bench()
    bench.write("77", "77")
    await bench.read()
    assert bench.placement.of(77) == ("77",)


@pytest.mark.asyncio
async def test_a_tombstone_ends_the_row_of_its_own_partition_only() -> None:
    bench = Bench()
    bench.write("1", HERE)
    bench.write("1", AWAY)
    bench.write("2", HERE)
    bench.write("2", HERE, ended=True)
    await bench.read()
    assert set(bench.placement.of(1)) == {HERE, AWAY}  # a move was cut short
    assert bench.placement.of(2) == ()
    bench.write("1", HERE, ended=True)
    await bench.read()
    assert bench.placement.of(1) == (AWAY,)


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("key", "value"),
    [
        (b"__watermark__", samples.watermark()),
        (b"o-1", samples.order()),
        (b"", samples.order()),
        (None, samples.order()),
        (b"9" * 5_000, samples.order()),
        (b"1", b"no json"),
        (b"1", b"\xff"),
        (b"1", b"[" * 5_000),
    ],
)
async def test_what_is_no_order_of_ours_is_passed_over(
    key: bytes | None, value: bytes
) -> None:
    bench = Bench()
    bench.log.write(TopicPartition("orders", 0), value, key)
    assert await bench.read() == 1
    assert len(bench.placement) == 0


@pytest.mark.asyncio
async def test_a_topic_that_cannot_be_read_is_told_as_our_error() -> None:
    bench = Bench()
    bench.consumer.fail("end_offsets", KafkaConnectionError())
    with pytest.raises(FactsUnreadableError):
        await bench.read()


def test_a_row_of_another_buyer_in_the_same_partition_takes_the_place() -> None:
    placement = Placement(PARTITIONS, HORIZON_MS, lambda: 0)
    placement.wrote(1, HERE)
    placement.wrote(1, BESIDE)
    assert placement.of(1) == (BESIDE,)
    placement.wrote(1, AWAY)
    placement.wrote(1, HERE)
    assert set(placement.of(1)) == {AWAY, HERE}
    placement.ended(1, home(AWAY))
    assert placement.of(1) == (HERE,)
    placement.ended(1, home(HERE))
    assert placement.of(1) == ()
    placement.ended(1, home(HERE))


def test_rows_are_forgotten_between_one_and_two_horizons_after_they_were_written() -> (
    None
):
    now = [0]
    placement = Placement(PARTITIONS, HORIZON_MS, lambda: now[0])
    placement.wrote(1, HERE)
    placement.wrote(2, HERE)
    now[0] = HORIZON_MS + 1
    placement.wrote(3, HERE)
    assert placement.of(1) == (HERE,)  # a horizon has passed, not two
    placement.wrote(2, HERE)
    now[0] = 2 * HORIZON_MS + 2
    placement.wrote(4, HERE)
    assert (placement.of(1), placement.of(2), placement.of(3)) == ((), (HERE,), (HERE,))
    assert len(placement) == 3
