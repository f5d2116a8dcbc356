"""Fetches lie apart while there is much to read, and nothing is read otherwise for it."""

import asyncio
import itertools
from types import SimpleNamespace
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition
from typing_extensions import override

from streams.kafka.aiokafka_internals.fetch_pacing import FetchPacing, pace_fetches
from tests.kafka.conftest import Kafka
from tests.kafka.test_broker import create
from tests.kafka.test_fetch_decode import producer, send

BATCHES = 12


@pytest.mark.parametrize(
    ("records", "wait_ms"),
    [(0, 0), (1, 0), (2, 0.4), (5, 1.0), (20, 4.0), (5_000, 4.0)],
)
def test_a_fetch_waits_a_fifth_of_a_millisecond_a_record_four_at_most(
    records: int, wait_ms: float
) -> None:
    pacing = FetchPacing(gather_ms=4)
    pacing.leaves(10.0)
    pacing.came(records)
    assert pacing.wait_s(10.0) == pytest.approx(wait_ms / 1000)


def test_what_came_in_several_polls_counts_together() -> None:
    pacing = FetchPacing(gather_ms=4)
    pacing.leaves(10.0)
    pacing.came(3)
    pacing.came(5)
    assert pacing.wait_s(10.0) == pytest.approx(0.0016)


def test_the_time_a_fetch_took_counts_as_waiting() -> None:
    pacing = FetchPacing(gather_ms=4)
    pacing.leaves(10.0)
    pacing.came(20)
    assert pacing.wait_s(10.003) == pytest.approx(0.001)
    assert pacing.wait_s(10.0039) == 0  # less than a timer can wait
    assert pacing.wait_s(11.0) == 0


def test_a_fetch_that_leaves_begins_anew() -> None:
    pacing = FetchPacing(gather_ms=4)
    pacing.came(20)
    pacing.leaves(10.0)
    assert pacing.wait_s(10.0) == 0


def test_nothing_waits_when_it_is_switched_off() -> None:
    pacing = FetchPacing(gather_ms=0)
    pacing.leaves(10.0)
    pacing.came(5_000)
    assert pacing.wait_s(10.0) == 0


class Fetcher:
    """Chooses the same request again and again, as aiokafka's until it is sent."""

    def __init__(self, requests: list[object]) -> None:
        self.requests = requests

    def _get_actions_per_node(self, _assignment: object) -> tuple[Any, ...]:
        return self.requests, {"node": "reset"}, 0.2, False, ["resumed"]


class Consumer:
    """As much of a consumer as is reached into."""

    def __init__(self, *requests: object) -> None:
        self._fetcher = Fetcher(list(requests))

    def choose(self) -> tuple[Any, ...]:
        return self._fetcher._get_actions_per_node(None)  # noqa: SLF001


@pytest.fixture
def now(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """A clock that stands still until it is moved."""
    moment = [10.0]
    clock = SimpleNamespace(monotonic=lambda: moment[0])
    monkeypatch.setattr("streams.kafka.aiokafka_internals.fetch_pacing.time", clock)
    return moment


@pytest.mark.usefixtures("now")
def test_a_request_that_has_to_wait_is_kept_back_and_everything_else_is_not() -> None:
    consumer, pacing = Consumer("fetch"), FetchPacing(gather_ms=1_000)
    pace_fetches(consumer, pacing)
    assert consumer.choose()[0] == ["fetch"]
    pacing.came(5_000)
    assert consumer.choose() == ([], {"node": "reset"}, 0.2, False, ["resumed"])


def test_it_is_asked_again_when_the_time_is_up(now: list[float]) -> None:
    consumer, pacing = Consumer("fetch"), FetchPacing(gather_ms=50)
    pace_fetches(consumer, pacing)
    consumer.choose()
    pacing.came(200)
    requests, _, timeout, _, _ = consumer.choose()
    assert requests == []
    assert timeout == pytest.approx(0.04)
    now[0] += timeout
    assert consumer.choose()[0] == ["fetch"]


@pytest.mark.usefixtures("now")
def test_having_nothing_to_fetch_is_no_fetch() -> None:
    consumer, pacing = Consumer(), FetchPacing(gather_ms=1_000)
    pace_fetches(consumer, pacing)
    pacing.leaves(10.0)
    pacing.came(5_000)
    assert consumer.choose()[0] == []
    assert pacing.wait_s(10.0) == pytest.approx(1.0)  # what came still counts


class Noting(FetchPacing):
    """Notes when fetches left, and how many records had come since the one before."""

    def __init__(self, gather_ms: int) -> None:
        super().__init__(gather_ms)
        self.left: list[tuple[float, int]] = []
        self.since = 0

    @override
    def came(self, records: int) -> None:
        super().came(records)
        self.since += records

    @override
    def leaves(self, now: float) -> None:
        super().leaves(now)
        self.left.append((now, self.since))
        self.since = 0


async def read(
    kafka: Kafka, where: TopicPartition, pacing: FetchPacing
) -> list[bytes | None]:
    """Read a topic, a batch a fetch; return the keys of its records."""
    consumer = AIOKafkaConsumer(
        bootstrap_servers=kafka.bootstrap,
        auto_offset_reset="earliest",
        fetch_max_wait_ms=50,
        max_partition_fetch_bytes=1_024,  # less than a batch has: one comes all the same
    )
    await consumer.start()
    try:
        pace_fetches(consumer, pacing)
        consumer.assign([where])
        keys: list[bytes | None] = []
        async with asyncio.timeout(30):
            while len(keys) < 10 * BATCHES:
                found = (await consumer.getmany(timeout_ms=1_000)).get(where, [])
                keys.extend(record.key for record in found)
                pacing.came(len(found))
        return keys
    finally:
        await consumer.stop()


@pytest.mark.asyncio
async def test_a_consumer_reads_all_in_order_with_its_fetches_apart(
    kafka: Kafka, topics: str
) -> None:
    where = TopicPartition(f"{topics}spaced", 1)
    await create(kafka.bootstrap, where.topic, 1)
    async with producer(kafka) as sender:
        for number in range(BATCHES):
            await send(sender, where, f"batch {number}")
    pacing = Noting(gather_ms=4)
    keys = await read(kafka, where, pacing)
    assert keys == await read(kafka, where, FetchPacing(gather_ms=0))
    assert len(keys) == 10 * BATCHES
    fetches = list(itertools.pairwise(pacing.left))
    assert sum(1 for _, (_, came) in fetches if came) >= BATCHES // 2
    for (before, _), (now, came) in fetches:
        assert now - before >= min(4.0, came * 0.2) / 1000 - 0.0004
