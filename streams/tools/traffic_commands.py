"""``refund replay`` and ``refund load``: recorded traffic, or generated traffic.

What a command needs is imported when it runs: Parquet and Kafka's clients take a while,
and are there only with the extra ``tools``.
"""

import sys
from collections.abc import Callable
from typing import Annotated, Any, Final, Literal

import typer

from streams import logs
from streams.errors import UsageError
from streams.settings import load_policy
from streams.tools.capture_commands import CaptureFolder, Report, backtest, capture
from streams.tools.drive.pacing import PaceOptions
from streams.tools.edge import Config, Edge, PolicyFile, Servers, Sets
from streams.tools.extras import require_tools

Asserts = Annotated[
    list[str] | None,
    typer.Option("--assert", metavar="'p99<20ms'", help="Exit code 1 if false."),
]
Lateness = Annotated[
    float,
    typer.Option(min=0.001, help="Allowed lateness of the sender (99.9 %)."),
]
Patience = Annotated[
    float,
    typer.Option(min=0.1, help="Seconds without answers until they count as lost."),
]
WarmUp = Annotated[float, typer.Option(min=0, help="Seconds before measuring.")]


def replay(  # noqa: PLR0913 - one parameter an option
    context: typer.Context,
    folder: CaptureFolder,
    *,
    speed: Annotated[
        float | None,
        typer.Option(min=0.000001, help="Recorded times, so many times faster."),
    ] = None,
    rate: Annotated[
        float | None, typer.Option(min=0.000001, help="Constant rate, requests/s.")
    ] = None,
    poisson: Annotated[
        float | None,
        typer.Option(min=0.000001, help="Random (Poisson), mean requests/s."),
    ] = None,
    seed: Annotated[int, typer.Option(help="For --poisson.")] = 1,
    times: Annotated[
        Literal["shift", "frozen"],
        typer.Option(help="Shift times inside records, or keep them."),
    ] = "shift",
    rekey: Annotated[
        bool, typer.Option("--rekey", help="Allow other partition counts.")
    ] = False,
    topic: Annotated[
        list[str] | None, typer.Option(help="Default: all captured inputs.")
    ] = None,
    into_origin: Annotated[
        bool,
        typer.Option("--into-origin", help="Allow sending to the captured topics."),
    ] = False,
    assertion: Asserts = None,
    report: Report = None,
    lateness_max_ms: Lateness = 10.0,
    patience: Patience = 15.0,
    warm_up: WarmUp = 0.0,
    verify: Annotated[
        bool, typer.Option("--verify", help="Recompute decisions, send nothing.")
    ] = False,
    policy: PolicyFile = None,
    config: Config = None,
    sets: Sets = None,
    bootstrap_servers: Servers = None,
) -> None:
    """Send a capture again and measure latency, or --verify its decisions."""
    require_tools("replay")
    from streams.tools.capture.store import Capture  # noqa: PLC0415

    if verify:
        from streams.tools.replay import verifying  # noqa: PLC0415
        from streams.tools.replay.printing import print_verified  # noqa: PLC0415

        found = verifying.verify(Capture(folder), load_policy(policy), sys.stdout)
        raise typer.Exit(print_verified(found, sys.stdout))
    edge: Edge = context.obj
    settings = edge.settings(config, sets, kafka__bootstrap_servers=bootstrap_servers)
    from streams.tools.drive.asserting import read_assertions  # noqa: PLC0415
    from streams.tools.replay import command  # noqa: PLC0415

    options = command.ReplayOptions(
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
    capture = Capture(folder)
    raise typer.Exit(
        command.replay(settings, capture, options, sys.stdout, edge.now_ms)
    )


def load(  # noqa: PLR0913 - one parameter an option
    context: typer.Context,
    *,
    rate: Annotated[float, typer.Option(min=0.1, help="Requests/s.")] = 1_000.0,
    seconds: Annotated[float, typer.Option(min=1, help="Length of a run.")] = 30.0,
    peak: Annotated[
        float, typer.Option(min=1, help="Factor of --rate in the middle of the run.")
    ] = 1.0,
    ramp: Annotated[
        str | None,
        typer.Option(metavar="FROM..TO", help="Find the highest sustainable rate."),
    ] = None,
    under_ms: Annotated[
        float, typer.Option(min=0.001, help="--ramp: p99 of a sustainable rate.")
    ] = 20.0,
    gaps: Annotated[
        Literal["random", "even"], typer.Option(help="Times between requests.")
    ] = "random",
    seed: Annotated[int, typer.Option(help="Same seed, same traffic.")] = 1,
    buyers: Annotated[int, typer.Option(min=1, help="Number of buyers.")] = 20_000,
    shops: Annotated[int, typer.Option(min=1, help="Number of shops.")] = 200,
    orders: Annotated[
        int, typer.Option(min=0, help="Orders at start; more are added as needed.")
    ] = 20_000,
    into_live: Annotated[
        bool, typer.Option("--into-live", help="Allow the prefix `refund.`.")
    ] = False,
    assertion: Asserts = None,
    report: Report = None,
    lateness_max_ms: Lateness = 10.0,
    patience: Patience = 15.0,
    warm_up: WarmUp = 2.0,
    config: Config = None,
    sets: Sets = None,
    bootstrap_servers: Servers = None,
) -> None:
    """Send generated, seeded traffic and measure latency."""
    require_tools("load")
    edge: Edge = context.obj
    settings = edge.settings(config, sets, kafka__bootstrap_servers=bootstrap_servers)
    from streams.tools.drive.asserting import read_assertions  # noqa: PLC0415
    from streams.tools.load import command  # noqa: PLC0415
    from streams.tools.load.ramp import read_range  # noqa: PLC0415

    options = command.LoadOptions(
        seed=seed,
        rate=rate,
        seconds=seconds,
        peak=peak,
        gaps=gaps,
        buyers=buyers,
        shops=shops,
        orders=orders,
        ramp=read_range(ramp) if ramp is not None else None,
        p99_under_ms=under_ms,
        into_live="allow" if into_live else "refuse",
        assertions=read_assertions(assertion or ()),
        report=report,
        lateness_max_ms=lateness_max_ms,
        patience_s=patience,
        warm_up_s=warm_up,
    )
    if warm_up >= seconds:
        raise UsageError([f"--warm-up {warm_up:g}: must be less than --seconds"])
    logs.silence()
    raise typer.Exit(command.load(settings, options, sys.stdout, edge.now_ms))


def _pace(
    speed: float | None, rate: float | None, poisson: float | None, seed: int
) -> PaceOptions:
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
    "load": load,
    "backtest": backtest,
}
