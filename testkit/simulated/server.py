"""A node of the cluster as a server: connections, requests in order, faults between."""

import asyncio
from collections import deque
from collections.abc import Mapping
from typing import Any, Final, cast

from typing_extensions import override

from testkit.simulated import loop, wire
from testkit.simulated.cluster import Cluster, Node
from testkit.simulated.faults import Disturbance, Faults, Reply
from testkit.simulated.handling import Call, Handler, HangUpError
from testkit.simulated.refusals import refusal
from testkit.simulated.spoiling import spoil

_SIZE: Final = 4


class NodeServer:
    """Listens for one node, and hands requests to their handlers."""

    def __init__(
        self,
        cluster: Cluster,
        node: Node,
        handlers: Mapping[int, Handler],
        faults: Faults,
    ) -> None:
        self.cluster = cluster
        self.node = node
        self.handlers = handlers
        self.faults = faults
        self.connections: dict[int, Connection] = {}
        """Open connections, in the order in which they were made."""
        self._server: asyncio.Server | None = None
        self._next = 0

    async def listen(self) -> None:
        """Take connections from now on; nothing to do if it does."""
        if self._server is not None:
            return
        listening = loop.spawn(self._listen(), host=self.node.host)
        await listening

    async def _listen(self) -> None:
        running = asyncio.get_running_loop()
        self._server = await running.create_server(
            self._accept, self.node.host, self.node.port
        )

    def _accept(self) -> asyncio.Protocol:
        self._next += 1
        return Connection(self, self._next)

    def refuse(self) -> None:
        """Take no new connections; those that stand go on."""
        if self._server is not None:
            self._server.close()
            self._server = None

    def go_down(self) -> None:
        """Refuse new connections, and reset those that are there."""
        self.refuse()
        self.reset()

    def reset(self, host: str | None = None) -> None:
        """Reset connections: those of one host, or all."""
        for connection in list(self.connections.values()):
            if host in (None, connection.peer):
                connection.abort()


class Connection(asyncio.Protocol):
    """One connection of a client; its requests are answered in order."""

    def __init__(self, server: NodeServer, number: int) -> None:
        self._server = server
        self._number = number
        self._buffer = b""
        self._frames: deque[bytes] = deque()
        self._work: asyncio.Task[None] | None = None
        self._mute = False
        """Answers are lost from now on."""
        self.peer = ""
        """Host of the client."""

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the connection into the server's list."""
        self._transport = cast("asyncio.Transport", transport)
        self.peer = transport.get_extra_info("peername")[0]
        self._server.connections[self._number] = self

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection, and what it still asked for."""
        self._server.connections.pop(self._number, None)
        if self._work is not None:
            self._work.cancel()

    def abort(self) -> None:
        """Reset it."""
        self._transport.abort()

    @override
    def data_received(self, data: bytes) -> None:
        """Cut what has come into frames."""
        data = self._buffer + data if self._buffer else data
        at = 0
        while len(data) - at >= _SIZE:
            size = int.from_bytes(data[at : at + _SIZE])
            if len(data) - at - _SIZE < size:
                break
            self._frames.append(data[at + _SIZE : at + _SIZE + size])
            at += _SIZE + size
        self._buffer = data[at:]
        if self._frames and self._work is None:
            self._work = asyncio.get_running_loop().create_task(self._answer_all())

    async def _answer_all(self) -> None:
        try:
            while self._frames:
                await self._answer(self._frames.popleft())
        except HangUpError:
            self._transport.close()
        finally:
            self._work = None

    async def _answer(self, frame: bytes) -> None:
        server = self._server
        node, cluster = server.node, server.cluster
        if not node.running.is_set():
            await node.running.wait()
        received = wire.decode(frame)
        call = Call(
            node_id=node.node_id,
            client_id=received.client_id,
            client_host=self.peer,
            api_key=received.api_key,
            api_version=received.api_version,
        )
        cluster.observer.requested(
            node.node_id, call.api_key, call.api_version, call.client_id
        )
        fault = server.faults.meet(call)
        if fault is not None:
            cluster.observer.note("fault", fault.told)
            await self._answer_badly(received, call, fault)
            return
        response = await server.handlers[call.api_key](cluster, call, received.request)
        self._send(received, response)

    async def _answer_badly(
        self, received: wire.Received, call: Call, fault: Disturbance
    ) -> None:
        response: Any = None
        if fault.effect:
            handler = self._server.handlers[call.api_key]
            # A client that is gone does not take back what it has asked for.
            carried_out = asyncio.ensure_future(
                handler(self._server.cluster, call, received.request)
            )
            response = await asyncio.shield(carried_out)
        if fault.reply is Reply.RESET:
            self.abort()
            return
        if fault.reply is Reply.NOTHING:
            self._mute = True
            return
        if fault.late_ms:
            await asyncio.sleep(fault.late_ms / 1000)
        if fault.reply is Reply.ERROR:
            response = refusal(call, received.request, fault.code)
        self._send(received, spoil(response, fault))

    def _send(self, received: wire.Received, response: Any) -> None:
        if response is None or self._mute or self._transport.is_closing():
            return
        self._transport.write(wire.encode(received, response))
