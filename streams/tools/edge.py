"""Shared parts of commands: common options, settings, input and output."""

import asyncio
import os
import pwd
import sys
import tomllib
from collections.abc import Callable, Coroutine, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, BinaryIO

import typer

from streams import logs
from streams.errors import SettingsError, UsageError
from streams.kafka.aiokafka_internals.tested import check_version
from streams.settings import CONFIG_VARIABLE, Settings, load, old_names

Config = Annotated[
    str | None,
    typer.Option("--config", metavar="FILE", help="TOML file of settings."),
]
Sets = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="SECTION.KEY=VALUE", help="One setting."),
]
Servers = Annotated[
    str | None,
    typer.Option("--bootstrap-servers", metavar="HOST:PORT", help="Kafka brokers."),
]
FamilyCode = Annotated[
    str, typer.Option("--family", metavar="CODE", help="Rule family.")
]
PolicyFile = Annotated[
    str | None, typer.Option("--policy", metavar="FILE", help="Policy file.")
]


@dataclass(frozen=True, slots=True)
class Edge:
    """The process of a command, passed in ``context.obj``."""

    environ: Mapping[str, str]
    now_ms: Callable[[], int]
    """UTC ms of the wall clock."""
    warn: Callable[[str], None]
    """Prints a one-line warning to the operator."""

    def login(self) -> str | None:
        """Return the name of the user who runs the command; None = unknown."""
        for variable in ("LOGNAME", "USER"):
            if self.environ.get(variable):
                return self.environ[variable]
        try:
            return pwd.getpwuid(os.getuid()).pw_name
        except KeyError:
            return None

    def settings(
        self, config: str | None, sets: Iterable[str] | None, **named: str | None
    ) -> Settings:
        """Load the settings; reads files.

        Parameters
        ----------
        config
            Value of ``--config``; without it, ``REFUND_CONFIG`` counts.
        sets
            Values of ``--set``.
        **named
            Options with their own name: ``section__key`` = text, None = not given.

        Raises
        ------
        SettingsError
            All problems, one line each.
        """
        problems: list[str] = []
        overrides: dict[str, str] = {}
        for one in sets or ():
            name, equals, text = one.partition("=")
            if not equals:
                problems.append(f"--set {one}: write --set section.key=value")
            overrides[name] = text
        if problems:
            raise SettingsError(problems)
        for name, given in named.items():
            if given is not None:
                overrides[name.replace("__", ".")] = given
        file = config or self.environ.get(CONFIG_VARIABLE)
        table = read_config(file) if file else None
        settings = load(self.environ, table, overrides)
        for line in old_names(self.environ, table, overrides):
            self.warn(line)
        return settings


def read_config(file: str) -> Mapping[str, object]:
    """Read a TOML file of settings.

    Raises
    ------
    SettingsError
        The file is missing, unreadable or not TOML.
    """
    try:
        return tomllib.loads(Path(file).read_text("utf-8"))
    except OSError as problem:
        why = problem.strerror or type(problem).__name__
        raise SettingsError([f"{file}: {why}; check the path"]) from None
    except UnicodeDecodeError:
        raise SettingsError([f"{file}: not UTF-8; save it as UTF-8"]) from None
    except tomllib.TOMLDecodeError as problem:
        raise SettingsError([f"{file}: not TOML: {problem}; correct it"]) from None


@contextmanager
def opened(file: str) -> Iterator[BinaryIO]:
    """Open a file for its lines; ``-`` is standard input.

    Raises
    ------
    UsageError
        The file is missing or unreadable.
    """
    if file == "-":
        yield sys.stdin.buffer
        return
    try:
        stream = Path(file).open("rb")  # noqa: SIM115 - closed below
    except OSError as problem:
        why = problem.strerror or type(problem).__name__
        raise UsageError([f"{file}: {why}; check the path"]) from None
    with stream:
        yield stream


def print_lines(lines: Iterable[bytes]) -> None:
    """Write lines to standard output, each with a line end."""
    out = sys.stdout.buffer
    for line in lines:
        out.write(line if line.endswith(b"\n") else line + b"\n")
    out.flush()


def settings_of(
    context: typer.Context,
    config: str | None,
    sets: list[str] | None,
    bootstrap_servers: str | None,
) -> Settings:
    """Load the settings of a command that reads or writes Kafka by aiokafka.

    An untested but allowed version of aiokafka gives a warning on standard error.

    Raises
    ------
    SettingsError
        As :meth:`Edge.settings`; or the aiokafka version is not allowed.
    """
    edge: Edge = context.obj
    settings = edge.settings(config, sets, kafka__bootstrap_servers=bootstrap_servers)
    untested = check_version(settings.kafka)
    if untested is not None:
        edge.warn(untested)
    return settings


def run_quietly(work: Coroutine[Any, Any, None]) -> None:
    """Run a tool that reports by itself: nothing is logged."""
    logs.silence()
    asyncio.run(work)
