"""The pages over a real socket, served by a Faust app without Kafka."""

import gc
import json
import warnings
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import aiohttp
import faust
import pytest
from faust.app.base import BootStrategy
from prometheus_client import CollectorRegistry

from streams.metrics import Metrics, table
from streams.settings import Web
from streams.web.pages import Pages, Verdict, register, web_options

pytestmark = pytest.mark.asyncio


class NoKafka(BootStrategy):
    enable_kafka = False
    enable_kafka_consumer = False
    enable_kafka_producer = False


class App(faust.App):
    BootStrategy = NoKafka


@dataclass
class Worker:
    """What the pages ask; tests change it while the server runs."""

    ready: Verdict = (True, [])
    alive: Verdict = (True, [])
    status: dict[str, object] = field(
        default_factory=lambda: {"version": "0.1.0", "partitions": [0, 3]}
    )
    metrics: Metrics = field(
        default_factory=lambda: Metrics(CollectorRegistry(), lambda: 5_000)
    )

    def pages(self) -> Pages:
        return Pages(
            ready=lambda: self.ready,
            alive=lambda: self.alive,
            status=lambda: self.status,
            metrics=self.metrics,
        )


@asynccontextmanager
async def serving(worker: Worker, web: Web) -> AsyncIterator[aiohttp.ClientSession]:
    options = web_options(web)
    app = App("pages", broker="kafka://127.0.0.1:1", **options)
    register(app, worker.pages())
    base = f"http://{web.host}:{options.get('web_port', 1)}"
    async with app, aiohttp.ClientSession(base) as session:
        yield session


@pytest.fixture(autouse=True)
def _unused_consumer() -> Iterator[None]:
    """Faust builds its consumer though it is off, with a loop that nobody closes."""
    yield
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()


async def fetch(session: aiohttp.ClientSession, path: str) -> tuple[int, str]:
    async with session.get(path) as answer:
        return answer.status, await answer.text()


async def test_a_worker_in_order_is_ready_and_alive() -> None:
    async with serving(Worker(), Web(port=0)) as session:
        assert await fetch(session, "/readyz") == (200, "ok\n")
        assert await fetch(session, "/livez") == (200, "ok\n")


async def test_a_worker_that_is_not_ready_says_why() -> None:
    worker = Worker(ready=(False, ["loading facts of 2 partitions"]))
    async with serving(worker, Web(port=0)) as session:
        assert await fetch(session, "/readyz") == (
            503,
            "loading facts of 2 partitions\n",
        )
        assert await fetch(session, "/livez") == (200, "ok\n")
        worker.ready = (True, [])
        assert await fetch(session, "/readyz") == (200, "ok\n")


async def test_a_worker_that_is_stuck_says_why() -> None:
    worker = Worker(alive=(False, ["no progress for 31 s", "lag 5"]))
    async with serving(worker, Web(port=0)) as session:
        assert await fetch(session, "/livez") == (503, "no progress for 31 s\nlag 5\n")


async def test_metrics_are_served_as_prometheus_reads_them() -> None:
    worker = Worker()
    worker.metrics.add(table.REPEATED, 2, "FR")
    async with (
        serving(worker, Web(port=0)) as session,
        session.get("/metrics") as answer,
    ):
        assert answer.status == 200
        assert answer.headers["content-type"].startswith("text/plain; version=")
        assert 'refund_repeated_requests_total{family="FR"} 2.0' in await answer.text()


async def test_status_is_json() -> None:
    async with serving(Worker(), Web(port=0)) as session:
        status, text = await fetch(session, "/status")
        assert status == 200
        assert json.loads(text) == {"version": "0.1.0", "partitions": [0, 3]}


async def test_the_first_page_lists_the_others() -> None:
    async with serving(Worker(), Web(port=0)) as session:
        status, text = await fetch(session, "/")
        assert status == 200
        assert {"/livez", "/readyz", "/metrics", "/status"} <= set(text.split())


@pytest.mark.parametrize(
    "path",
    ["/table/", "/router/", "/graph/", "/assignment/", "/performance/", "/production"],
)
async def test_pages_of_faust_are_not_served(path: str) -> None:
    async with serving(Worker(), Web(port=0)) as session:
        status, _ = await fetch(session, path)
        assert status == 404


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
async def test_nothing_can_be_changed_over_http(method: str) -> None:
    async with (
        serving(Worker(), Web(port=0)) as session,
        session.request(method, "/status") as answer,
    ):
        assert answer.status == 405


async def test_without_a_port_there_is_no_server() -> None:
    assert web_options(Web(port=None))["web_enabled"] is False
    async with serving(Worker(), Web(port=None)) as session:
        with pytest.raises(aiohttp.ClientConnectionError):
            await fetch(session, "/livez")


async def test_only_the_configured_address_is_bound() -> None:
    options = web_options(Web())
    assert (options["web_bind"], options["web_port"]) == ("127.0.0.1", 6066)


async def test_what_others_wrote_forges_no_line_of_a_page() -> None:
    forged = "r-1\nok\u202e"
    worker = Worker(
        ready=(False, [forged]), alive=(False, [forged]), status={"refused": [forged]}
    )
    async with serving(worker, Web(port=0)) as session:
        for path in ("/readyz", "/livez"):
            assert await fetch(session, path) == (503, "r-1\\nok\\u202e\n")
        _, text = await fetch(session, "/status")
        assert text.isprintable()
        assert json.loads(text) == {"refused": [forged]}
