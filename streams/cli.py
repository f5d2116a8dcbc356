"""The command ``refund``: arguments and environment in, an exit code out.

Reads the environment and the wall clock, as ``worker/environment.py`` does for Faust's own
command line, and hands them down. What a command needs is
imported when it runs, so that ``refund decide`` does not wait for Kafka's client.
Exit codes: 0 done, 1 failed, 2 wrong usage or settings. Every problem is one line on
standard error.
"""

import contextlib
import dataclasses
import io
import logging
import os
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Annotated, Final, Literal

import typer
from typer.exceptions import TyperException

from streams import __version__, logs
from streams.errors import RefundError, UsageError
from streams.kafka.aiokafka_internals.tested import check_version
from streams.settings import (
    effective,
    load_policy,
    secret_texts,
    settings_file,
    settings_page,
)
from streams.signals import (
    EXIT_INTERRUPTED,
    exit_when_terminated,
    fill_closed_streams,
    keep_signals_for_later,
)
from streams.tools.commands import GROUPS
from streams.tools.edge import (
    Config,
    Edge,
    FamilyCode,
    PolicyFile,
    Servers,
    Sets,
    opened,
    print_lines,
    settings_of,
)
from streams.tools.traffic_commands import COMMANDS
from streams.visible import visible

log: Final = logging.getLogger(__name__)

EXIT_FAILED: Final = 1
EXIT_USAGE: Final = 2


def now_ms() -> int:
    """UTC ms of the wall clock, handed down to everything that needs the time."""
    return time.time_ns() // 1_000_000


app = typer.Typer(
    name="refund",
    help="Decides refund-before-shipment requests from Kafka.",
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
for _name, _group in GROUPS.items():
    app.add_typer(_group, name=_name)
for _name, _command in COMMANDS.items():
    app.command(_name)(_command)


def _version(*, wanted: bool) -> None:
    if wanted:
        print(f"refund {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    *,
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_version, is_eager=True, help="Print the version."
        ),
    ] = False,
) -> None:
    del version


@app.command()
def worker(
    context: typer.Context,
    config: Config = None,
    sets: Sets = None,
    bootstrap_servers: Servers = None,
    web_port: Annotated[
        str | None,
        typer.Option(metavar="PORT", help="0 = any free port, off = no pages."),
    ] = None,
    policy: PolicyFile = None,
) -> None:
    """Run a worker until it is stopped."""
    keep_signals_for_later()
    edge: Edge = context.obj
    warnings: list[str] = []
    settings = dataclasses.replace(edge, warn=warnings.append).settings(
        config,
        sets,
        kafka__bootstrap_servers=bootstrap_servers,
        web__port=web_port,
        policy__file=policy,
    )
    logs.configure(
        settings.log.level, settings.log.format, sys.stderr, secret_texts(settings)
    )
    # Before anything of an untested client is imported.
    untested = check_version(settings.kafka)
    for line in (*warnings, *((untested,) if untested else ())):
        log.warning("%s", line)
    from streams.worker import run  # noqa: PLC0415 - Faust takes a while

    raise typer.Exit(run(settings, now_ms))


@app.command()
def demo(  # noqa: PLR0913 - one parameter an option
    context: typer.Context,
    seconds: Annotated[int, typer.Option(min=1, help="Length of the run.")] = 20,
    bootstrap_servers: Annotated[
        str | None,
        typer.Option(
            "--bootstrap-servers",
            "--bootstrap",
            metavar="HOST:PORT",
            help="Brokers to use instead of the embedded one.",
        ),
    ] = None,
    web_port: Annotated[
        int | None,
        typer.Option(metavar="PORT", min=1, max=65_535, help="Default: any free port."),
    ] = None,
    *,
    keep: Annotated[
        bool, typer.Option("--keep", help="Keep running until Ctrl-C.")
    ] = False,
    json: Annotated[bool, typer.Option("--json", help="One object per line.")] = False,
    picture: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Draw the run into an SVG.")
    ] = None,
) -> None:
    """Run a demo: embedded broker, sample traffic, one worker, live table."""
    from streams.tools import demo as tool  # noqa: PLC0415

    edge: Edge = context.obj
    options = tool.DemoOptions(
        seconds=seconds,
        afterwards="keep" if keep else "stop",
        form="json" if json else "people",
        bootstrap=bootstrap_servers,
        web_port=web_port,
        picture=picture,
    )
    raise typer.Exit(tool.run(options, edge.environ, now_ms))


@app.command()
def broker(
    context: typer.Context,
    port: Annotated[
        int, typer.Option(min=1, max=65_535, help="Port for clients.")
    ] = 9092,
) -> None:
    """Run one Kafka node for trials, on loopback, until Ctrl-C.

    Needs a checkout and Java 17; Maven fetches Kafka's jars the first time. No data is
    kept.
    """
    from streams.tools import broker as tool  # noqa: PLC0415

    edge: Edge = context.obj
    cache_home = edge.environ.get("XDG_CACHE_HOME")
    raise typer.Exit(tool.run(port, cache_home, Path.home(), sys.stdout))


@app.command()
def decide(
    file: Annotated[str, typer.Argument(metavar="[FILE|-]")] = "-",
    policy: PolicyFile = None,
) -> None:
    """Decide JSON lines without a broker: one decision per line of input.

    Every line gets an answer; exit code 1 if one of them is a dead letter.
    """
    from streams.tools.decide import Answers  # noqa: PLC0415

    shipped = load_policy(policy)
    with opened(file) as lines:
        answers = Answers(lines, shipped)
        print_lines(answers)
    if answers.dead_letters:
        raise typer.Exit(1)


