"""What cannot be seen is escaped, wherever people read."""

import json
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.visible import visible


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("r-1", "r-1"),
        ("退款：申请（一）", "退款：申请（一）"),
        ("a\nFR:2:1", "a\\nFR:2:1"),
        ("a\r\tb", "a\\r\\tb"),
        ("\x1b[2J\x00\x7f\x9b", "\\u001b[2J\\u0000\\u007f\\u009b"),
        ("a\u202ebc\u2066d", "a\\u202ebc\\u2066d"),
        ("r\u200b1\ufeff\u00ad", "r\\u200b1\\ufeff\\u00ad"),
        ("a\u2028b\u2029c\x85", "a\\u2028b\\u2029c\\u0085"),
        ("a\u3164b\ufe0f\u00a0\u3000", "a\\u3164b\\ufe0f\\u00a0\\u3000"),
        ("\U000e0041\U000e0101", "\\udb40\\udc41\\udb40\\udd01"),
        ("\ud83d", "\\ud83d"),
        ("😀é", "😀é"),
        ("C:\\n", "C:\\n"),
    ],
)
def test_what_cannot_be_seen_is_escaped_and_the_rest_stays(
    text: str, shown: str
) -> None:
    assert visible(text) == shown


def test_nothing_that_breaks_a_line_or_turns_it_round_is_left() -> None:
    everything = "".join(map(chr, range(sys.maxunicode + 1)))
    shown = visible(everything)
    assert shown.isprintable()
    assert len(shown.splitlines()) == 1
    for point in (*range(0x20), 0x7F, 0x200B, 0x200D, 0x202E, 0x2066, 0xFE0F):
        assert chr(point) not in shown


@given(st.text(st.characters()))
def test_a_text_that_is_visible_already_does_not_change(text: str) -> None:
    assert visible(visible(text)) == visible(text)


@given(st.text(st.characters()))
def test_json_stays_json_of_the_same_value(text: str) -> None:
    assert json.loads(visible(json.dumps(text, ensure_ascii=False))) == text
