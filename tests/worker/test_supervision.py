"""Waiting for a broker, ending as one: what the services of a worker share."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence

import pytest
from aiokafka.errors import KafkaConnectionError, TopicAuthorizationFailedError

from streams.errors import SourceError, WorkerError
from streams.worker.supervision import (
    WorkerService,
    connect,
    in_turn,
    patiently,
)

pytestmark = pytest.mark.asyncio

DEADLINE_S = 30


class Client:
    def __init__(self) -> None:
        self.stopped = False

    async def stop(self) -> None:
        self.stopped = True


class Clients:
    """Clients that connect when they are told to."""

    def __init__(self, start: Callable[[], Awaitable[None]]) -> None:
        self._start = start
        self.client = Client()

    async def start(self) -> None:
        await self._start()

    def all(self) -> Sequence[Client]:
        return (self.client,)


async def well() -> None:
    await asyncio.sleep(0)


async def away() -> None:
    raise KafkaConnectionError("nobody is there")


async def wrong() -> None:
    raise ValueError("a fault of ours")


async def test_clients_that_connect_are_handed_over() -> None:
    clients = await connect(lambda: Clients(well), 0)
    assert not clients.client.stopped


async def test_without_a_broker_in_time_the_worker_ends_and_leaves_no_client() -> None:
    made: list[Clients] = []

    def make() -> Clients:
        made.append(Clients(away))
        return made[-1]

    with pytest.raises(WorkerError, match=r"no broker answers: .*nobody is there"):
        await asyncio.wait_for(connect(make, -1), DEADLINE_S)
    assert [one.client.stopped for one in made] == [True]


async def test_a_broker_that_comes_is_waited_for(
    caplog: pytest.LogCaptureFixture,
) -> None:
    ways = iter((away, well))
    found = await asyncio.wait_for(
        connect(lambda: Clients(next(ways)), 600_000), DEADLINE_S
    )
    assert not found.client.stopped
    (line,) = caplog.messages
    assert line.startswith("no broker answers yet: KafkaConnectionError")


async def test_what_no_broker_mends_is_raised_at_once() -> None:
    clients = Clients(wrong)
    with pytest.raises(ValueError, match="a fault of ours"):
        await connect(lambda: clients, 600_000)
    assert clients.client.stopped


async def test_a_client_that_others_know_waits_for_a_broker_that_went_away() -> None:
    ways = iter((away, well))

    async def start() -> None:
        await next(ways)()

    await asyncio.wait_for(patiently(start, 600_000), DEADLINE_S)
    assert next(ways, None) is None


async def test_a_client_that_others_know_does_not_wait_for_ever() -> None:
    with pytest.raises(WorkerError, match=r"no broker answers: .*nobody is there"):
        await asyncio.wait_for(patiently(away, -1), DEADLINE_S)
    with pytest.raises(ValueError, match="a fault of ours"):
        await patiently(wrong, 600_000)


async def test_a_service_keeps_the_first_failure_of_its_tasks() -> None:
    service = WorkerService()

    async def fail(text: str) -> None:
        raise SourceError(text)

    for text in ("first", "second"):
        with pytest.raises(SourceError, match=text):
            await service.run_until_stopped(fail(text))
    assert str(service.failure) == "first"


async def test_a_service_that_halts_ends_its_tasks_without_a_failure() -> None:
    service = WorkerService()
    running = asyncio.create_task(
        service.run_until_stopped(asyncio.sleep(3_600, result=None))
    )
    await asyncio.sleep(0)
    await asyncio.wait_for(service.halt(), DEADLINE_S)
    await asyncio.wait_for(running, DEADLINE_S)
    assert service.failure is None


async def test_a_task_that_is_cancelled_by_somebody_else_stays_cancelled() -> None:
    service = WorkerService()
    running = asyncio.create_task(
        service.run_until_stopped(asyncio.sleep(3_600, result=None))
    )
    await asyncio.sleep(0)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running


async def test_each_step_of_an_end_is_taken_whatever_the_one_before_did(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.WARNING)
    taken: list[str] = []

    async def refused() -> None:
        taken.append("refused")
        raise TopicAuthorizationFailedError("t")

    async def hangs() -> None:
        taken.append("hangs")
        await asyncio.sleep(3_600)

    async def last() -> None:
        taken.append("last")

    until_s = asyncio.get_running_loop().time() + 0.05
    await asyncio.wait_for(in_turn([refused, hangs, last], until_s), DEADLINE_S)
    assert taken == ["refused", "hangs", "last"]
    assert "TopicAuthorizationFailedError" in caplog.messages[0]
    assert "drain time is over" in caplog.messages[1]
