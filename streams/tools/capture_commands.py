"""``refund capture`` and ``refund backtest``: take a capture, and judge one.

What a command needs is imported when it runs: Parquet and Kafka's clients take a while,
and are there only with the extra ``tools``.
"""

import sys
from pathlib import Path
from typing import Annotated, Literal

import typer

from streams.settings.model import Worker
from streams.tools.edge import Config, Edge, Servers, Sets, run_quietly, settings_of
from streams.tools.extras import require_tools
from streams.tools.moments import read_moment

CaptureFolder = Annotated[Path, typer.Argument(metavar="FOLDER", help="A capture.")]
Report = Annotated[
    Path | None,
    typer.Option(metavar="FOLDER", help="Write a report there."),
]


def capture(  # noqa: PLR0913 - one parameter an option
    context: typer.Context,
    folder: Annotated[
        Path, typer.Argument(metavar="FOLDER", help="New, or to be continued.")
    ],
    *,
    topic: Annotated[
        list[str] | None, typer.Option(help="Default: all topics but events.")
    ] = None,
    since: Annotated[
        str | None,
        typer.Option("--from", metavar="TIME", help="Default: the beginning."),
    ] = None,
    until: Annotated[
        str | None, typer.Option(metavar="TIME", help="Default: the current end.")
    ] = None,
    offsets: Annotated[
        list[str] | None,
        typer.Option(
            metavar="TOPIC:PARTITION:FROM..UNTIL", help="Range of a partition."
        ),
    ] = None,
    facts: Annotated[
        Literal["whole", "range"],
        typer.Option(help="Facts from their beginning, or --from."),
    ] = "whole",
    format: Annotated[  # noqa: A002 - the option's name
        Literal["parquet", "jsonl"], typer.Option(help="Of the files.")
    ] = "parquet",
    redact_buyers: Annotated[
        bool, typer.Option("--redact-buyers", help="Replace buyer ids by hashes.")
    ] = False,
    config: Config = None,
    sets: Sets = None,
    bootstrap_servers: Servers = None,
) -> None:
    """Save topics to files, byte for byte; run again to continue an interrupted capture."""
    require_tools("capture")
    edge: Edge = context.obj
    settings = settings_of(context, config, sets, bootstrap_servers)
    from streams.tools.capture import ranges, taking  # noqa: PLC0415

    request = taking.Request(
        folder=folder,
        topics=ranges.topic_names(settings, topic or ()),
        from_ms=read_moment("--from", since),
        until_ms=read_moment("--until", until),
        ranges=tuple(offsets or ()),
        facts=facts,
        format=format,
        redact="buyers" if redact_buyers else "nothing",
    )
    run_quietly(taking.capture(settings, request, sys.stdout, edge.now_ms()))


def backtest(  # noqa: PLR0913 - one parameter an option
    folder: CaptureFolder,
    *,
    policy: Annotated[
        str, typer.Option("--policy", metavar="FILE", help="Policy to try.")
    ],
    against: Annotated[
        str, typer.Option(metavar="recorded|FILE", help="Compare with.")
    ] = "recorded",
    base: Annotated[
        str | None,
        typer.Option(
            metavar="FILE", help="Policy in force that day; default: shipped."
        ),
    ] = None,
    record_max_bytes: Annotated[
        int,
        typer.Option(
            metavar="BYTES",
            min=1_024,
            help="worker.record_max_bytes in force that day.",
        ),
    ] = Worker().record_max_bytes,
    report: Report = None,
    json: Annotated[bool, typer.Option("--json", help="One JSON object.")] = False,
) -> None:
    """Judge a capture under another policy and report the differences."""
    require_tools("backtest")
    from streams.tools.backtest import command  # noqa: PLC0415
    from streams.tools.backtest.report import print_report, write_report  # noqa: PLC0415
    from streams.tools.folders import made  # noqa: PLC0415
    from streams.tools.show import json_line  # noqa: PLC0415

    trial = command.Trial(
        folder=folder,
        policy_file=policy,
        against=against,
        base_file=base,
        record_max_bytes=record_max_bytes,
    )
    with made(report, "--report"):
        found = command.backtest(trial, sys.stderr if json else sys.stdout)
        if json:
            print(json_line(found))
        else:
            print_report(found, sys.stdout)
        if report is not None:
            write_report(found, report)
            print(f"report in {report}", file=sys.stderr)
