import io
import json
import re

import pytest
from typing_extensions import override

from streams.tools import show


class Terminal(io.StringIO):
    @override
    def isatty(self) -> bool:
        return True


def test_a_terminal_gets_aligned_columns() -> None:
    out = Terminal()
    show.table(out, ("a", "b"), [("long one", 1), ("x", "[red]")])
    lines = re.sub(r"\x1b\[[0-9;]*m", "", out.getvalue()).splitlines()
    assert [line.split() for line in lines] == [
        ["a", "b"],
        ["long", "one", "1"],
        ["x", "[red]"],
    ]
    assert lines[1].index("1") == lines[2].index("[")


@pytest.mark.parametrize(
    ("at_ms", "text"),
    [
        (None, ""),
        (0, "1970-01-01T00:00:00.000Z"),
        (1_773_800_100_007, "2026-03-18T02:15:00.007Z"),
        (10**18, str(10**18)),
    ],
)
def test_a_moment_is_utc_to_the_millisecond(at_ms: int | None, text: str) -> None:
    assert show.moment(at_ms) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [(None, "null"), (b"a b", "a b"), (b"\x1b[2J", "\x1b[2J"), (b"\xff", "0xff")],
)
def test_bytes_that_are_no_text_are_hex(value: bytes | None, text: str) -> None:
    assert show.text_or_hex(value) == text


@pytest.mark.parametrize("out", [io.StringIO(), Terminal()])
def test_a_cell_forges_no_row_and_turns_none_round(out: io.StringIO) -> None:
    show.table(out, ("a", "b"), [("x\ny", None), (1, "t\tz\u202e")])
    lines = re.sub(r"\x1b\[[0-9;]*m", "", out.getvalue()).splitlines()
    assert [line.split() for line in lines] == [
        ["a", "b"],
        ["x\\ny"],
        ["1", "t\\tz\\u202e"],
    ]


def test_a_line_of_json_is_the_value_itself() -> None:
    value = {"key": "a\nb\u202ec\u200bd\x9b"}
    line = show.json_line(value)
    assert line.isprintable()
    assert json.loads(line) == value
