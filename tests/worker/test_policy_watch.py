"""What a worker shows of policies."""

import json

from streams.families.fast_refund.policy import Policies
from streams.worker.policy_watch import file_of, shown, states
from testkit.samples import NOW
from tests.families.fast_refund.test_policy_book import DAY, Book, policy
from tests.families.fast_refund.world import SHIPPED


def busy() -> Book:
    book = Book()
    book.put(2, NOW + DAY)
    book.put(4, NOW + 2 * DAY, paid_limit_fen=29_000)
    book.put(5, NOW + DAY, paid_limit_fen=28_000)
    book.put(2, paid_limit_fen=29_000)
    book.pausing()
    return book


def test_every_policy_that_is_not_past_has_a_series_of_its_state() -> None:
    assert set(states(busy(), NOW)) == {
        ("none", "in_force"),
        ("FR@2", "overtaken"),
        ("FR@4", "overtaken"),
        ("FR@5", "waiting"),
        ("FR@3", "missing"),
        ("FR@2", "refused"),
    }
    assert ("FR@5", "in_force") in set(states(busy(), NOW + DAY))
    assert set(states(Book(), NOW)) == {("FR@1", "in_force")}


def test_the_status_shows_who_published_what_waits_and_what_was_refused() -> None:
    found = json.loads(json.dumps(shown(busy(), NOW)))
    assert found["in_force"] == []
    (waiting,) = found["waiting"]
    assert waiting["policy"] == "FR@5"
    assert (waiting["author"], waiting["reason"], waiting["from"]) == (
        "li",
        "because",
        "topic",
    )
    assert [one["policy"] for one in found["overtaken"]] == ["FR@2", "FR@4"]
    assert found["missing"] == [3]
    (refused,) = found["refused"]
    assert (refused["name"], refused["error"]) == ("FR@2", "policy_conflict")
    assert found["paused"] is True
    assert found["pause"]["author"] == "li"
    assert found["breaker_reset"] is None
    book = busy()
    said = {"author": "li", "reason": "why", "published_at_ms": NOW}
    reset = {"family": "FR", "scope": "global", "from_ms": NOW - 1, **said}
    book.apply(b"FR:breaker", json.dumps(reset).encode(), NOW)
    shown_reset = json.loads(json.dumps(shown(book, NOW)))["breaker_reset"]
    assert shown_reset == {**reset, "shop_id": None}
    (plain,) = json.loads(json.dumps(shown(Book(), NOW)))["in_force"]
    assert plain["from"] == "file"
    assert plain["policy_hash"] == SHIPPED.policy_hash


def test_the_group_is_told_the_file_and_its_hash() -> None:
    assert file_of(Policies([SHIPPED])) == f"FR@1:{SHIPPED.policy_hash}"
    assert file_of(Policies()) == ""
    assert file_of(Policies([policy(3)])).startswith("FR@3:")
