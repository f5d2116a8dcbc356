"""A stand-in for the open platform: a real HTTP server over given data.

For tests and ``refund demo``. It knows nothing of the client's code: it serves its
data, and misbehaves as configured, one fault per call and method.
"""

import asyncio
import json
from collections import defaultdict, deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, assert_never

from aiohttp import web

_REQUIRED: Final = frozenset(
    {
        "appkey",
        "method",
        "version",
        "param",
        "access_token",
        "timestamp",
        "signMethod",
        "sign",
    }
)
_NOT_FOUND: Final = {"result": 300012, "error_msg": "not found"}


@dataclass(frozen=True)
class Delay:
    """Answer late."""

    ms: int


@dataclass(frozen=True)
class Status:
    """Answer with an HTTP status and no payload."""

    code: int


@dataclass(frozen=True)
class Body:
    """Answer with these bytes instead."""

    content: bytes


@dataclass(frozen=True)
class Drop:
    """Close the connection without an answer."""


Fault = Delay | Status | Body | Drop


@dataclass
class PlatformData:
    """The data to serve: ``data`` objects by id; they may change at any time."""

    orders: dict[str, Mapping[str, object]] = field(default_factory=dict)
    fees: dict[str, Mapping[str, object]] = field(default_factory=dict)
    refunds: dict[str, Mapping[str, object]] = field(default_factory=dict)


class StandIn:
    """The server; ``start`` binds a free loopback port, ``stop`` frees it."""

    def __init__(self, world: PlatformData) -> None:
        self.world = world
        self.calls: list[tuple[str, str]] = []
        """Method and id of every call, in order of arrival."""
        self.in_flight_most = 0
        """Highest number of concurrent calls so far."""
        self._in_flight = 0
        self._faults: defaultdict[str, deque[Fault]] = defaultdict(deque)
        self._runner: web.AppRunner | None = None
        self._url = ""

    @property
    def url(self) -> str:
        """Scheme, host and port."""
        return self._url

    def misbehave(self, method: str, *faults: Fault) -> None:
        """Queue faults for the next calls of a method, one each."""
        self._faults[method].extend(faults)

    async def start(self) -> None:
        """Bind and serve; returns once calls are answered."""
        app = web.Application()
        app.router.add_get("/{path:.*}", self._serve)
        self._runner = web.AppRunner(app, access_log=None)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        host, port = self._runner.addresses[0][:2]
        self._url = f"http://{host}:{port}"

    async def stop(self) -> None:
        """Close the server and every connection."""
        if self._runner is not None:
            await self._runner.cleanup()

    async def _serve(self, request: web.Request) -> web.StreamResponse:
        self._in_flight += 1
        self.in_flight_most = max(self.in_flight_most, self._in_flight)
        try:
            return await self._answer(request)
        finally:
            self._in_flight -= 1

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        query = request.query
        method = query.get("method", "")
        if request.path != "/" + method.replace(".", "/") or not _REQUIRED.issubset(
            query
        ):
            return web.json_response({"result": 100000, "error_msg": "parameters"})
        table, asked = self._asked(method, json.loads(query["param"]))
        self.calls.append((method, asked))
        fault = self._faults[method].popleft() if self._faults[method] else None
        match fault:
            case Delay(ms):
                await asyncio.sleep(ms / 1_000)
            case Status(code):
                return web.Response(status=code)
            case Body(content):
                return web.Response(body=content, content_type="application/json")
            case Drop():
                if request.transport is not None:
                    request.transport.abort()
                return web.Response()
            case None:
                pass
            case _:
                assert_never(fault)
        data = table.get(asked)
        return web.json_response(
            _NOT_FOUND if data is None else {"result": 1, "data": data}
        )

    def _asked(
        self, method: str, param: Mapping[str, object]
    ) -> tuple[Mapping[str, Mapping[str, object]], str]:
        if method == "open.order.detail":
            return self.world.orders, str(param.get("oid"))
        if method == "open.seller.order.fee.detail":
            return self.world.fees, str(param.get("oid"))
        if method == "open.seller.order.refund.detail":
            return self.world.refunds, str(param.get("refundId"))
        return {}, ""
