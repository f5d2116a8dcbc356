"""One conversation: what it may use, and the transcript that it leaves.

A transcript holds only what a broker guarantees. Ids that a broker makes up are
replaced by symbols in the order in which they appear, so that two transcripts of
the same conversation are equal, line by line.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any, Final, TypeAlias

from aiokafka.protocol.admin import CreateTopicsRequest_v3
from aiokafka.protocol.metadata import MetadataRequest_v5
from aiokafka.protocol.offset import OffsetRequest_v3

from testkit.simulated.conversations.wire import (
    ConversationError,
    Endpoint,
    Peer,
    error_name,
)

PATIENCE_S: Final = 60.0
"""How long a conversation waits for what a broker does in its own time, seconds."""

_POLL_S: Final = 0.05
_END: Final = -1
_REQUEST_MS: Final = 30_000


class Talk:
    """What a conversation has to speak with one broker.

    Parameters
    ----------
    endpoint
        The broker.
    prefix
        Comes before the names of all topics, groups and transactional ids, so that
        conversations on one broker do not meet. The transcript omits it.
    """

    def __init__(self, endpoint: Endpoint, prefix: str) -> None:
        self._endpoint = endpoint
        self._prefix = prefix
        self._peers: list[Peer] = []
        self._symbols: dict[tuple[str, Any], str] = {}
        self._kinds: dict[str, int] = {}
        self.lines: list[str] = []
        """The transcript so far."""

    def now_ms(self) -> int:
        """Return the time at the broker, UTC ms."""
        return self._endpoint.now_ms()

    def name(self, of: str) -> str:
        """Return a name that no other conversation has."""
        return self._prefix + of

    def say(self, what: str, *values: Any) -> None:
        """Add a line to the transcript."""
        line = " ".join([f"{what}:", *map(_plain, values)]) if values else what
        self.lines.append(line.replace(self._prefix, ""))

    def symbol(self, kind: str, value: Any) -> str:
        """Name an id of a broker: ``kind 1`` for the first value of its kind, and so on."""
        if (kind, value) not in self._symbols:
            self._kinds[kind] = self._kinds.get(kind, 0) + 1
            self._symbols[kind, value] = f"{kind} {self._kinds[kind]}"
        return self._symbols[kind, value]

    async def peer(self, at: tuple[str, int] | None = None) -> Peer:
        """Open another connection, to the endpoint or elsewhere; it is closed at the end."""
        host, port = at or (self._endpoint.host, self._endpoint.port)
        peer = await Peer.connect(replace(self._endpoint, host=host, port=port))
        self._peers.append(peer)
        return peer

    async def topic(
        self,
        of: str = "log",
        partitions: int = 1,
        configs: Mapping[str, str] | None = None,
    ) -> str:
        """Create a topic with one replica, wait until it can be used, return its name.

        Where there are several nodes, only :meth:`created` is of use.

        Its records stay, and in one segment, however old their timestamps are.
        """
        peer = await self.peer()
        name = await self.created(peer, of, (partitions, 1), configs or {})
        await self.ready(peer, name, partitions)
        return name

    async def created(
        self, peer: Peer, of: str, size: tuple[int, int], configs: Mapping[str, str]
    ) -> str:
        """Create a topic of so many partitions and replicas, and return its name."""
        name = self.name(of)
        kept = {"retention.ms": "-1", "segment.ms": str(2**62)} | dict(configs)
        wanted: list[Any] = [(name, *size, [], list(kept.items()))]
        answer = await peer.ask(CreateTopicsRequest_v3(wanted, _REQUEST_MS, False))
        ((_, code, message),) = answer.topic_errors
        if code:
            raise ConversationError(f"{name}: {error_name(code)}: {message}")
        return name

    async def ready(self, peer: Peer, name: str, partitions: int) -> None:
        """Wait until a topic has so many partitions, and the broker leads each of them.

        A broker describes a topic before it takes its partitions.
        """

        async def described() -> bool:
            answer = await peer.ask(MetadataRequest_v5([name], False))
            ((code, _, _, rows),) = answer.topics
            return code == 0 and [row[0] for row in rows] == [0] * partitions

        async def led() -> bool:
            ends = [(number, _END) for number in range(partitions)]
            answer = await peer.ask(OffsetRequest_v3(-1, 0, [(name, ends)]))
            ((_, rows),) = answer.topics
            return all(row[1] == 0 for row in rows)

        await self.until(described)
        await self.until(led)

    async def gone(self, peer: Peer, name: str) -> None:
        """Wait until the broker neither describes a topic nor leads its partition 0."""

        async def forgotten() -> bool:
            described = await peer.ask(MetadataRequest_v5([name], False))
            answer = await peer.ask(OffsetRequest_v3(-1, 0, [(name, [(0, _END)])]))
            return bool(described.topics[0][0] and answer.topics[0][1][0][1])

        await self.until(forgotten)

    async def until(self, reached: Callable[[], Awaitable[bool]]) -> None:
        """Ask again and again until something is so.

        Raises
        ------
        ConversationError
            It is not after a minute.
        """
        loop = asyncio.get_running_loop()
        deadline = loop.time() + PATIENCE_S
        while not await reached():
            if loop.time() > deadline:
                raise ConversationError(f"never reached: {reached.__qualname__}")
            await asyncio.sleep(_POLL_S)

    async def close(self) -> None:
        """Close all connections."""
        for peer in self._peers:
            await peer.close()


Conversation: TypeAlias = Callable[[Talk], Awaitable[None]]


@asynccontextmanager
async def talking(endpoint: Endpoint, prefix: str) -> AsyncIterator[Talk]:
    """Open a talk, and close its connections afterwards."""
    talk = Talk(endpoint, prefix)
    try:
        yield talk
    finally:
        await talk.close()


async def transcript(
    conversation: Conversation, endpoint: Endpoint, prefix: str
) -> list[str]:
    """Hold a conversation and return its transcript.

    A failure is its last line: it differs from the transcript of the other broker.
    """
    async with talking(endpoint, prefix) as talk:
        try:
            await conversation(talk)
        except Exception as problem:  # noqa: BLE001 - every end is compared
            talk.say("BROKEN OFF", f"{type(problem).__name__}: {problem}")
    return talk.lines


def _plain(value: Any) -> str:
    if isinstance(value, bytes):
        return repr(value)[1:]
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(_plain, value)) + "]"
    return str(value)
