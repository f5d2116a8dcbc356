"""Clients are closed all at once, whatever one of them does, and none keeps the process."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
import pytest_asyncio
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.client import ConnectionGroup
from aiokafka.conn import AIOKafkaConnection
from aiokafka.consumer.fetcher import Fetcher
from aiokafka.errors import KafkaConnectionError

from streams.kafka.ending import disconnect
from streams.kafka.starting import connect
from streams.worker.supervision import in_turn

pytestmark = pytest.mark.asyncio

DEADLINE_S = 10
PATIENCE_MS = 300


class Other:
    """A client that does on ``stop`` what it is told to."""

    def __init__(self, way: Callable[[], Awaitable[None]]) -> None:
        self._way = way
        self.closed = False

    async def stop(self) -> None:
        await self._way()
        self.closed = True


async def well() -> None:
    await asyncio.sleep(0)


async def forever() -> None:
    await asyncio.sleep(3_600)


async def refused() -> None:
    raise KafkaConnectionError("away")


async def let_out() -> None:
    """Do as aiokafka's fetcher does: wait for what was cancelled."""
    waiting = asyncio.ensure_future(forever())
    await asyncio.sleep(0)
    waiting.cancel()
    await waiting


@pytest.mark.parametrize(
    ("way", "told"),
    [
        (forever, "takes too long"),
        (refused, "KafkaConnectionError"),
        (let_out, "cancelled inside"),
    ],
)
async def test_the_others_are_closed_whatever_one_client_does(
    way: Callable[[], Awaitable[None]], told: str, caplog: pytest.LogCaptureFixture
) -> None:
    first, second = Other(well), Other(well)
    with caplog.at_level(logging.WARNING):
        async with asyncio.timeout(DEADLINE_S):
            await disconnect([first, Other(way), second], PATIENCE_MS)
    assert first.closed
    assert second.closed
    (line,) = caplog.messages
    assert told in line


async def test_a_cancellation_of_the_caller_is_its_own() -> None:
    closing = asyncio.create_task(disconnect([Other(forever)], 3_600_000))
    await asyncio.sleep(0)
    closing.cancel()
    async with asyncio.timeout(DEADLINE_S):
        with pytest.raises(asyncio.CancelledError):
            await closing
    assert asyncio.all_tasks() == {asyncio.current_task()}


async def test_a_client_that_takes_no_cancellation_is_left_after_its_time() -> None:
    released = asyncio.Event()

    async def stubborn() -> None:
        while not released.is_set():
            with contextlib.suppress(asyncio.CancelledError):
                await released.wait()

    other = Other(well)
    async with asyncio.timeout(DEADLINE_S):
        await disconnect([Other(stubborn), other], PATIENCE_MS)
    assert other.closed
    (left,) = asyncio.all_tasks() - {asyncio.current_task()}
    released.set()
    await asyncio.wait({left})


async def test_nothing_to_close_is_closed_at_once() -> None:
    await disconnect([], PATIENCE_MS)


async def test_steps_of_an_ending_follow_each_other_whatever_one_of_them_does(
    caplog: pytest.LogCaptureFixture,
) -> None:
    done: list[str] = []

    async def note() -> None:
        done.append("noted")

    async with asyncio.timeout(DEADLINE_S):
        until_s = asyncio.get_running_loop().time() + PATIENCE_MS / 1000
        await in_turn([note, refused, note, let_out, note, forever, note], until_s)
    assert len(done) == 4
    assert [line.split(":")[0] for line in caplog.messages] == [
        "shutdown was not clean",
        "shutdown does not wait any longer",
    ]


# -- aiokafka itself, its broker cut off -----------------------------------------


