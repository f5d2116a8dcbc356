"""Draw a run as one SVG: the table and the figures."""

import io
import re
from pathlib import Path
from typing import Final

from rich.console import Console
from typing_extensions import override

from streams.tools.demo.scoreboard import Summary, Timed
from streams.tools.demo.views import DemoView, Started, figures, table_of
from streams.visible import visible

_COLUMNS: Final = 120
_ROWS_MAX: Final = 24
_FOREIGN: Final = re.compile(r"@font-face \{.*?\}\s*|<!--.*?-->\s*", re.DOTALL)
"""Fonts that the picture would fetch from another site; any monospaced font is
enough."""


class Pictured(DemoView):
    """Shows a run in another view, and draws it at the end.

    Parameters
    ----------
    view
        The view that shows the run.
    file
        File to write at the end; an existing one is replaced.
    """

    def __init__(self, view: DemoView, file: Path) -> None:
        self._view, self._file = view, file
        self._rows: list[Timed] = []

    @override
    def start(self, started: Started) -> None:
        self._view.start(started)

    @override
    def row(self, timed: Timed) -> None:
        self._rows.append(timed)
        self._view.row(timed)

    @override
    def end(self, summary: Summary, advice: list[str]) -> None:
        self._view.end(summary, advice)
        console = Console(
            file=io.StringIO(), width=_COLUMNS, record=True, force_terminal=True
        )
        console.print(table_of(self._rows[:_ROWS_MAX], lambda one: visible(one.row.en)))
        for line in figures(summary):
            console.print(line, markup=False, highlight=False)
        drawn = console.export_svg(title="refund demo")
        self._file.write_text(_FOREIGN.sub("", drawn), encoding="utf-8")

    @override
    def close(self) -> None:
        self._view.close()
