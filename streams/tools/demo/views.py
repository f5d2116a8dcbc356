"""Views of a run: a live table, plain lines, JSON lines."""

from collections import deque
from collections.abc import Callable, Iterable
from typing import Final, Protocol, TextIO

import msgspec
from rich.console import Console
from rich.live import Live
from rich.table import Table
from rich.text import Text
from typing_extensions import override

from streams.families.fast_refund.reasons import yuan
from streams.tools.demo.scoreboard import DEAD_LETTER, Summary, Timed
from streams.tools.show import json_line
from streams.visible import visible

_STYLES: Final = {
    "auto_approve": "bold green",
    "manual_review": "yellow",
    "out_of_scope": "dim",
    "superseded": "dim",
    DEAD_LETTER: "bold red",
}
_NOTICE_STYLE: Final = "magenta"
_AROUND_TABLE: Final = 9
"""Lines of a terminal that are not table rows."""
_ROWS_LEAST: Final = 5
_BOTH_FROM_COLUMNS: Final = 130
"""Width, columns, from which both languages fit side by side; otherwise one below the
other."""


class Started(msgspec.Struct, frozen=True, kw_only=True):
    """The addresses of a running demo."""

    bootstrap_servers: str
    web: str
    """Root of the worker's pages."""
    log: str
    broker: str
    """Kind of broker, in words."""


class DemoView(Protocol):
    """A view that shows a run."""

    def start(self, started: Started) -> None:
        """Show the addresses."""
        ...

    def row(self, timed: Timed) -> None:
        """Show one output."""
        ...

    def end(self, summary: Summary, advice: list[str]) -> None:
        """Show the figures and what to do next."""
        ...

    def close(self) -> None:
        """Restore the terminal; may be called twice."""
        ...


class JsonView:
    """One JSON object per line: ``started``, every output, ``summary``."""

    def __init__(self, out: TextIO) -> None:
        self._out = out

    def start(self, started: Started) -> None:
        """Print the addresses."""
        self._print({"started": started})

    def row(self, timed: Timed) -> None:
        """Print one output with its milliseconds."""
        found = msgspec.to_builtins(timed.row)
        self._print({**found, "via": timed.via, "ms": timed.ms})

    def end(self, summary: Summary, advice: list[str]) -> None:
        """Print the figures; advice is for people."""
        del advice
        found = msgspec.to_builtins(summary)
        self._print({"summary": {**found, "complete": summary.complete}})

    def close(self) -> None:
        """Do nothing."""

    def _print(self, found: object) -> None:
        print(json_line(found), file=self._out, flush=True)


class LinesView:
    """One line per output, for pipes and logs."""

    def __init__(self, out: TextIO) -> None:
        self._out = out

    def start(self, started: Started) -> None:
        """Print the addresses."""
        for line in _where(started):
            print(line, file=self._out, flush=True)

    def row(self, timed: Timed) -> None:
        """Print one output."""
        one = timed.row
        cells = (*_cells(timed), visible(f"{one.zh} / {one.en}"))
        print("\t".join(cells), file=self._out, flush=True)

    def end(self, summary: Summary, advice: list[str]) -> None:
        """Print the figures and the advice."""
        for line in (*figures(summary), *advice):
            print(line, file=self._out, flush=True)

    def close(self) -> None:
        """Do nothing."""


class LiveView(LinesView):
    """A table that grows with the newest output at its end."""

    def __init__(self, out: TextIO) -> None:
        super().__init__(out)
        self._console = Console(file=out)
        wide = self._console.width >= _BOTH_FROM_COLUMNS
        self._between = " / " if wide else "\n"
        room = (self._console.height - _AROUND_TABLE) // (1 if wide else 2)
        self._rows: deque[Timed] = deque(maxlen=max(_ROWS_LEAST, room))
        self._live = Live(console=self._console, auto_refresh=False)

    @override
    def start(self, started: Started) -> None:
        super().start(started)
        self._live.start()

    @override
    def row(self, timed: Timed) -> None:
        self._rows.append(timed)
        self._live.update(self._table(), refresh=True)

    @override
    def end(self, summary: Summary, advice: list[str]) -> None:
        self.close()
        super().end(summary, advice)

    @override
    def close(self) -> None:
        self._live.stop()

    def _table(self) -> Table:
        return table_of(self._rows, self._why)

    def _why(self, timed: Timed) -> str:
        return self._between.join((visible(timed.row.zh), visible(timed.row.en)))


def table_of(rows: Iterable[Timed], why: Callable[[Timed], str]) -> Table:
    """Return outputs as a table; ``why`` gives the text of the last column, already printable."""
    table = Table(box=None, header_style="bold", expand=True)
    for name in ("refund", "order"):
        table.add_column(name, no_wrap=True)
    table.add_column("yuan", justify="right", no_wrap=True)
    table.add_column("result", no_wrap=True)
    table.add_column("ms", justify="right", no_wrap=True)
    table.add_column("why", no_wrap=True, overflow="ellipsis", ratio=1)
    for timed in rows:
        result, refund, order, amount, ms, _via = _cells(timed)
        table.add_row(
            Text(refund),
            Text(order),
            amount,
            Text(result, _STYLES.get(result, _NOTICE_STYLE)),
            ms,
            Text(why(timed)),
        )
    return table


def _cells(timed: Timed) -> tuple[str, ...]:
    one = timed.row
    return (
        visible(one.result),
        visible(one.refund_id or "-"),
        visible(one.order_id or "-"),
        "-" if one.refund_fen is None else yuan(one.refund_fen),
        "-" if timed.ms is None else str(timed.ms),
        timed.via or "-",
    )


def _where(started: Started) -> list[str]:
    return [
        f"broker   {started.bootstrap_servers} ({started.broker})",
        f"worker   {started.web}/status  {started.web}/metrics  log {started.log}",
        "",
    ]


def figures(summary: Summary) -> list[str]:
    """Return the figures of a run in words, one per line."""
    results = ", ".join(f"{count} {name}" for name, count in summary.results.items())
    lines = ["", f"{summary.expected} results in {summary.seconds} s: {results}"]
    for via, (middle, most) in summary.latency_ms.items():
        lines.append(f"ms from {_CAUSE[via]} to its decision: p50 {middle}, p99 {most}")
    if summary.unanswered:
        named = visible(", ".join(summary.unanswered[:5]))
        lines.append(f"NOT ANSWERED: {len(summary.unanswered)} ({named})")
    if summary.unasked:
        lines.append(f"NOT ASKED FOR: {summary.unasked}")
    return lines


_CAUSE: Final = {
    "kuaishou": "a platform push, three look-ups included,",
    "direct": "a request on refund.requests",
}
