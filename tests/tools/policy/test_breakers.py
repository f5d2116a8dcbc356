"""``refund policy reset-breakers``: what is said, and how it is shown and confirmed."""

import io
import json

import msgspec
import pytest

from streams.errors import UnconfirmedError, UsageError
from streams.processing.policies.breaker_reset import BreakerReset
from streams.tools.policies import Said
from streams.tools.policy.breakers import reset_of
from streams.tools.policy.shown import print_history, standing
from streams.tools.policy.workers import confirm, shows_reset
from testkit.samples import NOW
from tests.families.fast_refund.test_policy_book import Book
from tests.tools.policy.test_workers import serving

SAID = Said(author="li\nroot", reason="why", mode="send", workers=())


def said(shop_id: str | None = None, *, only_global: bool = False) -> BreakerReset:
    return reset_of("FR", shop_id, SAID, NOW, only_global=only_global)


def book_with(*resets: BreakerReset) -> Book:
    book = Book()
    for one in resets:
        assert book.apply(b"FR:breaker", msgspec.json.encode(one), NOW) is None
    return book


def test_a_reset_is_of_one_shop_of_the_global_breaker_or_of_all() -> None:
    found = [said("s-1"), said(only_global=True), said()]
    assert [(one.scope, one.shop_id) for one in found] == [
        ("shop", "s-1"),
        ("global", None),
        ("all", None),
    ]
    assert {(one.from_ms, one.published_at_ms) for one in found} == {(NOW, NOW)}
    book_with(*found)  # each is one that workers accept


def test_a_reset_that_does_not_say_which_breaker_is_refused() -> None:
    for shop_id, only_global in (("s-1", True), ("", False)):
        with pytest.raises(UsageError):
            said(shop_id, only_global=only_global)


def test_the_last_reset_is_shown_beside_what_is_in_force() -> None:
    *_, line = standing(book_with(said(), said("s-1\nx")), NOW)
    assert line.startswith("breakers: the breaker of shop s-1\\nx reset from 2026-")
    assert line.endswith(" on, by li\\nroot: why")


def test_the_history_lists_resets_and_those_that_were_refused() -> None:
    book = book_with(said(), said(only_global=True))
    book.apply(b"FR:breaker", b"{}", NOW + 1)
    out = io.StringIO()
    print_history(book, NOW, "json", out)
    rows = [json.loads(line) for line in out.getvalue().splitlines()]
    assert [(row["what"], row["state"], row["from_ms"]) for row in rows[1:]] == [
        ("FR:breaker", "all breakers reset", NOW),
        ("FR:breaker", "the global breaker reset", NOW),
        ("FR:breaker", "refused (policy_refused)", None),
    ]


@pytest.mark.asyncio
async def test_a_worker_confirms_the_reset_that_it_shows_and_no_other() -> None:
    async with serving(book_with(said())) as address:
        await confirm([address], "FR", shows_reset(NOW))
        with pytest.raises(UnconfirmedError, match="does not show it"):
            await confirm([address], "FR", shows_reset(NOW + 1), 0.3)
    async with serving(Book()) as address:
        with pytest.raises(UnconfirmedError, match="does not show it"):
            await confirm([address], "FR", shows_reset(NOW), 0.3)
