"""What must be said before a version is published."""

import pytest

from streams.errors import PolicyError
from streams.families.fast_refund.policy import Policies, Policy
from streams.families.fast_refund.policy_type import POLICY
from streams.processing.policies.book import PolicyBook
from streams.processing.policies.publication import PolicyRecord, Publication
from streams.tools.policy.proposal import before_now, check, numbered, overtaken
from testkit.samples import NOW
from tests.families.fast_refund.test_policy_book import DAY, Book, policy


def refused(
    book: PolicyBook[Policy],
    version: int,
    from_ms: int = NOW,
    overtake: tuple[int, ...] = (),
    **changes: object,
) -> list[str]:
    said = Publication(author="li", reason="why", overtakes=overtake)
    record = PolicyRecord(policy(version, from_ms, **changes), said)
    try:
        check(record, book, NOW)
    except PolicyError as problem:
        return list(problem.problems)
    return []


def test_only_the_next_version_is_published_or_one_that_is_missing() -> None:
    book = Book()
    assert refused(book, 1) == []  # the file's own, while the topic has none
    assert refused(book, 2) == []
    assert refused(book, 3) == ["version: 3 would leave a gap; the next is 2"]
    book.put(2)
    assert refused(book, 1)[0].startswith("version: 1 would leave a gap; the next is 3")
    book.put(4)
    assert refused(book, 6) == [
        "version: 6 would leave a gap; the next is 5, missing are 3"
    ]
    assert refused(book, 3) == []
    assert PolicyBook(POLICY, Policies()).policies.known_to == 0
    assert refused(PolicyBook(POLICY, Policies()), 1) == []


def test_a_known_version_keeps_its_content() -> None:
    book = Book()
    book.put(2)
    (line,) = refused(book, 2, paid_limit_fen=29_000)
    assert line.startswith("version: FR@2 is published with other content (hash ")
    assert line.endswith("the next is 3")


def test_what_waits_is_overtaken_by_name_only() -> None:
    book = Book()
    book.put(2, NOW + DAY)
    book.put(3, NOW + 2 * DAY)
    later = policy(4, NOW + DAY + 1)
    assert [one.version for one in overtaken(later, book, NOW)] == [3]
    lines = refused(book, 4, NOW + DAY)
    assert [line[:5] for line in lines] == ["FR@2 ", "FR@3 "]
    assert "give --overtake 2" in lines[0]
    assert refused(book, 4, NOW + DAY, overtake=(2,)) == lines[1:]
    assert refused(book, 4, NOW + DAY, overtake=(2, 3)) == []
    assert refused(book, 4, NOW + 3 * DAY) == []  # it comes after both


def test_all_that_is_wrong_is_told_at_once() -> None:
    book = Book()
    book.put(2, NOW + DAY)
    lines = refused(book, 4, NOW, paid_limit_fen=250)
    assert [line.split(":")[0].split(" ")[0] for line in lines] == [
        "version",
        "paid_limit_fen",
        "FR@2",
    ]


def test_what_a_command_accepts_a_worker_accepts() -> None:
    for limit_fen in (30_000, 20_000, 250, 99_999_999):
        book = Book()
        accepted = refused(book, 2, paid_limit_fen=limit_fen) == []
        assert (book.put(2, paid_limit_fen=limit_fen) is None) is accepted


def test_a_rollback_is_the_next_version_with_an_earlier_content() -> None:
    book = Book()
    book.put(2, NOW - 5, paid_limit_fen=20_000)
    book.put(3, NOW + DAY)
    assert before_now(book.policies, NOW) is book.policies[0]
    assert before_now(book.policies, 0) is None
    again = numbered(book.policies[0], book, NOW)
    assert (again.name, again.effective_from_ms) == ("FR@4", NOW)
    assert again.paid_limit_fen == 30_000


@pytest.mark.parametrize("key", ["paid_limit_fen"])
def test_an_allowed_key_is_written_into_the_record(key: str) -> None:
    record = PolicyRecord(policy(2, paid_limit_fen=250), Publication(allow=(key,)))
    check(record, Book(), NOW)
