"""``refund load``: do one run at one rate, or a ramp of runs."""

from collections.abc import Callable
from pathlib import Path
from typing import Final, TextIO

import msgspec

from streams.errors import UsageError
from streams.families.fast_refund.topics import CODE, REQUESTS
from streams.settings import Settings, Topics
from streams.tools.drive.asserting import Assertion
from streams.tools.drive.clients import look_at
from streams.tools.drive.run import ANSWERS, RunOutcome, TrafficRun, drive
from streams.tools.drive.target import problems_of
from streams.tools.drive.view import view_for
from streams.tools.folders import made
from streams.tools.load.pace import Festival
from streams.tools.load.population import MARKED
from streams.tools.load.ramp import Range, next_above, search
from streams.tools.load.world import LoadRows
from streams.tools.report.run import (
    RunReport,
    Step,
    conclude,
    report_of,
)

_LIVE_PREFIX: Final = Topics().prefix
_LATE: Final = "the sender fell behind"
_BORNE: Final = "highest sustainable rate"


class LoadOptions(msgspec.Struct, frozen=True, kw_only=True):
    """The arguments of ``refund load``."""

    seed: int
    rate: float
    seconds: float
    peak: float
    gaps: str
    buyers: int
    shops: int
    orders: int
    ramp: Range | None
    p99_under_ms: float
    into_live: str
    """``refuse`` or ``allow``."""
    assertions: list[Assertion]
    report: Path | None
    lateness_max_ms: float
    patience_s: float
    warm_up_s: float


def load(
    settings: Settings, options: LoadOptions, out: TextIO, now_ms: Callable[[], int]
) -> int:
    """Generate traffic and time the answers; return the exit code.

    Raises
    ------
    UsageError
        Topics do not fit, or belong to a live system.
    SourceError
        The brokers cannot be reached.
    """
    _check(settings, options)
    with made(options.report, "--report"):
        loading = _Loading(settings, options, out, now_ms)
        if options.ramp is None:
            outcome = loading.run(options.rate)
            report = loading.report(outcome, options.rate)
        else:
            outcome, report = loading.ramp(options.ramp)
        return conclude(report, outcome, options.report, out)


def _check(settings: Settings, options: LoadOptions) -> None:
    topics = settings.topics
    if topics.prefix == _LIVE_PREFIX and options.into_live == "refuse":
        raise UsageError(
            [
                (
                    f"topics.prefix is {topics.prefix}: generated requests would be decided, "
                    "and paid, among real ones. Set another prefix, or give --into-live"
                )
            ]
        )
    names = (*MARKED, REQUESTS.name, *ANSWERS)
    problems = list(problems_of(look_at(settings.kafka), settings, names))
    if problems:
        raise UsageError(problems)


class _Loading:
    """The runs of one call, each with its own generated data."""

    def __init__(
        self,
        settings: Settings,
        options: LoadOptions,
        out: TextIO,
        now_ms: Callable[[], int],
    ) -> None:
        self._settings, self._options, self._out = settings, options, out
        self._now_ms = now_ms
        self._steps: list[Step] = []
        self._best: tuple[RunOutcome, float] | None = None
        self._last: tuple[RunOutcome, float] | None = None

    def run(self, rate: float) -> RunOutcome:
        """Do one run."""
        options = self._options
        festival = Festival(rate, options.peak, options.seconds)
        source = LoadRows(
            seed=options.seed + len(self._steps),
            festival=festival,
            gaps=options.gaps,
            buyers=options.buyers,
            shops=options.shops,
            orders=options.orders,
            partitions=self._settings.partitions_of(CODE),
            prefix=self._settings.topics.prefix,
        )
        run = TrafficRun(
            source=source,
            preload_count=options.buyers + options.shops + options.orders,
            length_s=options.seconds,
            warm_up_s=options.warm_up_s,
            patience_s=options.patience_s,
            lateness_max_ms=options.lateness_max_ms,
        )
        print(
            f"about {festival.mean * options.seconds:,.0f} requests at {rate:,.0f}/s, "
            f"{run.preload_count:,} facts are loaded first",
            file=self._out,
            flush=True,
        )
        view = view_for(self._out)
        try:
            return drive(run, self._settings, view, self._now_ms)
        finally:
            view.close()

    def report(self, outcome: RunOutcome, rate: float) -> RunReport:
        """Return the report of a run."""
        options = self._options
        pace = f"{options.gaps} gaps at {rate:,.0f}/s"
        if options.peak > 1:
            pace += f", with a peak of {options.peak:g} times that"
        what = f"Load, seed {options.seed}"
        report = report_of(outcome, what, pace, options.assertions)
        report.steps = self._steps
        return report

    def ramp(self, rates: Range) -> tuple[RunOutcome, RunReport]:
        """Search for the highest sustainable rate; return the run at that rate, or the last one."""
        highest = search(rates, self._try)
        found = self._best or self._last
        if found is None:
            raise UsageError(["--ramp: no rate to try"])
        report = self.report(*found)
        if highest is None:
            report.problems.append(
                f"even {rates.low:g}/s is not sustainable: {self._steps[0].why}"
            )
        else:
            print(f"{_BORNE}: {highest:,.0f} requests/s", file=self._out)
            above = next_above(self._steps, highest)
            if above is not None and above.why.startswith(_LATE):
                print(
                    f"above it {_LATE}: it is the limit, not the worker", file=self._out
                )
        return found[0], report

    def _try(self, rate: float) -> bool:
        """Run at a rate; repeat once when the generator was late, because that run says nothing."""
        if self._attempt(rate).fell_behind:
            self._attempt(rate)
        return self._steps[-1].holds

    def _attempt(self, rate: float) -> RunOutcome:
        outcome = self.run(rate)
        self._steps.append(self._step(outcome, rate))
        self._last = (outcome, rate)
        if self._steps[-1].holds:
            self._best = self._last
        return outcome

    def _step(self, outcome: RunOutcome, rate: float) -> Step:
        latency = outcome.measured.latency
        p99_ms = latency.at(99.0)
        why = self._why_not(outcome, p99_ms)
        return Step(rate, latency.at(50.0), p99_ms, outcome.lost, not why, why)

    def _why_not(self, outcome: RunOutcome, p99_ms: float | None) -> str:
        if outcome.fell_behind:
            return f"{_LATE} ({outcome.lateness_ms:.1f} ms late)"
        if outcome.lost or outcome.sent.refused:
            return f"{outcome.lost + outcome.sent.refused} requests lost"
        if p99_ms is None:
            return "nothing was measured"
        bound_ms = self._options.p99_under_ms
        return f"p99 is not under {bound_ms:g} ms" if p99_ms >= bound_ms else ""
