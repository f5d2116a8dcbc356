"""The policy book: what is accepted, refused, waiting, missing, paused."""

import json
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.families.fast_refund.policy import Policies, Policy
from streams.families.fast_refund.policy_type import POLICY
from streams.processing.policies.book import PolicyBook
from streams.processing.policies.disagreements import DISAGREEMENTS
from streams.processing.policies.pause import UNREADABLE_PAUSE
from streams.processing.policies.publication import PolicyRecord, Publication, as_fields
from testkit.samples import NOW
from tests.families.fast_refund.world import SHIPPED

DAY = 86_400_000
SAID = Publication(author="li", reason="because", published_at_ms=NOW)


def policy(version: int, from_ms: int = NOW, **changes: object) -> Policy:
    return POLICY.override(
        SHIPPED, {"version": version, "effective_from_ms": from_ms, **changes}
    )


def value(
    version: int, from_ms: int = NOW, allow: Sequence[str] = (), **changes: object
) -> bytes:
    record = PolicyRecord(policy(version, from_ms, **changes), SAID)
    fields = as_fields(record) | ({"allow": list(allow)} if allow else {})
    return json.dumps(fields).encode()


class Book(PolicyBook[Policy]):
    """The shipped file, and a topic that is written to at ``NOW``."""

    def __init__(self, *base: Policy) -> None:
        super().__init__(POLICY, Policies(base or (SHIPPED,)))

    def put(self, version: int, from_ms: int = NOW, **more: object) -> str | None:
        """Publish; return the error, None = accepted."""
        key = b"FR@%d" % version
        found = self.apply(key, value(version, from_ms, **more), NOW)  # type: ignore[arg-type]
        return None if found is None else found.error

    def pausing(self, at_ms: int = NOW, **more: object) -> str | None:
        said = {
            "family": "FR",
            "paused": True,
            "author": "li",
            "reason": "why",
            "published_at_ms": at_ms,
            **more,
        }
        found = self.apply(b"FR:pause", json.dumps(said).encode(), at_ms)
        return None if found is None else found.error

    def at(self, at_ms: int) -> str | None:
        found = self.policies.at(at_ms)
        return None if found is None else found.name

    def told(self) -> list[tuple[str, str]]:
        return [(one.level, one.text) for one in self.news]


# -- a version keeps its content ---------------------------------------------------


def test_a_version_that_is_known_with_other_content_is_refused_and_said() -> None:
    book = Book(policy(6))
    assert book.put(7, paid_limit_fen=30_000) is None
    first = book.policies.at(NOW)
    assert book.put(7, paid_limit_fen=20_000) == "policy_conflict"
    assert book.put(7, paid_limit_fen=30_000) is None  # the same content again
    assert book.policies.at(NOW) is first
    (refusal,) = book.refusals
    assert (refusal.name, refusal.error) == ("FR@7", "policy_conflict")
    assert refusal.problems[0].endswith("publish a higher version")
    assert [level for level, _ in book.told()] == ["info", "warning"]
    assert "FR@7 refused" in book.told()[1][1]


def test_what_is_accepted_is_logged_with_who_and_why() -> None:
    book = Book()
    book.put(2)
    ((level, text),) = book.told()
    assert level == "info"
    for part in ("FR@2 (hash ", f"from {NOW} on", "by li: because"):
        assert part in text


def test_a_key_that_names_another_version_than_the_content_is_refused() -> None:
    book = Book()
    found = book.apply(b"FR@3", value(2), NOW)
    assert found is not None
    assert found.error == "policy_refused"
    assert book.at(NOW) == "FR@1"


def test_records_under_the_old_key_are_still_read() -> None:
    book = Book()
    fields = {"family": "FR", "version": 2, "effective_from_ms": NOW}
    assert book.apply(b"FR", json.dumps(fields).encode(), NOW) is None
    assert book.at(NOW) == "FR@2"
    assert book.put(2) is None  # published again under its own key
    (version,) = [one for one in book.versions() if one.policy.version == 2]
    assert version.publication.author is None


def test_a_tombstone_takes_no_version_back() -> None:
    book = Book()
    book.put(2)
    for key in (b"FR@2", b"FR"):
        found = book.apply(key, None, NOW)
        assert found is not None
        assert found.error == "null_value"
    assert book.at(NOW) == "FR@2"


