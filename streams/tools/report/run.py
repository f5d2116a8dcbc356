"""The report of a run: figures, verdict and files."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final, TextIO

import msgspec

from streams.tools import show
from streams.tools.drive.asserting import Assertion, Checked, check
from streams.tools.drive.measuring import Figures, Moment
from streams.tools.drive.run import ANSWERS, RunOutcome
from streams.tools.report.page import page

_KINDS: Final = ("approved", "reviewed", "skipped", "dead")
"""Kinds of answers, by index of :data:`streams.tools.drive.run.ANSWERS`."""
_US_PER_MS: Final = 1000.0


class Step(msgspec.Struct, frozen=True):
    """One rate of a ramp."""

    rate: float
    p50_ms: float | None
    p99_ms: float | None
    lost: int
    holds: bool
    why: str
    """Why the rate does not hold; empty when it does."""


class RunReport(msgspec.Struct, kw_only=True):
    """All of ``report.json``."""

    what: str
    pace: str
    started_at_ms: int
    took_s: float
    counts: dict[str, int]
    rate: float
    """Answers per second."""
    latency: Figures
    lateness: Figures
    """Lateness of the generator."""
    lateness_max_ms: float
    problems: list[str]
    assertions: list[Checked]
    moments: list[Moment]
    curve: list[tuple[float, float]]
    """(1 / (1 - quantile), ms)."""
    steps: list[Step] = msgspec.field(default_factory=list)

    @property
    def passed(self) -> bool:
        """Whether there is no problem and every assertion holds."""
        return not self.problems and all(one.holds for one in self.assertions)


def report_of(
    outcome: RunOutcome, what: str, pace: str, assertions: Sequence[Assertion]
) -> RunReport:
    """Return the report of a run."""
    measured = outcome.measured
    latency, lateness = measured.latency.figures(), measured.lateness.figures()
    found = RunReport(
        what=what,
        pace=pace,
        started_at_ms=outcome.start_ms,
        took_s=outcome.took_s,
        counts=_counts(outcome),
        rate=outcome.rate,
        latency=latency,
        lateness=lateness,
        lateness_max_ms=outcome.run.lateness_max_ms,
        problems=_problems(outcome),
        assertions=[],
        moments=measured.moments(),
        curve=measured.curve(),
    )
    found.assertions = check(assertions, values_of(found, outcome.lateness_ms))
    return found


def _counts(outcome: RunOutcome) -> dict[str, int]:
    measured = outcome.measured
    return {
        "sent": outcome.sent.requests,
        "facts": outcome.sent.facts,
        "refused": outcome.sent.refused,
        "answered": measured.answered,
        "lost": outcome.lost,
        "repeats": measured.repeats,
        "foreign": measured.foreign,
        **{
            kind: measured.by_topic.get(index, 0)
            for index, kind in enumerate(_KINDS[: len(ANSWERS)])
        },
    }


def values_of(
    report: RunReport, lateness_ms: float | None
) -> Mapping[str, float | None]:
    """Return the values that assertions are checked against."""
    return {
        **report.latency.quantiles_ms,
        "mean": report.latency.mean_ms,
        "max": report.latency.max_ms,
        "lateness": lateness_ms,
        "rate": report.rate,
        **report.counts,
    }


def _problems(outcome: RunOutcome) -> list[str]:
    found = []
    if outcome.fell_behind:
        found.append(
            f"the sender fell behind: {outcome.lateness_ms:.1f} ms late at 99.9 %, "
            f"{outcome.run.lateness_max_ms:g} ms allowed; the figures describe the "
            "sender. Lower the rate, or use a quieter machine"
        )
    if outcome.sent.refused:
        found.append(f"the broker refused {outcome.sent.refused} records")
    if not outcome.sent.requests:
        found.append("no request to send")
    elif not outcome.measured.answered:
        found.append(
            f"none of {outcome.sent.requests:,} requests was answered: is a worker "
            "running on these topics (topics.prefix)?"
        )
    return found


def print_report(report: RunReport, out: TextIO) -> None:
    """Print figures, verdict and problems."""
    names = list(report.latency.quantiles_ms)
    rows = [
        (name, *(_ms(figures.quantiles_ms[one]) for one in names), _ms(figures.max_ms))
        for name, figures in (
            ("latency", report.latency),
            ("generator late", report.lateness),
        )
    ]
    show.table(out, ("ms", *names, "max"), rows)
    counts = ", ".join(f"{name} {count:,}" for name, count in report.counts.items())
    print(f"{counts}; {report.rate:,.1f} answers/s", file=out)
    for step in report.steps:
        verdict = "holds" if step.holds else step.why
        print(f"{step.rate:,.0f}/s: p99 {_ms(step.p99_ms)} ms, {verdict}", file=out)
    for one in report.assertions:
        verdict = "holds" if one.holds else "DOES NOT HOLD"
        value = "nothing measured" if one.value is None else f"{one.value:g}"
        print(f"{one.text}: {verdict} ({value})", file=out)
    for problem in report.problems:
        print(f"FAILED: {problem}", file=out)


def conclude(
    report: RunReport, outcome: RunOutcome, folder: Path | None, out: TextIO
) -> int:
    """Print a report, write its files if a folder is given, and return the exit code."""
    print_report(report, out)
    if folder is not None:
        write_report(report, outcome, folder)
        print(f"report in {folder}", file=out)
    return 0 if report.passed else 1


def _ms(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"


def write_report(report: RunReport, outcome: RunOutcome, folder: Path) -> None:
    """Write ``report.json``, ``report.hgrm`` and ``report.html``."""
    text = msgspec.json.format(msgspec.json.encode(report), indent=1)
    (folder / "report.json").write_bytes(text + b"\n")
    with (folder / "report.hgrm").open("wb") as out:
        outcome.measured.latency.histogram.output_percentile_distribution(
            out, _US_PER_MS
        )
    (folder / "report.html").write_text(html(report), encoding="utf-8")


def html(report: RunReport) -> str:
    """Return the page."""
    values = {
        "title": report.what,
        "report": report,
        "started": show.moment(report.started_at_ms),
        "counts": [*report.counts.items(), ("answers a second", report.rate)],
    }
    from_s, until_s = _extent(report.moments)
    data = {
        "moments": report.moments,
        "curve": report.curve,
        "from_s": from_s,
        "until_s": until_s,
    }
    return page("run.html", values, data)


def _extent(moments: Sequence[Moment]) -> tuple[float, float]:
    """Return beginning and end of the chart over time: its first and last interval."""
    if not moments:
        return 0.0, 0.0
    first, last = moments[0].at_s, moments[-1].at_s
    return first, last if last > first else first + 1.0
