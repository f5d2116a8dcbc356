"""The commands on recorded and made traffic: ``refund capture`` and what reads it.

What a command needs is imported when it runs: Parquet and Kafka's clients take a while,
and are there only with the extra ``tools``.
"""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal

import msgspec
import typer

from streams import logs
from streams.errors import UsageError
from streams.settings import load_policy
from streams.tools.commands import run_quietly
from streams.tools.edge import Config, Edge, PolicyFile, Servers, Sets
from streams.tools.extras import require_tools
from streams.tools.moments import read_moment

if TYPE_CHECKING:
    from streams.tools.drive.pacing import PaceOptions


def capture(  # noqa: PLR0913 - one parameter an option
    context: typer.Context,
    folder: Annotated[
        Path, typer.Argument(metavar="FOLDER", help="New, or to finish.")
    ],
    *,
    topic: Annotated[
        list[str] | None, typer.Option(help="One of ours; default: all but events.")
    ] = None,
    since: Annotated[
        str | None, typer.Option("--from", metavar="TIME", help="Default: the start.")
    ] = None,
    until: Annotated[
        str | None, typer.Option(metavar="TIME", help="Default: the present end.")
    ] = None,
    offsets: Annotated[
        list[str] | None,
        typer.Option(metavar="TOPIC:PARTITION:FROM..UNTIL", help="Of one partition."),
    ] = None,
    facts: Annotated[
        Literal["whole", "range"],
        typer.Option(help="Fact topics from their beginning, or from --from."),
    ] = "whole",
    format: Annotated[  # noqa: A002 - the option's name
        Literal["parquet", "jsonl"], typer.Option(help="Of the parts.")
    ] = "parquet",
    redact_buyers: Annotated[
        bool, typer.Option("--redact-buyers", help="Keyed hashes for buyer ids.")
    ] = False,
    config: Config = None,
    sets: Sets = None,
    bootstrap_servers: Servers = None,
) -> None:
    """Save topics to files, byte for byte; run it again to finish an interrupted one."""
    require_tools("capture")
    edge: Edge = context.obj
    settings = edge.settings(config, sets, kafka__bootstrap_servers=bootstrap_servers)
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


CaptureFolder = Annotated[
    Path, typer.Argument(metavar="FOLDER", help="Of `refund capture`.")
]
Report = Annotated[
    Path | None,
    typer.Option(metavar="FOLDER", help="For the report's files."),
]
Asserts = Annotated[
    list[str] | None,
    typer.Option("--assert", metavar="'p99<20ms'", help="Sets the exit code."),
]
Lateness = Annotated[
    float,
    typer.Option(min=0.001, help="Of the generator at 99.9 %, ms; beyond: failed."),
]
Patience = Annotated[
    float, typer.Option(min=0.1, help="Seconds of silence before answers are lost.")
]
WarmUp = Annotated[float, typer.Option(min=0, help="Seconds that are not measured.")]


def replay(  # noqa: PLR0913 - one parameter an option
    context: typer.Context,
    folder: CaptureFolder,
    *,
    speed: Annotated[
        float | None, typer.Option(min=0.000001, help="Recorded gaps, so much faster.")
    ] = None,
    rate: Annotated[
        float | None, typer.Option(min=0.000001, help="Constant, requests/s.")
    ] = None,
    poisson: Annotated[
        float | None, typer.Option(min=0.000001, help="Random, requests/s on average.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Of the random gaps.")] = 1,
    times: Annotated[
        Literal["shift", "frozen"],
        typer.Option(help="Times inside records move with them, or stay."),
    ] = "shift",
    rekey: Annotated[
        bool, typer.Option("--rekey", help="To topics of other partition counts.")
    ] = False,
    topic: Annotated[
        list[str] | None, typer.Option(help="Default: all inputs captured.")
    ] = None,
    into_origin: Annotated[
        bool, typer.Option("--into-origin", help="Even into the captured topics.")
    ] = False,
    assertion: Asserts = None,
    report: Report = None,
    lateness_max_ms: Lateness = 10.0,
    patience: Patience = 15.0,
    warm_up: WarmUp = 0.0,
    verify: Annotated[
        bool, typer.Option("--verify", help="Recompute decisions; sends nothing.")
    ] = False,
    policy: PolicyFile = None,
    config: Config = None,
    sets: Sets = None,
    bootstrap_servers: Servers = None,
) -> None:
    """Send a capture again and time the answers, or --verify its decisions."""
    require_tools("replay")
    from streams.tools.capture.store import Capture  # noqa: PLC0415

    if verify:
        from streams.tools.replay import verifying  # noqa: PLC0415
        from streams.tools.replay.printing import print_verified  # noqa: PLC0415

        found = verifying.verify(Capture(folder), load_policy(policy))
        raise typer.Exit(print_verified(found, sys.stdout))
    edge: Edge = context.obj
    settings = edge.settings(config, sets, kafka__bootstrap_servers=bootstrap_servers)
    from streams.tools.drive.asserting import read_assertions  # noqa: PLC0415
    from streams.tools.replay import command  # noqa: PLC0415

    options = command.Options(
        capture=Capture(folder),
        topics=tuple(topic or ()),
        pace=_pace(speed, rate, poisson, seed),
        times=times,
        placing="rekeyed" if rekey else "recorded",
        into_origin="allow" if into_origin else "refuse",
        assertions=read_assertions(assertion or ()),
        report=report,
        lateness_max_ms=lateness_max_ms,
        patience_s=patience,
        warm_up_s=warm_up,
    )
    logs.silence()
    raise typer.Exit(command.replay(settings, options, sys.stdout, edge.now_ms))


def backtest(
    folder: CaptureFolder,
    *,
    policy: Annotated[
        str, typer.Option("--policy", metavar="FILE", help="The policy to try.")
    ],
    against: Annotated[
        str, typer.Option(metavar="recorded|FILE", help="What it is compared with.")
    ] = "recorded",
    base: Annotated[
        str | None,
        typer.Option(metavar="FILE", help="In force that day; default: shipped."),
    ] = None,
    report: Report = None,
    json: Annotated[bool, typer.Option("--json", help="One JSON object.")] = False,
) -> None:
    """Judge a capture under another policy and say what would be different."""
    require_tools("backtest")
    from streams.tools.backtest import command  # noqa: PLC0415
    from streams.tools.backtest.report import print_report, write_report  # noqa: PLC0415
    from streams.tools.report.folder import make_folder  # noqa: PLC0415

    make_folder(report)
    trial = command.Trial(
        folder=folder, policy_file=policy, against=against, base_file=base
    )
    found = command.backtest(trial, sys.stderr if json else sys.stdout)
    if json:
        print(msgspec.json.encode(found).decode())
    else:
        print_report(found, sys.stdout)
    if report is not None:
        write_report(found, report)
        print(f"report in {report}", file=sys.stderr)


def _pace(
    speed: float | None, rate: float | None, poisson: float | None, seed: int
) -> "PaceOptions":
    from streams.tools.drive.pacing import PaceOptions  # noqa: PLC0415

    if sum(one is not None for one in (speed, rate, poisson)) > 1:
        raise UsageError(["give one of --speed, --rate and --poisson"])
    if rate is not None:
        return PaceOptions("constant", rate=rate)
    if poisson is not None:
        return PaceOptions("poisson", rate=poisson, seed=seed)
    return PaceOptions("recorded", speed=speed or 1.0)


COMMANDS: Final[dict[str, Callable[..., Any]]] = {
    "capture": capture,
    "replay": replay,
    "backtest": backtest,
}