# -- plausibility ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "key"),
    [
        ({"paid_limit_fen": 99_999_999}, "paid_limit_fen"),
        ({"paid_limit_fen": 250}, "paid_limit_fen"),
        ({"paid_limit_fen": 10**400}, "paid_limit_fen"),
        ({"from_ms": NOW // 1000}, "effective_from_ms"),
        ({"from_ms": NOW + 400 * DAY}, "effective_from_ms"),
        ({"excluded_roots": ["virtual"]}, "excluded_roots"),
    ],
)
def test_an_implausible_record_is_refused_unless_it_names_the_key(
    changes: dict[str, object], key: str
) -> None:
    book = Book()
    assert book.put(2, **changes) == "policy_implausible"  # type: ignore[arg-type]
    assert book.at(NOW) == "FR@1"
    assert all(one.startswith(f"{key}: ") for one in book.refusals[0].problems)
    assert book.put(2, **changes, allow=[key]) is None  # type: ignore[arg-type]


def test_what_is_compared_is_the_version_of_the_topic_in_force_then() -> None:
    book = Book()
    assert book.put(2, paid_limit_fen=15_000) is None
    assert book.put(3, NOW + DAY, paid_limit_fen=31_000) == "policy_implausible"
    assert book.put(3, NOW + DAY, paid_limit_fen=30_000) is None
    assert book.put(4, paid_limit_fen=31_000) == "policy_implausible"  # 3 waits


def test_files_do_not_change_what_workers_accept() -> None:
    strict, none = Book(policy(1, paid_limit_fen=1_000)), PolicyBook(POLICY, Policies())
    record = value(2, paid_limit_fen=29_000)
    assert strict.apply(b"FR@2", record, NOW) is None
    assert none.apply(b"FR@2", record, NOW) is None


def test_an_old_record_is_held_to_its_ceiling_only() -> None:
    """A strict one that has been in force for long must not give way to a laxer one."""
    book = Book()
    assert book.apply(b"FR", value(2, 0, paid_limit_fen=250), NOW) is None
    paused = value(4, 0, service_paused=True, paid_limit_fen=99_999_999)
    assert book.apply(b"FR", paused, NOW) is None
    found = book.apply(b"FR", value(3, paid_limit_fen=99_999_999), NOW)
    assert found is not None
    assert found.error == "policy_implausible"


# -- in force, waiting, missing ------------------------------------------------------


def states(book: PolicyBook[Policy], at_ms: int = NOW) -> dict[str, str]:
    return {one.name: book.policies.state_of(one, at_ms) for one in book.policies}


def test_a_version_waits_and_then_holds_unless_a_higher_one_does_by_then() -> None:
    book = Book()
    book.put(2, NOW + DAY)
    assert states(book) == {"FR@1": "in_force", "FR@2": "waiting"}
    assert states(book, NOW + DAY) == {"FR@1": "past", "FR@2": "in_force"}
    book.put(3, NOW)
    assert states(book) == {
        "FR@1": "past",
        "FR@2": "overtaken",
        "FR@3": "in_force",
    }
    assert book.at(NOW + DAY) == "FR@3"


def test_below_a_gap_no_policy_is_known_and_above_it_one_is() -> None:
    book = Book()
    book.put(3, NOW + DAY)
    assert book.at(NOW) is None  # version 2 may be in force
    assert book.at(NOW + DAY) == "FR@3"
    assert book.policies.missing() == (2,)
    book.put(2, NOW)
    assert book.at(NOW) == "FR@2"
    assert book.policies.missing() == ()


@given(
    st.lists(st.tuples(st.integers(1, 6), st.integers(-3, 3)), max_size=8),
    st.integers(0, 8),
    st.integers(-4, 4),
)
def test_a_policy_is_only_told_when_no_missing_one_could_be_in_force(
    versions: list[tuple[int, int]], known_to: int, at: int
) -> None:
    found = Policies(
        [policy(number, NOW + days * DAY) for number, days in versions], known_to
    )
    told = found.at(NOW + at * DAY)
    held = {one.version: one for one in found}
    in_effect = [
        one for one in held.values() if one.effective_from_ms <= NOW + at * DAY
    ]
    highest = max(in_effect, key=lambda one: one.version, default=None)
    if highest is None:
        assert told is None
        return
    above = range(highest.version + 1, max(known_to, *held) + 1)
    expected = highest if all(number in held for number in above) else None
    assert told is expected


def test_a_version_that_a_decision_names_and_nobody_has_is_missing() -> None:
    """Its record was lost with the topic: the file must not take its place unsaid."""
    book = Book()
    book.heard(
        {
            ("FR@1", SHIPPED.policy_hash): ("FR:r-1:1", NOW),
            ("FR@3", "a"): ("FR:r-2:1", NOW),
        },
        NOW,
    )
    assert book.at(NOW) is None
    assert book.policies.newest is None
    assert book.policies.missing() == (2, 3)
    assert book.disagreed["missing"] == 1
    ((level, text),) = book.told()
    assert level == "error"
    assert "FR:r-2:1 was decided under FR@3 (hash a), which is not known here" in text
    book.put(2)
    book.put(3)
    assert book.at(NOW) == "FR@3"


def test_a_decision_of_our_version_with_another_hash_is_told_once() -> None:
    book = Book()
    for _ in range(2):
        book.heard(
            {
                ("FR@1", "other"): ("FR:r-1:1", NOW),
                ("FR@1", None): ("FR:r-2:1", NOW),  # version 0.1.0 recorded no hash
                ("FR@1", SHIPPED.policy_hash): ("FR:r-3:1", NOW),
            },
            NOW,
        )
    assert book.disagreed == dict.fromkeys(DISAGREEMENTS, 0) | {"decided": 1}
    assert book.at(NOW) == "FR@1"
    assert "FR:r-1:1 was decided under FR@1 (hash other)" in book.told()[0][1]


def test_what_was_decided_otherwise_long_ago_is_logged_and_not_counted() -> None:
    book = Book()
    book.heard({("FR@1", "other"): ("FR:r-1:1", NOW - DAY)}, NOW)
    assert set(book.disagreed.values()) == {0}
    assert book.told()[0][0] == "warning"


def test_an_older_version_that_is_gone_is_missing_and_no_news() -> None:
    """Compaction of version 0.1.0 took it: the versions above judge as before."""
    book = Book()
    fields = {"family": "FR", "version": 3, "effective_from_ms": NOW}
    book.apply(b"FR", json.dumps(fields).encode(), NOW)
    book.heard({("FR@2", None): ("FR:r-1:1", NOW)}, NOW)
    assert set(book.disagreed.values()) == {0}
    assert book.policies.missing() == (2,)
    assert (book.at(NOW), book.at(NOW - 1)) == ("FR@3", None)


def test_another_policy_file_in_the_group_is_told_once() -> None:
    book = Book()
    ours = f"FR@1:{SHIPPED.policy_hash}"
    for _ in range(2):
        book.members({"me": ours, "other": "FR@1:0123"})
    assert book.disagreed["member"] == 1
    assert "worker other of this group" in book.told()[0][1]
    book.put(1, from_ms=SHIPPED.effective_from_ms, paid_limit_fen=29_000)
    book.members({"third": "FR@1:4567"})  # files judge nothing any more
    assert book.disagreed["member"] == 1


def test_what_is_published_judges_in_place_of_the_file_of_its_name() -> None:
    book = Book()
    book.put(1, paid_limit_fen=29_000)
    assert [one.paid_limit_fen for one in book.policies] == [29_000]
    assert book.disagreed["file"] == 1
    levels = [level for level, _ in book.told()]
    assert levels == ["error", "info"]


def test_the_file_is_not_used_once_the_head_of_the_topic_is_gone() -> None:
    book = Book()
    book.head_deleted()
    assert book.at(NOW) is None
    book.put(2)
    assert book.at(NOW) == "FR@2"
    assert book.at(NOW - 1) is None


# -- the pause -----------------------------------------------------------------------


def test_a_pause_is_on_top_of_whatever_version_holds() -> None:
    book = Book()
    book.put(2, NOW + DAY)
    assert book.pausing() is None
    assert states(book) == {"FR@1": "in_force", "FR@2": "waiting"}
    assert states(book, NOW + DAY)["FR@2"] == "in_force"
    assert book.pauses.at(NOW + DAY) == NOW
    assert book.pausing(NOW + 5, paused=False) is None
    assert book.pauses.at(NOW + DAY) is None
    assert [one.paused for one in book.pauses.all] == [True, False]
    assert [level for level, _ in book.told()[1:]] == ["warning", "warning"]
    assert book.told()[1][1].endswith("by li: why")


def test_a_pause_may_begin_and_end_by_itself() -> None:
    book = Book()
    book.pausing(from_ms=NOW + 10, until_ms=NOW + 20)
    assert [book.pauses.at(NOW + ms) for ms in (9, 10, 19, 20)] == [
        None,
        NOW,
        NOW,
        None,
    ]


@pytest.mark.parametrize(
    "bad",
    [
        b"no json",
        b"[]",
        b"{}",
        None,
        json.dumps({"family": "FR", "paused": False}).encode(),
    ],
)
def test_a_pause_record_that_cannot_be_read_might_be_a_pause(bad: bytes | None) -> None:
    book = Book()
    assert book.apply(b"FR:pause", bad, NOW) is not None
    assert book.pauses.at(NOW) == UNREADABLE_PAUSE
    assert book.told()[0][0] == "error"
    book.pausing(paused=False)
    assert book.pauses.at(NOW) is None


def test_a_pause_in_seconds_is_no_pause_that_is_over() -> None:
    book = Book()
    assert book.pausing(until_ms=NOW // 1000) == "policy_refused"
    assert book.pauses.at(NOW) == UNREADABLE_PAUSE
