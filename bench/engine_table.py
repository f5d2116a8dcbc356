"""Who runs: every engine, what it is called, what it needs and how it is started."""

import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from bench.options import BenchOptions

_OURS: Final = ("approvals", "reviews", "skipped", "dead-letters")
_SMALL: Final = ("approvals",)
_JOINED: Final = ("approvals", "reviews")

_PYTHON_WARM_UP: Final = 20_000
_WORKERS_WARM_UP: Final = 100_000
"""More than of one: the first that is up has all partitions until the others are there."""
_JAVA_WARM_UP: Final = 400_000
"""Three or four seconds of work: after them a JVM has compiled what it runs most."""
_JAVA_HEAP: Final = "-Xmx2g"


@dataclass(frozen=True, slots=True)
class Tools:
    """The programs that engines run on."""

    peers_python: Path | None = None
    """Interpreter of the peers' own environment; None = not there."""
    jars: Path | None = None
    """Folder of the Kafka Streams peers and all they need; None = not there."""


@dataclass(frozen=True, slots=True)
class EngineSite:
    """Where one engine runs once."""

    bootstrap: str
    prefix: str
    """Of all its topics, with a dot at its end."""
    options: BenchOptions
    folder: Path
    """For what it leaves behind."""
    tools: Tools


@dataclass(frozen=True, slots=True)
class EngineKind:
    """One engine."""

    label: str
    work: str
    """``full`` = every rule on facts from topics, all headers; ``small`` = three looks."""
    command: Callable[[EngineSite], tuple[str, ...]]
    outputs: tuple[str, ...] = _SMALL
    """Topics whose records answer requests, without their prefix."""
    warm_up: int = _PYTHON_WARM_UP
    """Requests before those that are counted."""
    share: int = 1
    """It gets one of so many requests, or its run would take most of the time."""
    transactional: bool = False
    """Its outputs are there when their transaction is committed."""
    needs: str = ""
    """``peers`` = the peers' own Python environment, ``java`` = Java and Maven."""


def _ours(site: EngineSite) -> tuple[str, ...]:
    sets = {
        "topics.prefix": site.prefix,
        "topics.partitions": site.options.partitions,
        "kafka.group_id": site.prefix + "decide",
        "log.level": "warning",
    }
    chosen = [
        part for key, value in sets.items() for part in ("--set", f"{key}={value}")
    ]
    command = (sys.executable, "-m", "streams", "worker")
    address = ("--bootstrap-servers", site.bootstrap, "--web-port", "off")
    return (*command, *address, *chosen)


def _per_core(
    one: Callable[[EngineSite], tuple[str, ...]],
) -> Callable[[EngineSite], tuple[str, ...]]:
    """Start a process for each core: one of ours uses one."""

    def command(site: EngineSite) -> tuple[str, ...]:
        several = (sys.executable, "-m", "bench.peers.per_core", str(_cores()))
        return (*several, *one(site))

    return command


def _cores() -> int:
    return len(os.sched_getaffinity(0))


def _small(site: EngineSite) -> tuple[str, ...]:
    """Return what every small engine is told."""
    names = (site.bootstrap, site.prefix + "requests", site.prefix + "approvals")
    return (*names, str(site.options.orders_known), str(site.options.buyers))


def _python(module: str) -> Callable[[EngineSite], tuple[str, ...]]:
    def command(site: EngineSite) -> tuple[str, ...]:
        return (sys.executable, "-m", f"bench.peers.{module}", *_small(site))

    return command


def _with_folder(
    module: str, python: Callable[[EngineSite], str] = lambda _: sys.executable
) -> Callable[[EngineSite], tuple[str, ...]]:
    def command(site: EngineSite) -> tuple[str, ...]:
        folder = str(site.folder / "data")
        return (python(site), "-m", f"bench.peers.{module}", *_small(site), folder)

    return command


def _peers_python(site: EngineSite) -> str:
    return str(site.tools.peers_python)


def _faststream(site: EngineSite) -> tuple[str, ...]:
    module = "bench.peers.faststream_app"
    return (_peers_python(site), "-m", module, *_small(site))


def _java(site: EngineSite, name: str) -> tuple[str, ...]:
    jars = f"{site.tools.jars}/*"
    return ("java", _JAVA_HEAP, "-cp", jars, f"refund.bench.{name}")


def _streams_settings(*more: str) -> tuple[str, ...]:
    return (f"num.stream.threads={_cores()}", *more)


_EXACTLY_ONCE: Final = (
    "processing.guarantee=exactly_once_v2",
    # The default, 100 ms, is how long a decision may wait for its commit.
    "commit.interval.ms=20",
)


def _kstreams(*more: str) -> Callable[[EngineSite], tuple[str, ...]]:
    def command(site: EngineSite) -> tuple[str, ...]:
        folder = str(site.folder / "state")
        given = (*_small(site), folder, *_streams_settings(*more))
        return (*_java(site, "SmallStreams"), *given)

    return command


def _kstreams_full(*more: str) -> Callable[[EngineSite], tuple[str, ...]]:
    def command(site: EngineSite) -> tuple[str, ...]:
        given = (site.bootstrap, site.prefix, str(site.folder / "state"))
        return (*_java(site, "FullStreams"), *given, *_streams_settings(*more))

    return command


ENGINE_TABLE: Final[dict[str, EngineKind]] = {
    "ours": EngineKind("ours", "full", _ours, _OURS),
    "ours-per-core": EngineKind(
        "ours, a worker a core", "full", _per_core(_ours), _OURS, _WORKERS_WARM_UP
    ),
    "kstreams-full": EngineKind(
        "Kafka Streams", "full", _kstreams_full(), _JOINED, _JAVA_WARM_UP, needs="java"
    ),
    "kstreams-full-eos": EngineKind(
        "Kafka Streams, exactly once",
        "full",
        _kstreams_full(*_EXACTLY_ONCE),
        _JOINED,
        _JAVA_WARM_UP,
        transactional=True,
        needs="java",
    ),
    "ours-small": EngineKind("our transport", "small", _with_folder("ours_small")),
    "ours-small-per-core": EngineKind(
        "our transport, a process a core",
        "small",
        _per_core(_with_folder("ours_small")),
        warm_up=_WORKERS_WARM_UP,
    ),
    "aiokafka": EngineKind("bare aiokafka", "small", _python("aiokafka_loop")),
    "confluent": EngineKind("confluent-kafka loop", "small", _python("confluent_loop")),
    "kstreams": EngineKind(
        "Kafka Streams",
        "small",
        _kstreams(),
        warm_up=_JAVA_WARM_UP,
        needs="java",
    ),
    "kstreams-eos": EngineKind(
        "Kafka Streams, exactly once",
        "small",
        _kstreams(*_EXACTLY_ONCE),
        warm_up=_JAVA_WARM_UP,
        transactional=True,
        needs="java",
    ),
    "quix": EngineKind(
        "Quix Streams",
        "small",
        _with_folder("quix", _peers_python),
        share=2,
        needs="peers",
    ),
    "faststream": EngineKind(
        "FastStream", "small", _faststream, share=4, needs="peers"
    ),
    "faust-take": EngineKind(
        "Faust, take", "small", _with_folder("faust_take"), share=5
    ),
    "faust": EngineKind("plain Faust", "small", _with_folder("faust_agent"), share=5),
}
"""By name, in the order of the table."""

ENGINES: Final = tuple(ENGINE_TABLE)
FLOOR: Final = "floor"
"""No engine: requests are read where they were written."""
