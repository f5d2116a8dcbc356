"""Verdicts for people: lines as each comes, a table at the end, the page in docs."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from statistics import median
from typing import Final

from rich.table import Table

from faults.measurements import Measurements
from faults.run import Fault
from faults.verdict import RunVerdict
from testkit.pages import rewrite, table

PAGE: Final = Path("docs") / "reliability.md"
_HEAD: Final = (
    "#",
    "fault",
    "runs passed",
    "of the campaign's",
    "seconds each",
    "requests",
    "raw repeats",
    "back ms",
    "longest gap ms",
    "p99 before ms",
    "p99 in it ms",
    "p99 after ms",
)


def catalogue(faults: Iterable[Fault]) -> Table:
    """Return the faults as a table."""
    found = Table(
        "#", "name", "brokers", "workers", "requests/s", "runs", "what is done"
    )
    for fault in faults:
        found.add_row(
            str(fault.number),
            fault.name,
            str(fault.nodes),
            str(fault.workers),
            str(fault.rate),
            str(fault.runs),
            fault.text,
        )
    return found


def line(verdict: RunVerdict) -> str:
    """Return a verdict in lines: seed, measurements, timeline, problems."""
    if verdict.not_run is not None:
        return f"NOT RUN {verdict.fault} {verdict.name}  {verdict.not_run}"
    measured = verdict.measured
    head = (
        f"{'passed' if verdict.passed else 'FAILED'}  {verdict.fault} {verdict.name}"
        f"  seed {verdict.seed}  {measured.requests} requests in {measured.seconds} s"
        f"  back {measured.back_ms} ms  longest gap {measured.longest_gap_ms} ms"
        f"  p99 {measured.p99_before_ms} -> {measured.p99_during_ms}"
        f" -> {measured.p99_after_ms} ms"
        f"  raw repeats {measured.raw_repeats}  late {measured.late_answers}"
    )
    lines = [head, *(f"  {at:8.2f} s  {text}" for at, text in verdict.timeline)]
    lines += [f"  !! {problem}" for problem in verdict.problems]
    if verdict.folder:
        lines.append(f"  kept in {verdict.folder}; again with --seed {verdict.seed}")
    return "\n".join(lines)


def measurements_table(
    verdicts: Iterable[RunVerdict], faults: Iterable[Fault]
) -> Table:
    """Return one row a fault: median (worst) of its runs."""
    found = Table(*_HEAD)
    for row in _rows(verdicts, faults):
        found.add_row(*row)
    return found


def write_page(
    verdicts: Iterable[RunVerdict], faults: Iterable[Fault], page: Path
) -> None:
    """Replace the table of a page; the rest of it is written by hand.

    A fault of ``faults`` without a verdict has a row that says so.

    Raises
    ------
    ValueError
        The page lacks the marks between which the table stands.
    """
    rewrite(page, "runs", table(_HEAD, _rows(verdicts, faults)))


def _rows(
    verdicts: Iterable[RunVerdict], faults: Iterable[Fault]
) -> list[tuple[str, ...]]:
    by_name: dict[str, list[RunVerdict]] = defaultdict(list)
    for verdict in verdicts:
        by_name[verdict.name].append(verdict)
    return [_row(fault, by_name[fault.name]) for fault in faults]


def _row(fault: Fault, verdicts: Sequence[RunVerdict]) -> tuple[str, ...]:
    tried = [verdict for verdict in verdicts if verdict.not_run is None]
    measured = [verdict.measured for verdict in tried]
    passed = sum(verdict.passed for verdict in tried)
    return (
        str(fault.number),
        fault.name,
        f"{passed} of {len(tried)}" if tried else "not run",
        str(fault.runs),
        f"{median(one.seconds for one in measured):.0f}" if measured else "-",
        str(sum(one.requests for one in measured)),
        _spread(measured, lambda one: one.raw_repeats),
        _spread(measured, lambda one: one.back_ms),
        _spread(measured, lambda one: one.longest_gap_ms),
        _spread(measured, lambda one: one.p99_before_ms),
        _spread(measured, lambda one: one.p99_during_ms),
        _spread(measured, lambda one: one.p99_after_ms),
    )


def _spread(
    measured: Iterable[Measurements], of: Callable[[Measurements], int | None]
) -> str:
    """Median, and the worst in brackets; runs without the figure are left out."""
    found = [value for one in measured if (value := of(one)) is not None]
    if not found:
        return "-"
    return f"{median(found):.0f} ({max(found)})"
