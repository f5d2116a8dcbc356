"""Report a backtest: tables, JSON and one HTML page."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Final, TextIO

import msgspec

from streams.tools import show
from streams.tools.backtest.comparing import Comparison, Count
from streams.tools.backtest.hours import chart_of
from streams.tools.backtest.wording import (
    headline,
    outcome_words,
    reason_words,
    reasons_words,
    work_line,
    yuan,
)
from streams.tools.report.page import page

_ROWS_MAX: Final = 15


class Drift(msgspec.Struct, frozen=True):
    """The error of the method itself: the capture judged again under its own policies."""

    same: int
    different: int


class BacktestReport(msgspec.Struct, frozen=True, kw_only=True):
    """All of ``backtest.json``."""

    capture: str
    policy: str
    """Name and file of the tried policy."""
    against: str
    """The other side of the comparison, in words."""
    comparison: Comparison
    dead_letters: int
    drift: Drift | None
    """None when the other side is not the recorded decisions."""


def summary(found: BacktestReport) -> list[tuple[str, str, str, str]]:
    """Return rows of label, before, after and difference."""
    total, peak = found.comparison.total, found.comparison.peak_reviews

    def row(
        name: str, before: int, after: int, text: Callable[[int], str] = "{:,}".format
    ) -> tuple[str, str, str, str]:
        plus = "+" if after > before else ""
        return name, text(before), text(after), plus + text(after - before)

    return [
        row(
            "approved, yuan",
            total.approved_fen_before,
            total.approved_fen_after,
            yuan,
        ),
        row("approved", total.approved_before, total.approved_after),
        row("reviews", total.reviews_before, total.reviews_after),
        row("reviews in the busiest hour", *peak),
    ]


def notes(found: BacktestReport) -> list[str]:
    """Return the notes that a reader needs to judge the figures."""
    compared = found.comparison
    lines = [
        (
            f"{compared.total.changed:,} of {compared.total.requests:,} decisions change;"
            f" {found.dead_letters:,} requests cannot be read under any policy"
        )
    ]
    if compared.only_before or compared.only_after:
        lines.append(
            f"not compared: {compared.only_before:,} decisions whose requests, and "
            f"{compared.only_after:,} requests whose decisions are not in the capture"
        )
    if found.drift is not None:
        lines.append(
            "check: the same method under the policies of the day gives "
            f"{found.drift.same:,} decisions as recorded and "
            f"{found.drift.different:,} different ones"
        )
    return lines


_SIDES: Final = ("before", "after")


def group_rows(counts: Iterable[Count]) -> list[tuple[object, ...]]:
    """Return rows of shops or categories."""
    return [
        (
            one.name,
            one.requests,
            one.changed,
            one.approved_before,
            one.approved_after,
            yuan(one.approved_fen_before),
            yuan(one.approved_fen_after),
            one.reviews_before,
            one.reviews_after,
        )
        for one in counts
    ]


GROUP_HEADER: Final = (
    "requests",
    "changed",
    *(f"approved {side}" for side in _SIDES),
    *(f"yuan {side}" for side in _SIDES),
    *(f"reviews {side}" for side in _SIDES),
)


def tables(
    found: BacktestReport,
) -> Mapping[str, tuple[Sequence[str], list[tuple[object, ...]]]]:
    """Return every table: title -> header and rows."""
    compared = found.comparison
    return {
        "Outcomes": (("", *_SIDES, "difference"), list(summary(found))),
        "Changes": (
            (*_SIDES, "decisions", "yuan"),
            [
                (
                    outcome_words(one.before),
                    outcome_words(one.after),
                    one.count,
                    yuan(one.refund_fen),
                )
                for one in compared.turns
            ],
        ),
        "Reasons": (
            ("reason", *_SIDES, "difference"),
            [
                (
                    reason_words(one.code),
                    one.before,
                    one.after,
                    _signed(one.after - one.before),
                )
                for one in compared.codes
            ],
        ),
        "Shops": (("shop", *GROUP_HEADER), group_rows(compared.shops)),
        "Categories": (("category", *GROUP_HEADER), group_rows(compared.categories)),
    }


def _signed(number: int) -> str:
    return f"{number:+,}" if number else "0"


def print_report(found: BacktestReport, out: TextIO) -> None:
    """Print the tables, long ones truncated."""
    print(headline(found.comparison.total), file=out)
    print(work_line(found.comparison.total), file=out)
    print(f"{found.policy} against {found.against}, {found.capture}", file=out)
    for title, (header, rows) in tables(found).items():
        print(f"\n{title}", file=out)
        show.table(out, header, rows[:_ROWS_MAX])
        if len(rows) > _ROWS_MAX:
            print(f"... {len(rows) - _ROWS_MAX} more rows in the report", file=out)
    print(file=out)
    for line in notes(found):
        print(line, file=out)


def write_report(found: BacktestReport, folder: Path) -> None:
    """Write ``backtest.json`` and ``backtest.html``."""
    text = msgspec.json.format(msgspec.json.encode(found), indent=1)
    (folder / "backtest.json").write_bytes(text + b"\n")
    (folder / "backtest.html").write_text(html(found), encoding="utf-8")


def html(found: BacktestReport) -> str:
    """Return the page."""
    values = {
        "title": f"Backtest of {found.policy}",
        "headline": headline(found.comparison.total),
        "work": work_line(found.comparison.total),
        "report": found,
        "tables": tables(found),
        "notes": notes(found),
        "changes": [
            (
                *msgspec.structs.astuple(one)[:3],
                yuan(one.refund_fen or 0),
                _outcome(one.before, one.codes_before),
                _outcome(one.after, one.codes_after),
            )
            for one in found.comparison.changes
        ],
    }
    chart = chart_of(found.comparison.review_hours)
    return page("backtest.html", values, {"hours": chart})


def _outcome(outcome: str, codes: Sequence[str]) -> str:
    return f"{outcome_words(outcome)}: {reasons_words(codes)}"
