"""Who has something to do and does not move is ended; who waits for others is not."""

from typing import Any

import pytest
from aiokafka import TopicPartition
from aiokafka.errors import KafkaConnectionError
from typing_extensions import override

from streams.errors import StalledError
from streams.settings import load
from streams.worker.app import build_app
from streams.worker.supervision import monotonic_ms
from streams.worker.watchdog import DecidingWatchdog, Patience, PatientWatchdog

pytestmark = pytest.mark.asyncio

WHERE = TopicPartition("refund.requests", 0)
OTHER = TopicPartition("refund.requests", 1)
STALL_MS = 1_000
ACKNOWLEDGE_MS = 300


class Worker:
    """The parts a watchdog looks at, as they would answer."""

    def __init__(self) -> None:
        self.offsets = self
        self.unacknowledged: dict[TopicPartition, int] = {}
        self.offset, self.end = 0, 0
        self.records_read = {"refund.orders": 0}
        self.facts_left = 0
        self.broker: Exception | None = None
        patience = Patience(stall_ms=STALL_MS, acknowledge_ms=ACKNOWLEDGE_MS)
        parts: Any = self
        self.watchdog = DecidingWatchdog(parts, parts, parts, patience)
        self.began = monotonic_ms()

    def idle_ms(self) -> dict[TopicPartition, int]:
        return self.unacknowledged

    async def positions(self) -> dict[TopicPartition, int]:
        return {WHERE: self.offset}

    async def end_offsets(self, wanted: list[TopicPartition]) -> dict[Any, int]:
        if self.broker is not None:
            raise self.broker
        return dict.fromkeys(wanted, self.end)

    async def behind(self) -> int:
        if self.broker is not None:
            raise self.broker
        return self.facts_left

    async def look(self, after_ms: int) -> None:
        await self.watchdog.look(self.began + after_ms)


async def test_nothing_to_do_is_no_stall() -> None:
    worker = Worker()
    for after_ms in (0, 10 * STALL_MS, 20 * STALL_MS):
        await worker.look(after_ms)


async def test_requests_that_wait_unread_end_the_process() -> None:
    worker = Worker()
    worker.offset, worker.end = 5, 12
    await worker.look(0)
    await worker.look(STALL_MS)  # inclusive: not longer than allowed
    with pytest.raises(StalledError, match=r"7 records are waiting and none was read"):
        await worker.look(STALL_MS + 1)


async def test_reading_on_begins_the_wait_anew() -> None:
    worker = Worker()
    worker.end = 12
    await worker.look(0)
    worker.offset = 1
    await worker.look(STALL_MS + 1)
    await worker.look(2 * STALL_MS + 1)
    with pytest.raises(StalledError):
        await worker.look(2 * STALL_MS + 2)


async def test_having_read_to_the_end_begins_the_wait_anew() -> None:
    worker = Worker()
    worker.offset, worker.end = 12, 12
    await worker.look(0)
    await worker.look(5 * STALL_MS)
    worker.end = 13
    await worker.look(6 * STALL_MS)


async def test_facts_that_wait_unread_end_the_process() -> None:
    worker = Worker()
    worker.records_read["refund.orders"] = 3
    worker.facts_left = 4
    await worker.look(0)
    await worker.look(STALL_MS)
    with pytest.raises(
        StalledError, match="fact records are waiting and none was read"
    ):
        await worker.look(STALL_MS + 1)


async def test_facts_that_are_read_or_at_their_end_are_no_stall() -> None:
    worker = Worker()
    worker.facts_left = 4
    for number in range(1, 5):
        worker.records_read["refund.orders"] = number
        await worker.look(number * 2 * STALL_MS)
    worker.facts_left = 0
    for number in range(5, 9):
        await worker.look(number * 2 * STALL_MS)


async def test_outputs_nobody_acknowledges_end_the_process() -> None:
    worker = Worker()
    worker.unacknowledged = {WHERE: ACKNOWLEDGE_MS}
    await worker.look(0)
    worker.unacknowledged = {WHERE: ACKNOWLEDGE_MS + 1}
    with pytest.raises(StalledError, match="not acknowledged for 301 ms"):
        await worker.look(1)


@pytest.mark.parametrize("broker", [KafkaConnectionError(), OSError()])
async def test_a_broker_that_does_not_answer_is_no_stall_of_ours(
    broker: Exception,
) -> None:
    worker = Worker()
    worker.offset, worker.end, worker.facts_left = 5, 12, 4
    worker.broker = broker
    for after_ms in (0, 10 * STALL_MS, 20 * STALL_MS):
        await worker.look(after_ms)


class Ingesting(Worker):
    """Reads two partitions, one after the other."""

    def __init__(self) -> None:
        super().__init__()
        parts: Any = self
        patience = Patience(stall_ms=STALL_MS, acknowledge_ms=ACKNOWLEDGE_MS)
        self.patient = PatientWatchdog(parts, parts, patience)
        self.reading = {WHERE: 0, OTHER: 0}

    @override
    async def positions(self) -> dict[TopicPartition, int]:
        return dict(self.reading)

    @override
    async def look(self, after_ms: int) -> None:
        await self.patient.look(self.began + after_ms)


async def test_events_of_one_partition_may_wait_while_others_are_read() -> None:
    worker = Ingesting()
    worker.end = 9
    for step in range(4):
        worker.reading[OTHER] = step
        await worker.look(step * STALL_MS)
    with pytest.raises(StalledError, match=r"^refund.requests: 15 records are waiting"):
        await worker.look(4 * STALL_MS + 1)


async def test_events_whose_records_are_not_acknowledged_end_the_process() -> None:
    worker = Ingesting()
    worker.unacknowledged[WHERE] = ACKNOWLEDGE_MS + 1
    with pytest.raises(StalledError, match="not acknowledged"):
        await worker.look(0)


async def test_without_partitions_or_a_broker_no_event_waits() -> None:
    worker = Ingesting()
    worker.end = 9
    worker.broker = KafkaConnectionError("away")
    await worker.look(0)
    await worker.look(2 * STALL_MS)
    worker.broker = None
    worker.reading.clear()
    await worker.look(4 * STALL_MS)
    await worker.look(6 * STALL_MS)


async def test_a_worker_that_only_ingests_is_watched_and_may_ask_its_platform() -> None:
    settings = load({}, None, {"worker.roles": "ingest", "web.port": "off"})
    parts: list[Any] = list(build_app(settings, monotonic_ms).parts)
    (service,) = parts
    worker: Any = Ingesting()
    worker.end, worker.asking = 9, worker
    service.source = service.clients = worker
    asked = settings.kuaishou
    stall_ms = STALL_MS + asked.concurrency * asked.attempts * asked.timeout_ms
    names = {name for found in service._tasks.values() for name in found}  # noqa: SLF001 - what mode starts
    watchdog = service.watchdog(
        Patience(stall_ms=STALL_MS, acknowledge_ms=ACKNOWLEDGE_MS)
    )
    assert "_run_watchdog" in {name.rpartition(".")[2] for name in names}
    await watchdog.look(worker.began)
    await watchdog.look(worker.began + stall_ms)
    with pytest.raises(StalledError, match="18 records are waiting"):
        await watchdog.look(worker.began + stall_ms + 1)
