"""A thin client of Kafka's wire protocol: frames, headers, aiokafka's structs.

It does nothing by itself: no retries, no metadata, no choice of versions. So a
conversation says exactly what it means to say, also what no client would say.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from aiokafka.errors import UnknownError, for_code

ANSWER_S: Final = 60.0
"""A broker that has not answered after so long, seconds, never will."""

_LENGTH_BYTES: Final = 4
_UNNAMED: Final = {82: "FencedInstanceId", 87: "InvalidRecord"}
"""Errors that aiokafka has no name for."""


class ConversationError(Exception):
    """A conversation cannot go on: no answer in time, or another one than asked for."""


class HungUpError(ConversationError):
    """The broker closed the connection instead of answering."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where a broker listens: all that differs between the real and the simulated one."""

    host: str
    port: int
    now_ms: Callable[[], int]
    """The time there, UTC ms."""


class Peer:
    """One connection to a broker; answers come in the order of requests."""

    def __init__(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self._reader = reader
        self._writer = writer
        self._asked = 0
        self._turn = asyncio.Lock()

    @classmethod
    async def connect(cls, endpoint: Endpoint) -> "Peer":
        """Open a connection; raises ``OSError`` when nobody listens."""
        return cls(*await asyncio.open_connection(endpoint.host, endpoint.port))

    async def ask(self, request: Any) -> Any:
        """Send a request and wait for its response.

        Parameters
        ----------
        request
            A request struct of aiokafka, of a certain version.

        Returns
        -------
        Response
            aiokafka's struct of the same version.

        Raises
        ------
        HungUpError
            The broker closed the connection instead.
        ConversationError
            Nothing came for a minute, or the answer to another request.
        """
        async with self._turn:
            number = await self._send(request)
            try:
                async with asyncio.timeout(ANSWER_S):
                    body = await self._frame()
            except TimeoutError as problem:
                name = type(request).__name__
                raise ConversationError(f"no answer to {name}") from problem
        header, rest = body[:_LENGTH_BYTES], body[_LENGTH_BYTES:]
        if int.from_bytes(header) != number:
            raise ConversationError(f"an answer that belongs to no {request}")
        if request.FLEXIBLE_VERSION:
            rest = rest[1:]  # tags of the header; Kafka sends none
        return request.RESPONSE_TYPE.decode(rest)

    async def tell(self, request: Any) -> None:
        """Send a request that has no response."""
        async with self._turn:
            await self._send(request)

    async def hung_up(self) -> bool:
        """Wait until the broker closes the connection; False = it sent something."""
        async with asyncio.timeout(ANSWER_S):
            try:
                return not await self._reader.read(1)
            except ConnectionError:
                return True

    async def close(self) -> None:
        """Close the connection."""
        self._writer.close()
        try:
            await self._writer.wait_closed()
        except ConnectionError:
            return

    async def _send(self, request: Any) -> int:
        self._asked += 1
        header = request.build_request_header(self._asked, "conversation")
        message = header.encode() + request.encode()
        try:
            self._writer.write(len(message).to_bytes(_LENGTH_BYTES) + message)
            await self._writer.drain()
        except ConnectionError as problem:
            raise HungUpError(type(request).__name__) from problem
        return self._asked

    async def _frame(self) -> bytes:
        try:
            size = int.from_bytes(await self._reader.readexactly(_LENGTH_BYTES))
            return await self._reader.readexactly(size)
        except (asyncio.IncompleteReadError, ConnectionError) as problem:
            raise HungUpError("the broker closed the connection") from problem


def error_name(code: int) -> str:
    """Name an error code as aiokafka does, or by its number where it knows none."""
    known = for_code(code)
    if known is UnknownError and code != UnknownError.errno:
        return _UNNAMED.get(code, f"error {code}")
    return "none" if code == 0 else str(known.__name__)
