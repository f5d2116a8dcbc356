"""``refund kuaishou classify``: one line in, one line out, one shared memory."""

import json

import pytest

from streams.platforms.kuaishou.classify import classify_lines
from tests.platforms.kuaishou.samples import PAID, REFUND_UPDATED, message


def classes(*lines: bytes) -> list[dict[str, str | None]]:
    return [json.loads(line) for line in classify_lines(lines)]


def line(raw: bytes) -> bytes:
    return json.dumps(raw.decode()).encode() + b"\n"


def test_lines_share_one_memory_and_keep_their_order() -> None:
    lines = [
        line(message(PAID)),
        line(message(PAID)),
        b"\n",
        line(message(REFUND_UPDATED)),
    ]
    assert classes(*lines) == [
        {"class": "accepted", "reason": None},
        {"class": "ignored", "reason": "event_id_repeated"},
        {"class": "accepted", "reason": None},
    ]


@pytest.mark.parametrize(
    "bad",
    [
        b'{"test":true}',
        b"5",
        b"null",
        b'["x"]',
        b"\xff",
        b'"open',
        b"[" * 100_000,
        b'"a" "b"',
    ],
)
def test_a_line_that_is_no_json_string_is_a_dead_letter(bad: bytes) -> None:
    assert classes(bad) == [{"class": "dead_letter", "reason": "line_not_text"}]


def test_a_lone_surrogate_in_the_line_itself_is_a_value_that_is_no_utf8() -> None:
    bad = rb'"{\"test\":true,\"a\":\"\ud83d\"}"'
    assert classes(bad) == [{"class": "dead_letter", "reason": "not_utf8"}]


def test_a_lone_surrogate_escape_in_the_value_is_a_dead_letter() -> None:
    bad = rb'"{\"test\":true,\"a\":\"\\ud83d\"}"'
    assert classes(bad) == [{"class": "dead_letter", "reason": "lone_surrogate"}]


def test_an_emoji_written_as_a_pair_is_one_character() -> None:
    assert (
        classes(rb'"{\"test\":true,\"a\":\"\ud83d\ude42\"}"')[0]["class"] == "ignored"
    )


def test_output_is_one_json_line_each() -> None:
    (out,) = classify_lines([line(b'{"test":true}')])
    assert out == b'{"class":"ignored","reason":"heartbeat"}\n'
