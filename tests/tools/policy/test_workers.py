"""Confirmation from workers: their status pages, served by a real web server."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiohttp import web

from streams.errors import UnconfirmedError
from streams.tools.policy.workers import confirm, shows_pause, shows_version
from streams.worker.policy_watch import shown
from testkit.samples import NOW
from tests.families.fast_refund.test_policy_book import Book, policy

pytestmark = pytest.mark.asyncio


@asynccontextmanager
async def serving(book: Book) -> AsyncIterator[str]:
    """Serve what a worker with this book shows; yield its address."""
    async with serving_page({"policies": shown(book, NOW)}) as address:
        yield address


@asynccontextmanager
async def serving_page(page: dict[str, Any]) -> AsyncIterator[str]:
    async def status(_request: web.Request) -> web.Response:
        return web.json_response({"state": "ready", **page})

    app = web.Application()
    app.router.add_get("/status", status)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        host, port = runner.addresses[0][:2]
        yield f"{host}:{port}"
    finally:
        await runner.cleanup()


async def test_every_worker_that_is_named_must_show_it() -> None:
    one, other = Book(), Book()
    for book in (one, other):
        book.put(2)
        book.pausing(NOW + 7)
    version = shows_version("FR@2", policy(2).policy_hash)
    async with serving(one) as first, serving(other) as second:
        await confirm([first, f"http://{second}/"], "FR", version)
        await confirm([first, second], "FR", shows_pause(NOW + 7))


async def test_who_shows_another_content_or_nothing_is_named() -> None:
    book = Book()
    book.put(2, paid_limit_fen=29_000)
    version = shows_version("FR@2", policy(2).policy_hash)
    async with serving(book) as address:
        with pytest.raises(UnconfirmedError) as caught:
            await confirm([address, "127.0.0.1:1"], "FR", version, 0.5)
        told = str(caught.value)
        assert f"worker {address}: does not show it" in told
        assert "worker 127.0.0.1:1: Client" in told
        with pytest.raises(UnconfirmedError):
            await confirm([address], "FR", shows_pause(NOW), 0.3)


async def test_a_page_of_something_else_confirms_nothing() -> None:
    async def status(_request: web.Request) -> web.Response:
        return web.json_response(["not", "ours"])

    app = web.Application()
    app.router.add_get("/status", status)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        host, port = runner.addresses[0][:2]
        with pytest.raises(UnconfirmedError, match="no status page of a worker"):
            await confirm([f"{host}:{port}"], "FR", shows_pause(NOW), 0.3)
    finally:
        await runner.cleanup()


async def test_of_another_family_its_own_part_of_the_page_counts() -> None:
    first, other = Book(), Book()
    other.pausing(NOW + 7)
    shows = shows_pause(NOW + 7)
    page = {"policies": shown(first, NOW)}
    async with serving_page(
        page | {"families": {"XX": {"policies": shown(other, NOW)}}}
    ) as one:
        await confirm([one], "XX", shows)
        with pytest.raises(UnconfirmedError, match="does not show it"):
            await confirm([one], "FR", shows, 0.3)