@app.command()
def explain(  # noqa: PLR0913 - one parameter an option
    context: typer.Context,
    decision: Annotated[str, typer.Argument(metavar="ID|JSON|-")],
    lang: Annotated[Literal["zh", "en"], typer.Option(help="Language.")] = "en",
    *,
    json: Annotated[bool, typer.Option("--json", help="Everything, as JSON.")] = False,
    policy: PolicyFile = None,
    config: Config = None,
    sets: Sets = None,
    bootstrap_servers: Servers = None,
) -> None:
    """Explain a decision: each condition with its value, bound and age.

    An id is looked up in Kafka. A decision record is taken from the argument or from
    standard input (-).
    """
    from streams.tools import explaining  # noqa: PLC0415
    from streams.tools.show import json_line  # noqa: PLC0415

    load = partial(settings_of, context, config, sets, bootstrap_servers)
    if decision == "-" or decision.lstrip().startswith("{"):
        value = sys.stdin.buffer.read() if decision == "-" else decision.encode()
        found = explaining.of_record(value, policy, load)
    else:
        from streams.tools.lookup import find  # noqa: PLC0415

        found = find(decision, policy, load)
    if not json:
        explaining.show(found, lang, sys.stdout)
        return
    if found.warning:
        _complain([found.warning])
    print(json_line(found.explanation()))


@app.command("reasons")
def show_reasons(
    context: typer.Context,
    code: Annotated[str | None, typer.Argument(metavar="[CODE]")] = None,
    *,
    markdown: Annotated[
        bool, typer.Option("--markdown", help="Print the reference page.")
    ] = False,
    family: FamilyCode = "FR",
    config: Config = None,
) -> None:
    """Explain a reason code and what to do about it; without a code, list all codes."""
    from streams.tools import families  # noqa: PLC0415
    from streams.tools import reasons_page as page  # noqa: PLC0415

    load = partial(settings_of, context, config, None, None)
    reasons = families.family_of_code(family, load).reasons
    if markdown and family != "FR":
        raise UsageError(
            [f"--markdown: there is no page for {family}; omit the option"]
        )
    if markdown:
        print(page.reasons_page(), end="")
    elif code is None:
        page.print_codes(reasons, sys.stdout)
    else:
        known = reasons.get(code)
        if known is None:
            raise UsageError(
                [f"{code}: not a reason code; `refund reasons` lists them"]
            )
        print(page.entry(known))


@app.command("settings")
def show_settings(
    context: typer.Context,
    config: Config = None,
    sets: Sets = None,
    bootstrap_servers: Servers = None,
    *,
    markdown: Annotated[
        bool, typer.Option("--markdown", help="Print the reference page.")
    ] = False,
    toml: Annotated[
        bool, typer.Option("--toml", help="Print a file to start from.")
    ] = False,
) -> None:
    """Print the settings in force, without secrets."""
    if markdown:
        print(settings_page(), end="")
    elif toml:
        print(settings_file(), end="")
    else:
        edge: Edge = context.obj
        settings = edge.settings(
            config, sets, kafka__bootstrap_servers=bootstrap_servers
        )
        for name, value in effective(settings):
            print(f"{name} = {value}")


def execute(arguments: Sequence[str], environ: Mapping[str, str]) -> int:
    """Run one command line and return its exit code; prints, never raises.

    Programming errors are raised: their traceback is for us.
    """
    for one in (app, *GROUPS.values()):
        one.rich_markup_mode = "rich" if sys.stdout.isatty() else None
    command = typer.main.get_command(app)
    try:
        code = command.main(
            args=list(arguments),
            prog_name="refund",
            standalone_mode=False,
            obj=Edge(environ, now_ms, lambda line: _complain([line])),
        )
        sys.stdout.flush()
    except SystemExit as ended:  # SIGTERM, or a broken pipe, noticed on the way
        code = ended.code
    except TyperException as wrong:
        _explain_usage(wrong.format_message())
        return EXIT_USAGE
    except (RefundError, OSError) as failed:
        return _failed(failed)
    except KeyboardInterrupt:
        return EXIT_INTERRUPTED
    return code if isinstance(code, int) else 0


def _failed(failed: RefundError | OSError) -> int:
    """Print why a command failed, one line per problem, and return its exit code."""
    if isinstance(failed, UsageError):
        _complain(failed.problems)
        return EXIT_USAGE
    if isinstance(failed, OSError):  # a full disk, a folder that may not be written
        _close_quietly()
    if not isinstance(failed, BrokenPipeError):
        _complain([str(failed)])
    return EXIT_FAILED


def _complain(lines: Iterable[str]) -> None:
    for line in lines:
        print("refund:", visible(" ".join(line.split())), file=sys.stderr)


def _explain_usage(message: str) -> None:
    if message.startswith("Usage:"):  # a group without a command: its help
        print(message, file=sys.stderr)
    else:
        _complain([message])


def _close_quietly() -> None:
    """Discard buffered output, which nobody reads any more and which would fail at exit."""
    with contextlib.suppress(io.UnsupportedOperation):  # it is no file
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def main() -> None:
    """Entry point of the ``refund`` command."""
    exit_when_terminated()
    arguments = sys.argv[1:]
    if "stdout" in fill_closed_streams() and arguments[:1] != ["worker"]:
        _complain(["standard output is closed, so the output would be lost"])
        sys.exit(EXIT_FAILED)
    sys.exit(execute(arguments, os.environ))
