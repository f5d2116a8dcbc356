"""``refund backtest``: judge a capture in passes, compare and report."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final, TextIO

import msgspec

from streams.errors import UsageError
from streams.families.fast_refund.model import Decision
from streams.families.fast_refund.policy import Policies, Policy
from streams.processing.topics import POLICIES
from streams.settings import load_policy
from streams.tools.backtest.comparing import (
    Verdict,
    compare,
    differs,
    first_of_each,
    verdict_of,
)
from streams.tools.backtest.judging import Court, Versions
from streams.tools.backtest.recorded import read_recorded
from streams.tools.backtest.report import BacktestReport, Drift
from streams.tools.capture.store import DECISIONS, FACTS, REQUESTS, Capture
from streams.tools.progress import Progress

RECORDED: Final = "recorded"
_NEEDED: Final = tuple(name for name in FACTS if name != POLICIES.name)


class Trial(msgspec.Struct, frozen=True, kw_only=True):
    """The arguments of ``refund backtest``."""

    folder: Path
    policy_file: str
    against: str
    """``recorded``, or the file of another policy."""
    base_file: str | None
    """Policy file in force before any record of ``refund.policies``; None = the shipped
    one."""
    record_max_bytes: int
    """The workers' record limit at the time of the capture."""


def backtest(trial: Trial, out: TextIO) -> BacktestReport:
    """Judge a capture under a policy and compare.

    Raises
    ------
    UsageError
        A policy cannot be used, or the capture lacks what decisions need.
    """
    policy = load_policy(trial.policy_file)
    other = None if trial.against == RECORDED else load_policy(trial.against)
    base = load_policy(trial.base_file)
    capture = Capture(trial.folder)
    _check(capture, trial)
    recorded = read_recorded(capture)
    tried = Court(capture, _alone(policy, trial))
    after = first_of_each(
        _shown(tried.decisions(recorded), f"{policy.name}", capture, out)
    )
    drift = None
    if other is not None:
        court = Court(capture, _alone(other, trial))
        before = first_of_each(
            _shown(court.decisions(recorded), other.name, capture, out)
        )
        against = f"{other.name} ({Path(trial.against).name})"
    else:
        before = {
            identity: verdict_of(decision)
            for identity, decision in recorded.decisions.items()
        }
        against = "what was recorded"
        day = Versions(Policies((base,)), "capture", trial.record_max_bytes)
        court = Court(capture, day)
        again = _shown(court.decisions(recorded), "the day", capture, out)
        drift = _drift(before, first_of_each(again))
    return BacktestReport(
        capture=trial.folder.name,
        policy=f"{policy.name} ({Path(trial.policy_file).name})",
        against=against,
        comparison=compare(before, after),
        dead_letters=tried.dead,
        drift=drift,
    )


def _alone(policy: Policy, trial: Trial) -> Versions:
    """Return versions with one policy for all requests, whatever its ``effective_from_ms``."""
    ever = msgspec.structs.replace(policy, effective_from_ms=0)
    return Versions(Policies((ever,)), "none", trial.record_max_bytes)


def _drift(before: dict[str, Verdict], again: dict[str, Verdict]) -> Drift:
    """Compare the recorded decisions with a pass under their own policies: the method's error."""
    pairs = [(before[one], again[one]) for one in before.keys() & again.keys()]
    different = sum(differs(one, other) for one, other in pairs)
    return Drift(len(pairs) - different, different)


def _shown(
    decisions: Iterable[Decision], what: str, capture: Capture, out: TextIO
) -> Iterator[Decision]:
    """Yield decisions and show the progress of a pass."""
    total = sum(part.records for part in capture.parts((REQUESTS,)))
    with Progress(out, f"judged under {what}", total) as progress:
        for number, decision in enumerate(decisions, start=1):
            progress.reach(number)
            yield decision


def _check(capture: Capture, trial: Trial) -> None:
    held = capture.names()
    problems = [
        f"{capture.folder}: has no {name}; capture them too"
        for name in (REQUESTS, *_NEEDED)
        if name not in held
    ]
    asked = capture.manifest.asked
    if asked.facts == "range" and asked.from_ms is not None:
        problems.append(
            f"{capture.folder}: its facts do not start at the beginning; "
            "capture them whole (--facts whole)"
        )
    if trial.against == RECORDED and not any(name in held for name in DECISIONS):
        problems.append(
            f"{capture.folder}: holds no decisions to compare with; capture approvals, "
            "reviews and skipped, or name another policy with --against"
        )
    if problems:
        raise UsageError(problems)
