"""Headers of what we write, and reading them back."""

from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.records.headers import (
    SOURCE_OFFSET,
    SliceHeaders,
    cloud_time,
    event_source,
    event_types,
    number,
    passed_on,
    text,
)
from streams.records.record_format import Header
from testkit.fakes import headers_in
from testkit.samples import NOW

TRACE = (
    "traceparent",
    b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
)


def built(passed: tuple[Header, ...] = (), offset: int = 7) -> list[Header]:
    headers = SliceHeaders(
        event_types(("auto_approve", "manual_review")),
        event_source("/refund.requests"),
        "refund.requests",
        3,
        NOW,
    )
    return headers_in(headers.build("auto_approve", "FR:退款:1", offset, passed))


def test_every_header_of_the_contract_is_there_once() -> None:
    assert dict(built()) == {
        "ce_specversion": b"1.0",
        "ce_id": "FR:退款:1".encode(),
        "ce_type": b"refund.auto_approve.v1",
        "ce_source": b"/refund.requests",
        "ce_time": b"2026-03-18T02:15:01.000Z",
        "content-type": b"application/json",
        "source_topic": b"refund.requests",
        "source_partition": b"3",
        "source_offset": b"7",
    }
    assert len(built()) == 9


def test_only_the_trace_is_passed_through() -> None:
    passed = (("x-secret", b"1"), TRACE, ("ce_id", b"theirs"), ("tracestate", b"a=1"))
    assert built(passed) == [*built(), TRACE]
    assert built((("other", b"1"),)) == built()


@pytest.mark.parametrize(
    "value",
    [
        None,
        b"",
        b"z" * 1_000_000,
        TRACE[1][:-1],
        TRACE[1] + b"0",
        TRACE[1].upper(),
        TRACE[1] + b"\n",
        TRACE[1].replace(b"-", b"_"),
    ],
)
def test_what_is_no_trace_is_not_passed_through(value: bytes | None) -> None:
    assert built(((TRACE[0], value),)) == built()
    assert passed_on([(TRACE[0], value)]) == []


def test_of_several_traces_the_first_that_is_one_is_passed_through() -> None:
    other = (TRACE[0], TRACE[1].replace(b"-01", b"-00"))
    passed = ((TRACE[0], b"none"), TRACE, other)
    assert built(passed) == [*built(), TRACE]
    assert passed_on(passed) == [TRACE]


@given(st.integers(0, 253_402_300_799_999))
def test_a_moment_is_written_as_utc_with_milliseconds(at_ms: int) -> None:
    written = cloud_time(at_ms).decode()
    assert written.endswith("Z")
    assert round(datetime.fromisoformat(written).timestamp() * 1000) == at_ms
    assert len(written) == len("2026-03-18T02:15:00.000Z")


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (b"0", 0),
        (b"42", 42),
        (b"9" * 19, int("9" * 19)),
        (b"9" * 20, None),
        (b"9" * 5000, None),
        (b"", None),
        (b"-1", None),
        (b"1.5", None),
        ("²".encode(), None),
        ("٣".encode(), None),
        (b"\xff", None),
        (None, None),
    ],
)
def test_a_number_is_decimal_and_fits_64_bits(
    value: bytes | None, expected: int | None
) -> None:
    assert number([("x", b"5"), (SOURCE_OFFSET, value)], SOURCE_OFFSET) == expected


def test_a_missing_header_is_none_and_the_first_of_two_counts() -> None:
    assert number([], "a") is None
    assert text([("b", b"x")], "a") is None
    assert number([("a", b"1"), ("a", b"2")], "a") == 1
    assert text([("a", b"1"), ("a", b"2")], "a") == "1"


def test_text_that_is_not_utf_8_is_replaced_and_no_value_is_none() -> None:
    assert text([("a", b"\xff")], "a") == "\ufffd"
    assert text([("a", None)], "a") is None
    assert text([("a", "退款".encode())], "a") == "退款"
