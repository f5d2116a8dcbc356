"""Show the progress of a run: a live table on a terminal, lines elsewhere."""

import time
from collections.abc import Sequence
from typing import Final, Protocol, TextIO

import msgspec
from rich.console import Console
from rich.live import Live
from rich.table import Table

_LINE_EVERY_S: Final = 5.0
_DRAW_EVERY_S: Final = 0.5


class Look(msgspec.Struct, frozen=True):
    """The figures at one moment of a run."""

    at_s: float
    """Seconds from the start; negative before it."""
    sent: int
    answered: int
    outstanding: int
    rate: float
    """Answers per second since the last look."""
    p50_ms: float | None
    p99_ms: float | None
    lateness_ms: float | None

    def cells(self) -> Sequence[tuple[str, str]]:
        """Return label and text of each figure."""
        return (
            ("time", f"{self.at_s:.0f} s"),
            ("sent", f"{self.sent:,}"),
            ("answered", f"{self.answered:,}"),
            ("outstanding", f"{self.outstanding:,}"),
            ("answers/s", f"{self.rate:,.0f}"),
            ("p50", ms(self.p50_ms)),
            ("p99", ms(self.p99_ms)),
            ("generator late", ms(self.lateness_ms)),
        )


class ProgressView(Protocol):
    """Shows the progress of a run."""

    def show(self, look: Look) -> None:
        """Show one look, or skip it when the last one is recent."""
        ...

    def close(self) -> None:
        """Stop showing."""
        ...


def ms(value: float | None) -> str:
    """Return ms in words."""
    return "-" if value is None else f"{value:.2f} ms"


class TableView:
    """For a terminal."""

    def __init__(self, out: TextIO) -> None:
        self._live = Live(console=Console(file=out), auto_refresh=False, transient=True)
        self._live.start()
        self._shown_s = 0.0

    def show(self, look: Look) -> None:
        """Draw the table, at most twice a second."""
        now_s = time.monotonic()
        if now_s - self._shown_s < _DRAW_EVERY_S:
            return
        self._shown_s = now_s
        table = Table(box=None, show_header=False, pad_edge=False)
        for label, text in look.cells():
            table.add_row(label, text)
        self._live.update(table, refresh=True)

    def close(self) -> None:
        """Restore the terminal."""
        self._live.stop()


class LinesView:
    """For files and pipes."""

    def __init__(self, out: TextIO) -> None:
        self._out = out
        self._shown_s = time.monotonic()

    def show(self, look: Look) -> None:
        """Print a line every five seconds."""
        now_s = time.monotonic()
        if now_s - self._shown_s < _LINE_EVERY_S:
            return
        self._shown_s = now_s
        line = ", ".join(f"{label} {text}" for label, text in look.cells())
        print(line, file=self._out, flush=True)

    def close(self) -> None:
        """Do nothing."""


def view_for(out: TextIO) -> ProgressView:
    """Return the view that fits the output."""
    return TableView(out) if out.isatty() else LinesView(out)
