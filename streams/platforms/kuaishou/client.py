"""Read from the open platform what pushes leave out.

These are only reads, so a failed try may be repeated. (On a connection the server
closed, aiohttp repeats a GET once by itself, within the same try.) A read that finally
fails is a value, never an exception: the resulting records say what could not be read,
and a person decides.
"""

import asyncio
from collections.abc import Awaitable, Callable
from enum import StrEnum
from random import Random
from typing import Final, Protocol

import aiohttp
import msgspec

from streams.platforms.kuaishou.credentials import Credentials
from streams.platforms.kuaishou.values import Fault, as_object, is_whole, parse, read_id

ORDER_DETAIL: Final = "open.order.detail"
REFUND_DETAIL: Final = "open.seller.order.refund.detail"
FEE_DETAIL: Final = "open.seller.order.fee.detail"

_OK: Final = 200
_TOO_MANY: Final = 429
_SERVER_ERROR: Final = 500


class Failure(StrEnum):
    """Why a read failed."""

    TIMEOUT = "timeout"
    CONNECTION = "connection"
    SERVER_ERROR = "server_error"
    THROTTLED = "throttled"
    REFUSED = "refused"
    """A redirect, a status 4xx, or ``result`` other than 1."""
    MALFORMED = "malformed"
    """No JSON object with an object in ``data``, or a body that is too large."""
    WRONG_ID = "wrong_id"
    """The answer is about another id than the requested one."""
    BEHIND = "behind"
    """The answer is older than the event that caused the read."""


RETRIABLE: Final = frozenset(
    {Failure.TIMEOUT, Failure.CONNECTION, Failure.SERVER_ERROR, Failure.THROTTLED}
)


class Unavailable(msgspec.Struct, frozen=True):
    """A failed read."""

    reason: Failure


Answer = dict[str, object] | Unavailable
"""``data`` of a good answer, or why the read failed."""


class Limits(msgspec.Struct, frozen=True):
    """Limits of calls to the platform."""

    timeout_ms: int = 2_000
    """Timeout of one try, ms, including connecting and reading."""
    tries: int = 3
    """Number of tries, including the first; at least 1."""
    backoff_ms: int = 100
    """Before try n+1, waits a random time from 0 to this times 2^(n-1), ms."""
    backoff_max_ms: int = 2_000
    in_flight_max: int = 32
    """Most concurrent tries over all methods; waits between tries do not count."""
    body_max_bytes: int = 1_048_576
    throttled_results: frozenset[int] = frozenset()
    """``result`` codes that mean "slow down"; HTTP 429 always does."""


class Platform(Protocol):
    """The source of what an event leaves out; failures are values."""

    async def order(self, order_id: int) -> Answer:
        """Read an order's detail."""
        ...

    async def fee(self, order_id: int) -> Answer:
        """Read the amounts of an order and who paid them."""
        ...

    async def refund(self, refund_id: int, order_id: int) -> Answer:
        """Read a refund's detail."""
        ...


class SilentPlatform:
    """A platform that is not configured: answers are missing, so requests go to a person."""

    async def order(self, order_id: int) -> Answer:
        """Return that the order is unknown."""
        del order_id
        return Unavailable(Failure.REFUSED)

    async def fee(self, order_id: int) -> Answer:
        """Return that the fees are unknown."""
        del order_id
        return Unavailable(Failure.REFUSED)

    async def refund(self, refund_id: int, order_id: int) -> Answer:
        """Return that the refund is unknown."""
        del refund_id, order_id
        return Unavailable(Failure.REFUSED)


