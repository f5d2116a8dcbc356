"""The proxy delays, narrows and cuts what passes through it."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from faults.network import Network
from faults.workers import free_port

pytestmark = pytest.mark.asyncio

LOOPBACK = "127.0.0.1"


@asynccontextmanager
async def echo_behind_proxy() -> AsyncIterator[tuple[Network, int]]:
    """A server that sends back what it gets, and a proxy in front of it."""

    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while chunk := await reader.read(65_536):
                writer.write(chunk)
                await writer.drain()
        await closed(writer)

    inner, outer = free_port(), free_port()
    server = await asyncio.start_server(echo, LOOPBACK, inner)
    network = Network(inner)
    async with network.listening(outer):
        yield network, outer
    server.close()
    await server.wait_closed()


async def round_trip_s(port: int, size: int) -> float:
    loop = asyncio.get_running_loop()
    reader, writer = await asyncio.open_connection(LOOPBACK, port)
    sent = bytes(range(256)) * (size // 256)
    began = loop.time()
    writer.write(sent)
    assert await reader.readexactly(len(sent)) == sent
    took = loop.time() - began
    await closed(writer)
    return took


async def closed(writer: asyncio.StreamWriter) -> None:
    writer.close()
    with contextlib.suppress(OSError):
        await writer.wait_closed()


async def test_bytes_come_through_late_in_their_order() -> None:
    async with echo_behind_proxy() as (network, port):
        await round_trip_s(port, 256)
        network.delay_s = 0.05
        assert await round_trip_s(port, 65_536) >= 2 * network.delay_s


async def test_a_narrow_network_takes_the_longer_the_narrower_it_is() -> None:
    async with echo_behind_proxy() as (network, port):
        size = 131_072
        network.bits_per_s = 16_000_000
        wide = await round_trip_s(port, size)
        network.bits_per_s = 4_000_000
        narrow = await round_trip_s(port, size)
        # All but the last chunk have to have passed.
        assert narrow >= (size - 16_384) * 8 / network.bits_per_s
        assert narrow > wide


async def test_a_cut_closes_connections_and_refuses_new_ones_until_it_is_mended() -> (
    None
):
    async with echo_behind_proxy() as (network, port):
        reader, writer = await asyncio.open_connection(LOOPBACK, port)
        writer.write(b"x")
        assert await reader.readexactly(1) == b"x"
        network.cut()
        assert await reader.read() == b""
        await closed(writer)
        reader, writer = await asyncio.open_connection(LOOPBACK, port)
        with contextlib.suppress(ConnectionError):
            assert await reader.read() == b""
        await closed(writer)
        network.mend()
        assert await round_trip_s(port, 256) > 0
