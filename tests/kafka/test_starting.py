"""A client whose start is cancelled is connected first, and can be closed."""

import asyncio
import gc
from collections.abc import Callable

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaConnectionError

from streams.kafka import starting
from streams.kafka.starting import connect
from tests.kafka.conftest import Kafka

pytestmark = pytest.mark.asyncio


class Slow:
    """A client that is connected when the test says so."""

    def __init__(self) -> None:
        self.begun = asyncio.Event()
        self.may = asyncio.Event()
        self.state = "new"

    async def start(self) -> None:
        self.begun.set()
        try:
            await self.may.wait()
        except asyncio.CancelledError:
            self.state = "interrupted"
            raise
        self.state = "connected"


async def test_a_cancellation_waits_until_the_client_is_connected() -> None:
    client = Slow()
    task = asyncio.create_task(connect(client))
    await client.begun.wait()
    task.cancel()
    await asyncio.sleep(0)
    assert not task.done()
    client.may.set()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert client.state == "connected"


async def test_a_broker_that_does_not_answer_holds_nobody_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(starting, "_GRACE_S", 0.01)
    client = Slow()
    task = asyncio.create_task(connect(client))
    await client.begun.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asyncio.wait_for(task, 30)
    await asyncio.sleep(0)
    assert client.state == "interrupted"


async def test_without_a_broker_the_problem_is_the_clients_own() -> None:
    client = AIOKafkaConsumer(bootstrap_servers="127.0.0.1:1")
    with pytest.raises(KafkaConnectionError):
        await connect(client)
    await client.stop()


def consumer(kafka: Kafka) -> tuple[AIOKafkaConsumer, str]:
    return AIOKafkaConsumer(bootstrap_servers=kafka.bootstrap), "stop"


def producer(kafka: Kafka) -> tuple[AIOKafkaProducer, str]:
    return AIOKafkaProducer(bootstrap_servers=kafka.bootstrap), "stop"


def admin(kafka: Kafka) -> tuple[AIOKafkaAdminClient, str]:
    return AIOKafkaAdminClient(bootstrap_servers=kafka.bootstrap), "close"


@pytest.mark.parametrize("build", [consumer, producer, admin])
async def test_nothing_is_left_open_wherever_a_start_is_cancelled(
    kafka: Kafka, build: Callable[[Kafka], tuple[starting.Client, str]]
) -> None:
    """An open connection that is collected is a warning, and a warning fails the test."""
    turns = 0
    connected = False
    while not connected:
        client, stop = build(kafka)
        task = asyncio.create_task(connect(client))
        for _ in range(turns):
            await asyncio.sleep(0.0001)
        connected = task.done()
        task.cancel()
        await asyncio.wait({task})
        if connected:
            assert task.exception() is None
        await getattr(client, stop)()
        del client, task
        gc.collect()
        turns += 1
    assert turns > 1