class OpenPlatform:
    """Read-through client; one per process, for one application.

    Parameters
    ----------
    session
        The caller owns and closes it.
    base_url
        Scheme and host, without a slash at the end.
    credentials
        Used in every call, never in a message or log.
    limits
        Timeouts, tries, concurrency.
    now_ms
        Wall clock for the time stamp that calls are signed with.
    draw
        Random source of the waits between tries.
    """

    def __init__(  # noqa: PLR0913 - the composition root gives each part its own
        self,
        session: aiohttp.ClientSession,
        base_url: str,
        credentials: Credentials,
        *,
        limits: Limits,
        now_ms: Callable[[], int],
        draw: Random,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._session = session
        self._base_url = base_url
        self._credentials = credentials
        self._limits = limits
        self._now_ms = now_ms
        self._draw = draw
        self._sleep = sleep
        self._slots = asyncio.Semaphore(limits.in_flight_max)
        self._timeout = aiohttp.ClientTimeout(total=limits.timeout_ms / 1_000)

    async def order(self, order_id: int) -> Answer:
        """Read an order's detail."""
        answer = await self._read(ORDER_DETAIL, "oid", order_id)
        if isinstance(answer, Unavailable):
            return answer
        base = as_object(answer.get("orderBaseInfo"))
        return _about(answer, (base.get("oid"), order_id))

    async def fee(self, order_id: int) -> Answer:
        """Read the amounts of an order and who paid which part."""
        answer = await self._read(FEE_DETAIL, "oid", order_id)
        if isinstance(answer, Unavailable):
            return answer
        return _about(answer, (answer.get("oid"), order_id))

    async def refund(self, refund_id: int, order_id: int) -> Answer:
        """Read a refund's detail; a refund of another order counts as no answer."""
        answer = await self._read(REFUND_DETAIL, "refundId", refund_id)
        if isinstance(answer, Unavailable):
            return answer
        return _about(
            answer, (answer.get("refundId"), refund_id), (answer.get("oid"), order_id)
        )

    async def _read(self, method: str, name: str, value: int) -> Answer:
        param = f'{{"{name}":{value}}}'
        tries = 0
        while True:
            async with self._slots:
                answer = await self._try(method, param)
            tries += 1
            if not isinstance(answer, Unavailable) or answer.reason not in RETRIABLE:
                return answer
            if tries >= self._limits.tries:
                return answer
            await self._sleep(self._wait_s(tries))

    def _wait_s(self, tries: int) -> float:
        # Full jitter: workers that failed together must not retry together.
        longest_ms = min(
            self._limits.backoff_ms * 2 ** (tries - 1), self._limits.backoff_max_ms
        )
        return self._draw.uniform(0, longest_ms) / 1_000

    async def _try(self, method: str, param: str) -> Answer:
        url = f"{self._base_url}/{method.replace('.', '/')}"
        params = self._credentials.signed(method, param, self._now_ms())
        try:
            async with self._session.get(
                url, params=params, timeout=self._timeout, allow_redirects=False
            ) as response:
                return await self._judge(response)
        except TimeoutError:
            return Unavailable(Failure.TIMEOUT)
        except (
            aiohttp.ClientError
        ):  # its message may hold the URL with the token: dropped
            return Unavailable(Failure.CONNECTION)

    async def _judge(self, response: aiohttp.ClientResponse) -> Answer:
        if response.status == _TOO_MANY:
            return Unavailable(Failure.THROTTLED)
        if response.status >= _SERVER_ERROR:
            return Unavailable(Failure.SERVER_ERROR)
        if response.status != _OK:
            return Unavailable(Failure.REFUSED)
        body = bytearray()
        async for chunk in response.content.iter_any():
            body += chunk
            if len(body) > self._limits.body_max_bytes:
                return Unavailable(Failure.MALFORMED)
        return self._opened(bytes(body))

    def _opened(self, body: bytes) -> Answer:
        try:
            answer = parse(body.decode("utf-8"))
        except UnicodeDecodeError:
            return Unavailable(Failure.MALFORMED)
        if isinstance(answer, Fault) or not isinstance(answer, dict):
            return Unavailable(Failure.MALFORMED)
        result = answer.get("result")
        if not is_whole(result):
            return Unavailable(Failure.MALFORMED)
        if result in self._limits.throttled_results:
            return Unavailable(Failure.THROTTLED)
        if result != 1:
            return Unavailable(Failure.REFUSED)
        data = answer.get("data")
        return data if isinstance(data, dict) else Unavailable(Failure.MALFORMED)


def _about(answer: dict[str, object], *pairs: tuple[object, int]) -> Answer:
    if all(read_id(found) == asked for found, asked in pairs):
        return answer
    return Unavailable(Failure.WRONG_ID)
