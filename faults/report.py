"""Verdicts for people: a line as each comes, a table at the end, a page to keep."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from statistics import median
from typing import Final

from rich.table import Table

from faults.measurements import Measurements
from faults.run import Fault
from faults.verdict import Verdict

PAGE: Final = Path("docs") / "reliability.md"
_BEGIN: Final = "<!-- runs: from here -->"
_END: Final = "<!-- runs: to here -->"
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
    table = Table(
        "#", "name", "brokers", "workers", "requests/s", "runs", "what is done"
    )
    for fault in faults:
        table.add_row(
            str(fault.number),
            fault.name,
            str(fault.nodes),
            str(fault.workers),
            str(fault.rate),
            str(fault.runs),
            fault.text,
        )
    return table


def line(verdict: Verdict) -> str:
    """Return what is to be told of a run: seed, timeline, figures, problems."""
    if verdict.not_run is not None:
        return f"NOT RUN {verdict.fault} {verdict.name}  {verdict.not_run}"
    figures = verdict.figures
    head = (
        f"{'passed' if verdict.passed else 'FAILED'}  {verdict.fault} {verdict.name}"
        f"  seed {verdict.seed}  {figures.requests} requests in {figures.seconds} s"
        f"  back {figures.back_ms} ms  longest gap {figures.longest_gap_ms} ms"
        f"  p99 {figures.p99_before_ms} -> {figures.p99_during_ms}"
        f" -> {figures.p99_after_ms} ms"
        f"  raw repeats {figures.raw_repeats}  late {figures.late_answers}"
    )
    told = [head, *(f"  {at:8.2f} s  {text}" for at, text in verdict.timeline)]
    told += [f"  !! {problem}" for problem in verdict.problems]
    if verdict.kept:
        told.append(f"  kept in {verdict.kept}; again with --seed {verdict.seed}")
    return "\n".join(told)


def figures_table(verdicts: Iterable[Verdict], faults: Iterable[Fault]) -> Table:
    """Return one row a fault: median (worst) of its runs."""
    table = Table(*_HEAD)
    for row in _rows(verdicts, faults):
        table.add_row(*row)
    return table


def write_page(
    verdicts: Iterable[Verdict], faults: Iterable[Fault], page: Path
) -> None:
    """Replace the table of a page; the rest of it is written by hand.

    A fault of ``faults`` without a verdict has a row that says so.

    Raises
    ------
    ValueError
        The page lacks the marks between which the table stands.
    """
    text = page.read_text(encoding="utf-8")
    if _BEGIN not in text or _END not in text:
        raise ValueError(f"{page}: the marks {_BEGIN} and {_END} are needed")
    head, _, rest = text.partition(_BEGIN)
    tail = rest.partition(_END)[2]
    rows = [_HEAD, ("---",) * len(_HEAD), *_rows(verdicts, faults)]
    table = "\n".join("| " + " | ".join(row) + " |" for row in rows)
    page.write_text(f"{head}{_BEGIN}\n{table}\n{_END}{tail}", encoding="utf-8")


def _rows(
    verdicts: Iterable[Verdict], faults: Iterable[Fault]
) -> list[tuple[str, ...]]:
    by_name: dict[str, list[Verdict]] = defaultdict(list)
    for verdict in verdicts:
        by_name[verdict.name].append(verdict)
    return [_row(fault, by_name[fault.name]) for fault in faults]


def _row(fault: Fault, verdicts: Sequence[Verdict]) -> tuple[str, ...]:
    tried = [verdict for verdict in verdicts if verdict.not_run is None]
    figures = [verdict.figures for verdict in tried]
    passed = sum(verdict.passed for verdict in tried)
    return (
        str(fault.number),
        fault.name,
        f"{passed} of {len(tried)}" if tried else "not run",
        str(fault.runs),
        f"{median(one.seconds for one in figures):.0f}" if figures else "-",
        str(sum(one.requests for one in figures)),
        _spread(figures, lambda one: one.raw_repeats),
        _spread(figures, lambda one: one.back_ms),
        _spread(figures, lambda one: one.longest_gap_ms),
        _spread(figures, lambda one: one.p99_before_ms),
        _spread(figures, lambda one: one.p99_during_ms),
        _spread(figures, lambda one: one.p99_after_ms),
    )


def _spread(
    figures: Iterable[Measurements], of: Callable[[Measurements], int | None]
) -> str:
    """Median, and the worst in brackets; runs without the figure are left out."""
    found = [value for one in figures if (value := of(one)) is not None]
    if not found:
        return "-"
    return f"{median(found):.0f} ({max(found)})"
