"""A family with one key: what it must declare, and what it gets for that."""

import json
from typing import Literal

import pytest

from streams.errors import PolicyError
from streams.families.fast_refund.policy_type import POLICY as FAST_REFUND
from streams.processing.policies import (
    AnyPolicy,
    Policies,
    PolicyBook,
    PolicyType,
    Span,
)
from streams.records.json_values import Unreadable
from testkit.samples import NOW


class Waiting(AnyPolicy, frozen=True):
    """The whole declaration of a policy of one key."""

    family: Literal["XX"]
    wait_ms: Span = 60_000
    """ms that a parcel may take, inclusive."""


POLICY = PolicyType(Waiting)


def version(number: int, from_ms: int = NOW, **keys: object) -> bytes:
    return json.dumps(
        {"family": "XX", "version": number, "effective_from_ms": from_ms, **keys}
    ).encode()


def book_of(*records: tuple[bytes, bytes]) -> PolicyBook[Waiting]:
    book = PolicyBook(POLICY, Policies())
    for key, value in records:
        assert book.apply(key, value, NOW) is None
    return book


def error(found: Unreadable | None) -> str | None:
    return None if found is None else found.error


def test_the_declaration_is_a_struct() -> None:
    assert POLICY.code == "XX"
    assert set(POLICY.fields) == {"family", "version", "effective_from_ms", "wait_ms"}
    assert POLICY.defaults.wait_ms == 60_000
    assert POLICY.defaults != Waiting(family="XX", version=1, effective_from_ms=0)


def test_a_struct_without_the_code_of_one_family_is_no_policy() -> None:
    class Nobodys(AnyPolicy, frozen=True, eq=False):
        limit_fen: int = 1

    class Small(AnyPolicy, frozen=True, eq=False):
        family: Literal["xx"]

    for struct in (Nobodys, Small):
        with pytest.raises(TypeError, match="annotated with the code"):
            PolicyType(struct)


def test_a_key_without_a_default_is_a_mistake_of_the_family() -> None:
    class Unknown(AnyPolicy, frozen=True, eq=False, kw_only=True):
        family: Literal["XX"]
        wait_ms: Span

    with pytest.raises(TypeError, match="wait_ms"):
        PolicyType(Unknown)


def test_the_version_in_force_is_that_of_the_moment() -> None:
    book = book_of(
        (b"XX@1", version(1, NOW)), (b"XX@2", version(2, NOW + 10, wait_ms=90_000))
    )
    found = [book.policies.at(at_ms) for at_ms in (NOW - 1, NOW, NOW + 10)]
    assert [one and one.wait_ms for one in found] == [None, 60_000, 90_000]
    assert [one and one.name for one in found] == [None, "XX@1", "XX@2"]


def test_all_problems_of_a_version_are_named_at_once() -> None:
    with pytest.raises(PolicyError) as caught:
        POLICY.parse({"family": "FR", "version": 1, "wait_ms": -1, "weight_ms": 1})
    assert set(caught.value.problems) == {
        "weight_ms: unknown key; did you mean wait_ms?",
        'family: must be "XX", the only value implemented, not "FR"',
        "effective_from_ms: required; add it",
        "wait_ms: must be a whole number, 0 or more, not -1",
    }


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (5_999, "policy_implausible"),
        (6_000, None),
        (600_000, None),
        (600_001, "policy_implausible"),
        (0, None),
    ],
)
def test_a_span_is_held_against_ten_times_and_a_tenth_of_the_one_before(
    value: int, expected: str | None
) -> None:
    book = book_of((b"XX@1", version(1)))
    found = book.apply(b"XX@2", version(2, NOW + 1, wait_ms=value), NOW)
    assert error(found) == expected
    if expected is not None:
        meant = version(2, NOW + 1, wait_ms=value, allow=["wait_ms"])
        assert book.apply(b"XX@2", meant, NOW) is None


def test_the_family_has_a_pause_of_its_own() -> None:
    said = {"author": "li", "reason": "why", "published_at_ms": NOW}
    pause = {"family": "XX", "paused": True, **said}
    book = book_of((b"XX:pause", json.dumps(pause).encode()))
    assert book.pauses.at(NOW) == NOW
    other = json.dumps({**pause, "family": "FR"}).encode()
    assert error(book.apply(b"XX:pause", other, NOW)) == "policy_refused"


# -- one topic, many families ------------------------------------------------------

OF_ANOTHER = json.dumps({"family": "FR", "version": 7, "effective_from_ms": 0}).encode()


@pytest.mark.parametrize("key", [b"FR@7", b"ZZ@1", b"ZZ:pause", b"FR:pause"])
@pytest.mark.parametrize("value", [b"no json", b"{}", None, OF_ANOTHER])
def test_records_named_after_another_family_are_left_to_its_book(
    key: bytes, value: bytes | None
) -> None:
    book = book_of()
    assert book.apply(key, value, NOW) is None
    assert not book.refusals
    assert not book.policies
    assert book.pauses.at(NOW) is None
    assert not book.news


@pytest.mark.parametrize("key", [b"ZZ@1", b"ZZ:pause", b"FR@1"])
def test_a_record_of_ours_under_the_name_of_another_family_is_refused(
    key: bytes,
) -> None:
    """A slip in the key must not pass in silence where nobody runs that family."""
    book = book_of()
    assert error(book.apply(key, version(1), NOW)) == "policy_refused"
    assert not book.policies
    assert book.refusals[0].name == key.decode()
    assert "XX@1" in book.refusals[0].problems[0]


@pytest.mark.parametrize("key", [None, b"", b"x", b"fr@1", b"ZZ", b"ZZ@", b"ZZ@1a"])
def test_what_names_nobody_and_cannot_be_read_is_refused_by_one_book_alone(
    key: bytes | None,
) -> None:
    """By that of the family which published before keys named it, so it counts once."""
    book, first = book_of(), PolicyBook(FAST_REFUND, Policies())
    assert book.apply(key, b"no json", NOW) is None
    assert not book.refusals
    assert error(first.apply(key, b"no json", NOW)) == "not_json"
    assert len(first.refusals) == 1


@pytest.mark.parametrize("key", [None, b"XX", b"x", b"XX@2"])
def test_a_version_is_refused_whose_key_does_not_name_it(key: bytes | None) -> None:
    """Only the fast refund has records of a time when keys named no version."""
    book = book_of()
    assert error(book.apply(key, version(1), NOW)) == "policy_refused"
    assert not book.policies
    assert "XX@1" in book.refusals[0].problems[0]
