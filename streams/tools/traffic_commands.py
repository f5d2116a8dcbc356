"""The commands on recorded and made traffic: ``refund capture`` and what reads it.

What a command needs is imported when it runs: Parquet and Kafka's clients take a while,
and are there only with the extra ``tools``.
"""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, Final, Literal

import typer

from streams.tools.commands import run_quietly
from streams.tools.edge import Config, Edge, Servers, Sets
from streams.tools.extras import require_tools
from streams.tools.moments import read_moment


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


COMMANDS: Final[dict[str, Callable[..., Any]]] = {"capture": capture}
