"""A stand-in of the open platform over a real socket, and a client that asks it."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from random import Random

import aiohttp
import pytest
import pytest_asyncio

from streams.platforms.kuaishou.client import Limits, OpenPlatform
from streams.platforms.kuaishou.credentials import Credentials
from streams.platforms.kuaishou.ingest import Ingest
from streams.platforms.kuaishou.reading import Reader
from streams.platforms.kuaishou.standin import PlatformData, StandIn
from tests.platforms.kuaishou.samples import CATEGORIES, ORDER_ID, REFUND_ID, data_of

ASKED_AT_MS = 1773800100900


@dataclass
class Bench:
    """Everything a test needs to ask the stand-in."""

    standin: StandIn
    session: aiohttp.ClientSession
    waits_s: list[float] = field(default_factory=list)
    """What the client asked to wait between tries; nothing really waits."""

    def client(
        self, limits: Limits | None = None, url: str | None = None
    ) -> OpenPlatform:
        return OpenPlatform(
            self.session,
            url or self.standin.url,
            Credentials("ks600000000000000001", "token-1", "sign-1"),
            limits=limits or Limits(),
            now_ms=lambda: ASKED_AT_MS,
            draw=Random(1),  # noqa: S311 - repeatable on purpose
            sleep=self._sleep,
        )

    def ingest(self, limits: Limits | None = None, *placed: str) -> Ingest:
        """Start an ingest; ``placed`` are the owners of the order's rows on the topic."""
        return Ingest(
            Reader(),
            self.client(limits),
            categories=CATEGORIES,
            now_ms=lambda: ASKED_AT_MS,
            placed=lambda _order_id: placed,
        )

    async def _sleep(self, seconds: float) -> None:
        self.waits_s.append(seconds)


@pytest_asyncio.fixture
async def bench() -> AsyncIterator[Bench]:
    world = PlatformData(
        orders={str(ORDER_ID): data_of("open.order.detail")},
        fees={str(ORDER_ID): data_of("open.seller.order.fee.detail")},
        refunds={str(REFUND_ID): data_of("open.seller.order.refund.detail")},
    )
    standin = StandIn(world)
    await standin.start()
    async with aiohttp.ClientSession() as session:
        yield Bench(standin, session)
    await standin.stop()


@pytest.fixture
def no_server_url(unused_tcp_port: int) -> str:
    return f"http://127.0.0.1:{unused_tcp_port}"
