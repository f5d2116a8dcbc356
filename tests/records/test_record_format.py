"""Headers and numbers in the form that a batch carries, beside aiokafka's own."""

import pytest
from aiokafka.record.util import decode_varint, encode_varint
from hypothesis import given
from hypothesis import strategies as st

from streams.records.record_format import (
    NO_HEADERS,
    NULL,
    VARINTS,
    Header,
    block_of,
    header,
)
from testkit.fakes import headers_in

NUMBERS = st.integers(-(1 << 62), 1 << 62) | st.integers(-70, 20_000)
HEADERS = st.lists(st.tuples(st.text(), st.none() | st.binary(max_size=300)))


@given(NUMBERS)
def test_a_number_is_written_and_read_as_aiokafka_does_it(number: int) -> None:
    theirs = bytearray()
    encode_varint(number, theirs.append)
    assert VARINTS[number] == VARINTS[number] == bytes(theirs)
    assert decode_varint(bytearray(VARINTS[number]), 0) == (number, len(theirs))


@pytest.mark.parametrize("edge", [0, 63, 64, 8_191, 8_192, 16_383, 16_384, 1 << 20])
def test_numbers_at_the_edges_of_a_byte_come_out_again(edge: int) -> None:
    for number in (edge, -edge):
        assert decode_varint(bytearray(VARINTS[number]), 0)[0] == number


def test_large_and_negative_numbers_are_not_kept() -> None:
    for number in (1 << 20, -7):
        assert VARINTS[number]
        assert number not in VARINTS


def test_no_value_is_minus_one() -> None:
    assert (NULL, decode_varint(bytearray(NULL), 0)) == (b"\x01", (-1, 1))


@given(HEADERS)
def test_headers_come_out_as_they_went_in(headers: list[Header]) -> None:
    block = block_of(headers)
    assert headers_in(block) == headers
    joined = VARINTS[len(headers)] + b"".join(header(*one) for one in headers)
    assert joined == block


def test_a_record_without_headers_says_so() -> None:
    assert headers_in(NO_HEADERS) == []