class Deaf:
    """A port that accepts connections and never answers."""

    def __init__(self) -> None:
        self.host, self.port = "127.0.0.1", 0
        self.accepted = asyncio.Event()
        self.left = asyncio.Event()
        """The other side has closed, or cut, the connection."""

    async def listen(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self.accepted.set()
        with contextlib.suppress(ConnectionError):
            while await reader.read(65_536):
                pass
        self.left.set()
        writer.close()


@pytest_asyncio.fixture
async def deaf() -> AsyncIterator[Deaf]:
    found = Deaf()
    async with await asyncio.start_server(found.listen, found.host, 0) as server:
        found.port = server.sockets[0].getsockname()[1]
        yield found


class Connection(AIOKafkaConnection):  # type: ignore[misc]  # aiokafka is untyped here
    """A connection that does not wait for a first answer."""

    async def _do_version_lookup(self) -> None:
        self._versions: dict[int, tuple[int, int]] = {}


async def backing_off(deaf: Deaf) -> AIOKafkaConsumer:
    """Return a connected consumer with a fetch that failed and waits for another try."""
    consumer = AIOKafkaConsumer(bootstrap_servers=f"{deaf.host}:{deaf.port}")
    client = consumer._client  # noqa: SLF001 - what aiokafka has inside
    connection = Connection(deaf.host, deaf.port, request_timeout_ms=40_000)
    await connection.connect()
    client._conns[0, ConnectionGroup.DEFAULT] = connection  # noqa: SLF001 - what aiokafka has inside
    consumer._fetcher = Fetcher(client, consumer._subscription)  # noqa: SLF001 - what aiokafka has inside
    await asyncio.wait_for(deaf.accepted.wait(), DEADLINE_S)
    consumer._fetcher._pending_tasks.add(asyncio.ensure_future(forever()))  # noqa: SLF001 - what aiokafka has inside
    return consumer


async def test_by_itself_aiokafka_lets_the_cancellation_out_and_stays_connected(
    deaf: Deaf,
) -> None:
    """Should it not any more, there is less to do in ``streams.kafka.ending``."""
    consumer = await backing_off(deaf)
    with pytest.raises(asyncio.CancelledError):
        await consumer.stop()
    assert consumer._client._conns  # noqa: SLF001 - what aiokafka has inside
    await consumer._client.close()  # noqa: SLF001 - what aiokafka has inside


async def test_a_consumer_whose_fetch_waits_in_its_back_off_is_closed_cleanly(
    deaf: Deaf, caplog: pytest.LogCaptureFixture
) -> None:
    consumer, other = await backing_off(deaf), Other(well)
    async with asyncio.timeout(DEADLINE_S):
        await disconnect([consumer, other], DEADLINE_S * 1_000)
        await deaf.left.wait()
    assert other.closed
    assert caplog.messages == []


async def test_a_client_whose_broker_never_answers_is_cut_off_after_its_time(
    deaf: Deaf, caplog: pytest.LogCaptureFixture
) -> None:
    consumer = await backing_off(deaf)

    consumer._coordinator = coordinator = Other(forever)  # noqa: SLF001 - what aiokafka has inside
    coordinator.close = coordinator.stop  # type: ignore[attr-defined]  # as a coordinator has it
    async with asyncio.timeout(DEADLINE_S):
        await disconnect([consumer], PATIENCE_MS)
        await deaf.left.wait()
    (line,) = caplog.messages
    assert "AIOKafkaConsumer was not closed cleanly: it takes too long" in line


@pytest.mark.parametrize("kind", [AIOKafkaConsumer, AIOKafkaProducer])
async def test_a_client_that_is_still_connecting_is_closed_in_time(
    deaf: Deaf, kind: type[AIOKafkaConsumer | AIOKafkaProducer]
) -> None:
    client = kind(bootstrap_servers=f"{deaf.host}:{deaf.port}")
    connecting = asyncio.create_task(connect(client))
    async with asyncio.timeout(DEADLINE_S):
        await deaf.accepted.wait()
        connecting.cancel()
        await asyncio.wait({connecting})
        await disconnect([client], PATIENCE_MS)
        await deaf.left.wait()
