"""A network between workers and broker that can be slow, narrow, or cut.

A Kafka client follows the address a broker advertises, so the broker has a listener of
its own for workers that advertises this proxy (``LocalCluster.proxied``).
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

_LOOPBACK: Final = "127.0.0.1"
_CHUNK: Final = 16_384
_BITS: Final = 8


class Network:
    """A TCP proxy; what it does can be changed while connections are open.

    Attributes
    ----------
    delay_s
        Added to each direction; order is kept.
    bits_per_s
        Of each direction of each connection; None = unlimited.
    """

    def __init__(self, target_port: int) -> None:
        self._target = target_port
        self.delay_s = 0.0
        self.bits_per_s: int | None = None
        self._mended = asyncio.Event()
        self._mended.set()
        self._open: set[asyncio.StreamWriter] = set()
        self._passing: set[asyncio.Task[None]] = set()

    @asynccontextmanager
    async def listening(self, port: int) -> AsyncIterator[None]:
        """Pass connections to ``port`` on, inside the block."""
        server = await asyncio.start_server(self._accept, _LOOPBACK, port)
        try:
            yield
        finally:
            server.close()
            self._close_all()
            await asyncio.gather(*self._passing, return_exceptions=True)

    def cut(self) -> None:
        """Close every connection, and every new one at once."""
        self._mended.clear()
        self._close_all()

    def mend(self) -> None:
        """Let connections through again."""
        self._mended.set()

    def _close_all(self) -> None:
        for writer in list(self._open):
            writer.close()

    def _accept(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        task = asyncio.create_task(self._connected(reader, writer))
        self._passing.add(task)
        task.add_done_callback(self._passing.discard)

    async def _connected(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        if not self._mended.is_set():
            await _closed(writer)
            return
        try:
            there = await asyncio.open_connection(_LOOPBACK, self._target)
        except OSError:
            await _closed(writer)
            return
        if not self._mended.is_set():  # cut while the other end was called
            for one in (writer, there[1]):
                await _closed(one)
            return
        self._open |= {writer, there[1]}
        try:
            await asyncio.gather(
                self._pass(reader, there[1]), self._pass(there[0], writer)
            )
        finally:
            for one in (writer, there[1]):
                self._open.discard(one)
                await _closed(one)

    async def _pass(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        """Pass one direction on; each chunk leaves ``delay_s`` after it came, in order."""
        waiting: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue(maxsize=64)
        sending = asyncio.create_task(self._send(waiting, writer))
        loop = asyncio.get_running_loop()
        with contextlib.suppress(OSError):
            while chunk := await reader.read(_CHUNK):
                await waiting.put((loop.time() + self.delay_s, chunk))
        await waiting.put((loop.time() + self.delay_s, b""))
        await sending

    async def _send(
        self,
        waiting: "asyncio.Queue[tuple[float, bytes]]",
        writer: asyncio.StreamWriter,
    ) -> None:
        loop = asyncio.get_running_loop()
        free_at = 0.0
        while True:
            due, chunk = await waiting.get()
            await asyncio.sleep(max(0.0, due - loop.time(), free_at - loop.time()))
            if not chunk:
                break
            if self.bits_per_s is not None:
                start = max(free_at, loop.time())
                free_at = start + len(chunk) * _BITS / self.bits_per_s
            with contextlib.suppress(OSError):
                writer.write(chunk)
                await writer.drain()
        with contextlib.suppress(OSError):
            writer.close()


async def _closed(writer: asyncio.StreamWriter) -> None:
    writer.close()
    with contextlib.suppress(OSError):
        await writer.wait_closed()
