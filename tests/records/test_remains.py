"""What a dead letter keeps of a record: all of it where there is room, or it says what not."""

from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.records.dead_letters import dead_letter, last_text
from streams.records.remains import Remains, checksum, raw_headers, remains
from testkit.fakes import headers_in

ROOM = 10_000
ORIGIN = ("refund.requests", 3, 17)
WHY = ("decode", "too_large", "many bytes")
TEXTS = st.none() | st.binary(max_size=20) | st.binary(min_size=5_000, max_size=9_000)
NAMES = st.sampled_from([b"a", b"b", "ä".encode(), b"\xff"])


def letter_size(of: Remains) -> int:
    key, value, block = dead_letter(of, ORIGIN, WHY, 1, "1.2.3")
    return len(key or b"") + len(value or b"") + len(block)


@given(TEXTS, TEXTS, st.lists(st.tuples(NAMES, TEXTS), max_size=4))
def test_a_letter_always_fits_and_names_exactly_what_it_has_not_whole(
    key: bytes | None, value: bytes | None, headers: list[tuple[bytes, bytes | None]]
) -> None:
    left = remains(key, value, headers, ROOM)
    assert letter_size(left) <= ROOM
    assert (left.key == key) == ("key" not in left.cut)
    assert (left.value == value) == ("value" not in left.cut)
    assert (raw_headers(left.headers) == headers) == ("headers" not in left.cut)
    assert (key or b"").startswith(left.key or b"")
    assert (value or b"").startswith(left.value or b"")
    if left.cut:
        assert left.checksum == checksum(key, value, headers)
        assert left.size == len(key or b"") + len(value or b"") + sum(
            len(name) + len(text or b"") for name, text in headers
        )
    else:
        assert (left.size, left.checksum) == (0, "")


@pytest.mark.parametrize(
    ("size", "whole"), [(5_903, True), (5_904, True), (5_905, False)]
)
def test_a_value_up_to_the_room_is_kept_and_a_larger_one_cut(
    size: int, *, whole: bool
) -> None:
    left = remains(None, b"v" * size, (), ROOM)
    assert (left.cut == ()) == whole
    assert len(left.value or b"") == (size if whole else 1_024)


def test_the_checksum_is_that_of_key_value_and_headers_in_a_row() -> None:
    found = checksum(b"k", b"v" * 3, [(b"\xff", b"1"), (b"n", None)])
    assert found == sha256(b"kvvv\xff1n").hexdigest()


def test_a_cut_letter_says_so_in_its_headers_and_a_whole_one_says_nothing() -> None:
    left = remains(b"k", b"v" * 9_999, [(b"h", b"1")], ROOM)
    headers = headers_in(dead_letter(left, ORIGIN, WHY, 1, "1.2.3")[2])
    assert headers[0] == ("h", b"1")
    assert last_text(headers, "cut") == "value"
    assert last_text(headers, "size") == "10002"
    assert last_text(headers, "sha256") == left.checksum
    whole = remains(b"k", b"v", [(b"h", b"1")], ROOM)
    headers = headers_in(dead_letter(whole, ORIGIN, WHY, 1, "1.2.3")[2])
    assert [
        name for name, _ in headers if name.endswith(("cut", "size", "sha256"))
    ] == []


def test_names_that_are_not_utf8_are_left_out_and_the_others_kept() -> None:
    left = remains(b"k", b"v", [(b"\xff", b"1"), (b"good", None)], ROOM)
    assert left.headers == [("good", None)]
    assert left.cut == ("headers",)
