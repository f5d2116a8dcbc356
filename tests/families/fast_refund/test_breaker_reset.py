"""The record that resets breakers: what is accepted, refused, remembered."""

import json

import pytest

from streams.errors import PolicyError
from streams.families.fast_refund.policy_type import POLICY
from streams.processing.policies import Policies, PolicyBook
from streams.processing.policies.breaker_reset import parse_breaker_reset
from testkit.samples import NOW
from tests.families.fast_refund.base import policy
from tests.families.fast_refund.test_policy_book import DAY, Book
from tests.families.fast_refund.world import World
from tests.processing.policies.test_one_key import POLICY as WITHOUT_BREAKERS

SAID = {
    "family": "FR",
    "scope": "all",
    "from_ms": NOW,
    "author": "li",
    "reason": "why",
    "published_at_ms": NOW,
}
KEY = b"FR:breaker"


def value(**changes: object) -> bytes:
    return json.dumps({**SAID, **changes}).encode()


def test_a_reset_is_taken_once_told_and_remembered() -> None:
    book = Book()
    assert book.apply(KEY, value(), NOW) is None
    assert book.apply(KEY, value(scope="shop", shop_id="s-1"), NOW) is None
    assert [(one.scope, one.shop_id) for one in book.resets.take()] == [
        ("all", None),
        ("shop", "s-1"),
    ]
    assert book.resets.take() == ()
    assert book.resets.last is not None
    assert book.resets.last.shop_id == "s-1"
    assert len(book.resets.all) == 2
    counting = f"reset, approvals before {NOW} count no more, by li: why"
    assert book.told() == [
        ("warning", f"all breakers {counting}"),
        ("warning", f"the breaker of shop s-1 {counting}"),
    ]


def test_of_resets_of_one_breaker_that_nobody_took_the_latest_moment_is_kept() -> None:
    book = Book()
    for from_ms in (NOW - 5, NOW, NOW - 9):
        assert book.apply(KEY, value(from_ms=from_ms), NOW) is None
    assert [one.from_ms for one in book.resets.take()] == [NOW]


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"scope": "none"}, "scope: "),
        ({"scope": "shop"}, "shop_id: required with scope shop; add it"),
        ({"scope": "shop", "shop_id": None}, "shop_id: required with scope shop"),
        ({"scope": "shop", "shop_id": ""}, "shop_id: "),
        ({"shop_id": "s-1"}, "shop_id: stands only with scope shop, not all"),
        ({"from_ms": None}, "from_ms: "),
        ({"from_ms": NOW // 1000}, f"from_ms: {NOW // 1000} lies before 2015"),
        ({"from_ms": NOW + 1}, f"from_ms: {NOW + 1} lies after published_at_ms {NOW}"),
        (
            {"from_ms": NOW + 300_001, "published_at_ms": NOW + DAY},
            f"from_ms: {NOW + 300_001} lies ahead of the record",
        ),
        ({"author": ""}, "author: "),
        ({"family": "SV"}, "family: must be FR, not SV"),
        ({"until_ms": NOW}, "until_ms: unknown key; remove it"),
    ],
)
def test_a_reset_that_is_not_understood_or_implausible_resets_nothing(
    changes: dict[str, object], problem: str
) -> None:
    book = Book()
    found = book.apply(KEY, value(**changes), NOW)
    assert found is not None
    assert found.error == "policy_refused"
    (refusal,) = book.refusals
    assert (refusal.name, refusal.error) == ("FR:breaker", "policy_refused")
    assert [line[: len(problem)] for line in refusal.problems] == [problem]
    assert (book.resets.take(), book.resets.last) == ((), None)
    assert book.told()[0][0] == "warning"
    assert book.policies.at(NOW) is not None  # and it is no refused version
    assert book.refused_last == ()


def test_a_moment_that_clocks_may_differ_by_is_accepted() -> None:
    ahead = value(from_ms=NOW + 300_000, published_at_ms=NOW + 300_000)
    assert Book().apply(KEY, ahead, NOW) is None


@pytest.mark.parametrize(
    ("bad", "error"), [(None, "null_value"), (b"no json", "not_json"), (b"[]", None)]
)
def test_a_record_that_is_no_reset_at_all_resets_nothing(
    bad: bytes | None, error: str | None
) -> None:
    book = Book()
    found = book.apply(KEY, bad, NOW)
    assert found is not None
    assert error in (None, found.error)
    assert book.resets.take() == ()
    assert len(book.refusals) == 1


def test_a_reset_must_say_who_why_what_and_since_when() -> None:
    book = Book()
    book.apply(KEY, b'{"family":"FR"}', NOW)
    assert [line.split(":")[0] for line in book.refusals[0].problems] == [
        "scope",
        "from_ms",
        "author",
        "reason",
        "published_at_ms",
    ]


def test_a_reset_is_left_to_its_family_and_refused_by_one_without_breakers() -> None:
    book = PolicyBook(WITHOUT_BREAKERS, Policies())
    assert book.apply(KEY, value(), NOW) is None
    assert book.apply(KEY, b"no json", NOW) is None
    assert not book.refusals
    found = book.apply(b"XX:breaker", value(family="XX"), NOW)
    assert found is not None
    assert found.message == "family: XX has no breakers"
    ours = Book()
    assert ours.apply(b"XX:breaker", value(family="XX"), NOW) is None
    assert ours.resets.last is None
    assert set(POLICY.breakers) == {"shop", "global"}


def test_a_reset_of_a_breaker_that_the_family_does_not_have_is_refused() -> None:
    with pytest.raises(PolicyError) as caught:
        parse_breaker_reset({**SAID, "scope": "global"}, "FR", ("shop",), NOW)
    assert caught.value.problems == ("scope: FR has no breaker global",)
    assert parse_breaker_reset(SAID, "FR", ("shop",), NOW).scope == "all"


def test_the_next_request_after_a_reset_is_approved_and_then_counts() -> None:
    world = World(
        policy(breaker_shop_max_count=1, breaker_window_ms=60_000, effective_from_ms=0)
    )
    found = []
    for number in range(5):
        world.add_order(f"o-{number}")
        found.append(world.one(refund_id=f"r-{number}", order_id=f"o-{number}"))
        if number == 2:
            world.now_ms += 1
            record = value(from_ms=world.now_ms, published_at_ms=world.now_ms)
            world.shared.apply_policy(KEY, record, world.now_ms)
    assert [one["outcome"] for one in found] == [
        "auto_approve",
        "manual_review",
        "manual_review",
        "auto_approve",
        "manual_review",
    ]
    assert [one["seen"].get("breaker") for one in found] == [
        None,
        "shop",
        "shop",
        None,
        "shop",
    ]


def test_a_reset_approves_nothing_that_another_rule_refuses() -> None:
    world = World(policy(breaker_shop_max_count=1, breaker_window_ms=60_000))
    world.shared.apply_policy(KEY, value(), NOW)
    world.add_order("o-9", order_status="shipped")
    found = world.one(refund_id="r-9", order_id="o-9")
    assert "ORDER_SHIPPED" in found["reason_codes"]
