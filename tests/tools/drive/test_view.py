import io
import re

import msgspec
import pytest
from typing_extensions import override

from streams.tools.drive import view
from streams.tools.drive.view import LinesView, Look, TableView, view_for
from streams.tools.progress import Progress

LOOK = Look(12.4, 1_500, 1_400, 100, 987.6, 1.25, None, 0.5)


class Terminal(io.StringIO):
    @override
    def isatty(self) -> bool:
        return True


def plain(out: io.StringIO) -> str:
    return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", out.getvalue())


def test_a_terminal_gets_a_table_that_renews_itself() -> None:
    out = Terminal()
    shown = view_for(out)
    assert isinstance(shown, TableView)
    shown.show(LOOK)
    later = msgspec.structs.replace(LOOK, sent=7_777)
    shown.show(later)  # too soon to draw again
    shown.close()
    text = plain(out)
    assert re.search(r"sent +1,500", text)
    assert re.search(r"p50 +1\.25 ms", text)
    assert "7,777" not in text


def test_a_file_gets_a_line_now_and_then(monkeypatch: pytest.MonkeyPatch) -> None:
    out = io.StringIO()
    shown = view_for(out)
    assert isinstance(shown, LinesView)
    shown.show(LOOK)  # five seconds have not passed
    assert out.getvalue() == ""
    monkeypatch.setattr(view, "_LINE_EVERY_S", 0.0)
    shown.show(LOOK)
    shown.close()
    assert out.getvalue() == (
        "time 12 s, sent 1,500, answered 1,400, outstanding 100, answers/s 988, "
        "p50 1.25 ms, p99 -, generator late 0.50 ms\n"
    )


def test_progress_is_a_bar_on_a_terminal_and_lines_elsewhere(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("streams.tools.progress._EVERY_S", 0.0)
    out, terminal = io.StringIO(), Terminal()
    for one in (out, terminal):
        with Progress(one, "captured", 10) as progress:
            progress.reach(4)
    assert out.getvalue() == "captured 4 of 10\n"
    assert "4/10" in plain(terminal)
