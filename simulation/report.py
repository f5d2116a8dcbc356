"""Progress of a campaign, and what it found."""

import time
from collections.abc import Sequence
from types import TracebackType
from typing import Final, Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bar
from rich.table import Table

from simulation.verdict import Verdict
from streams.visible import visible

_TELL_S: Final = 10.0
_MOST: Final = 40
"""Rows of the table of findings."""


class Progress:
    """Counts verdicts, and shows how far a campaign is: a bar, or a line now and then."""

    def __init__(self, console: Console, seeds: int | None) -> None:
        self._console = console
        self._seeds = seeds
        self.done = 0
        self.failed = 0
        self.virtual_s = 0.0
        self.cpu_s = 0.0
        self.disturbed = 0
        self.restarts = 0
        self._began_s = self._told_s = time.monotonic()
        self._bar: Bar | None = None

    def __enter__(self) -> Self:
        if self._console.is_terminal:
            columns = (
                TextColumn("{task.description}"),
                BarColumn(),
                MofNCompleteColumn(),
                TimeRemainingColumn(),
            )
            self._bar = Bar(*columns, console=self._console)
            self._bar.start()
            self._row = self._bar.add_task("universes", total=self._seeds)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        problem: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._bar is not None:
            self._bar.stop()

    @property
    def wall_s(self) -> float:
        """Seconds since it began."""
        return time.monotonic() - self._began_s

    def add(self, verdict: Verdict) -> None:
        """Count a verdict."""
        self.done += 1
        self.failed += bool(verdict.findings)
        self.virtual_s += verdict.virtual_s
        self.cpu_s += verdict.cpu_s
        self.disturbed += verdict.disturbed
        self.restarts += verdict.restarts
        if self._bar is not None:
            told = f"universes, {self.failed} with findings"
            self._bar.update(self._row, advance=1, description=told)
        elif time.monotonic() - self._told_s >= _TELL_S:
            self._told_s = time.monotonic()
            of = "" if self._seeds is None else f" of {self._seeds:,}"
            line = f"{self.done:,}{of} universes, {self.failed:,} with findings"
            self._console.print(line, highlight=False)


def summary(progress: Progress) -> str:
    """Return what was run, as one line."""
    done = max(1, progress.done)
    return (
        f"{progress.done:,} universes, {progress.failed:,} with findings: "
        f"{progress.virtual_s / 3600:,.1f} virtual hours in {progress.wall_s:,.0f} s "
        f"({progress.done / max(0.001, progress.wall_s):,.1f} universes/s, "
        f"{progress.cpu_s / done:.2f} s of CPU each), "
        f"{progress.restarts:,} ends of workers, {progress.disturbed:,} disturbed requests"
    )


def findings_table(failed: Sequence[Verdict]) -> Table:
    """Return the findings, those of one kind together."""
    rows: dict[str, list[Verdict]] = {}
    for verdict in failed:
        rows.setdefault(verdict.signature or "", []).append(verdict)
    table = Table("finding", "seeds", "first seeds", "for example", title="Findings")
    for signature, found in sorted(rows.items(), key=lambda row: -len(row[1]))[:_MOST]:
        seeds = " ".join(str(verdict.seed) for verdict in found[:5])
        table.add_row(
            signature, str(len(found)), seeds, visible(found[0].findings[0].text)
        )
    return table
