"""``refund replay``: check first, then do one run and report it."""

from collections.abc import Callable
from pathlib import Path
from typing import TextIO

import msgspec

from streams.errors import UsageError
from streams.families.fast_refund.topics import CODE
from streams.settings import Settings
from streams.tools.capture.manifest import Manifest
from streams.tools.capture.store import REQUESTS, Capture
from streams.tools.drive.asserting import Assertion
from streams.tools.drive.clients import look_at
from streams.tools.drive.pacing import PaceOptions
from streams.tools.drive.run import ANSWERS, TrafficRun, drive
from streams.tools.drive.target import problems_of
from streams.tools.drive.view import view_for
from streams.tools.folders import made
from streams.tools.replay.rows import INPUTS, CaptureRows, Extent, extent_of
from streams.tools.report.run import conclude, report_of


class ReplayOptions(msgspec.Struct, frozen=True, kw_only=True):
    """The arguments of ``refund replay``."""

    topics: tuple[str, ...]
    """Names without prefix; empty = all captured inputs."""
    pace: PaceOptions
    times: str
    placing: str
    into_origin: str
    """``refuse`` or ``allow``."""
    assertions: list[Assertion]
    report: Path | None
    lateness_max_ms: float
    patience_s: float
    warm_up_s: float


def replay(
    settings: Settings,
    capture: Capture,
    options: ReplayOptions,
    out: TextIO,
    now_ms: Callable[[], int],
) -> int:
    """Send a capture and wait for the answers; return the exit code.

    Raises
    ------
    UsageError
        Topics, partitions or cluster do not fit.
    SourceError
        The brokers cannot be reached.
    """
    names = _names(capture, options.topics)
    _check_target(settings, capture.manifest, options, names)
    extent = extent_of(capture, names)
    source = _rows(settings, capture, options, names, extent)
    run = _run(source, options)
    print(
        f"{extent.requests:,} requests and {extent.facts:,} facts, "
        f"{options.pace.words}, about {run.length_s:,.0f} s; facts older than the first "
        "request are loaded first",
        file=out,
        flush=True,
    )
    with made(options.report, "--report"):
        view = view_for(out)
        try:
            outcome = drive(run, settings, view, now_ms)
        finally:
            view.close()
        what = f"Replay of {capture.folder.name}"
        report = report_of(outcome, what, options.pace.words, options.assertions)
        return conclude(report, outcome, options.report, out)


def _names(capture: Capture, asked: tuple[str, ...]) -> tuple[str, ...]:
    held = capture.names()
    wanted = asked or tuple(name for name in INPUTS if name in held)
    problems = [
        f"--topic {name}: not one of {', '.join(INPUTS)}"
        if name not in INPUTS
        else f"--topic {name}: not in the capture"
        for name in wanted
        if name not in INPUTS or name not in held
    ]
    if REQUESTS not in wanted:
        problems.append(
            "requests are not among the topics, so no latency can be measured"
        )
    if problems:
        raise UsageError(problems)
    return wanted


def _check_target(
    settings: Settings,
    manifest: Manifest,
    options: ReplayOptions,
    names: tuple[str, ...],
) -> None:
    topics, partitions = settings.topics, settings.partitions_of(CODE)
    cluster = look_at(settings.kafka)
    if (
        options.into_origin == "refuse"
        and cluster.id == manifest.cluster_id
        and topics.prefix == manifest.prefix
    ):
        raise UsageError(
            [
                (
                    "these are the topics that were captured: a replay would overwrite new "
                    "facts with old ones. Set another topics.prefix or cluster, or give "
                    "--into-origin"
                )
            ]
        )
    problems = list(problems_of(cluster, settings, (*names, *ANSWERS)))
    if options.placing == "recorded" and partitions != manifest.partitions:
        problems.append(
            f"the capture has {manifest.partitions} partitions, these topics have "
            f"{partitions}: give --rekey to send each record to its buyer's"
        )
    if problems:
        raise UsageError(problems)


def _rows(
    settings: Settings,
    capture: Capture,
    options: ReplayOptions,
    names: tuple[str, ...],
    extent: Extent,
) -> CaptureRows:
    return CaptureRows(
        folder=str(capture.folder),
        names=names,
        prefix=settings.topics.prefix,
        pace=options.pace,
        extent=extent,
        times=options.times,
        partitions=settings.partitions_of(CODE),
        placing=options.placing,
    )


def _run(source: CaptureRows, options: ReplayOptions) -> TrafficRun:
    pace, extent = options.pace, source.extent
    length_s = (
        (extent.last_ms - extent.first_ms) / 1000 / pace.speed
        if pace.kind == "recorded"
        else extent.requests / pace.rate
    )
    return TrafficRun(
        source=source,
        preload_count=extent.facts_before_max,
        length_s=length_s,
        stamped=options.times == "shift",
        warm_up_s=options.warm_up_s,
        patience_s=options.patience_s,
        lateness_max_ms=options.lateness_max_ms,
    )
