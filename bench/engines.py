"""The engines: how each is started, what it reads and writes, what work it does."""

import asyncio
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from bench.options import Options
from streams.kafka.topics import TopicSpec, admin_client, create, declare
from streams.settings import Kafka, Settings, Topics

_OUTPUTS: Final = ("approvals", "reviews", "skipped", "dead-letters")


@dataclass(frozen=True, slots=True)
class Engine:
    """One engine and its topics in one round."""

    name: str
    label: str
    work: str
    """``full`` = every rule on facts from topics, all headers; ``small`` = three looks."""
    prefix: str
    """Of every topic of this run, with a dot at its end."""
    outputs: tuple[str, ...]
    """Topics whose records answer requests, full names."""
    command: tuple[str, ...]
    topics: tuple[TopicSpec, ...]

    @property
    def requests(self) -> str:
        """Name of the input topic."""
        return self.prefix + "requests"

    @property
    def topic_names(self) -> tuple[str, ...]:
        """Names of all topics of this run."""
        return tuple(spec.name for spec in self.topics)


def engine(
    name: str, prefix: str, bootstrap: str, options: Options, folder: Path
) -> Engine:
    """Describe an engine by name, with topics of its own.

    ``floor`` is no engine: requests are read where they were written.
    """
    declared = declare(_settings(prefix, bootstrap, options))
    if name == "ours":
        topics = tuple(spec for spec in declared if spec.name.startswith(prefix))
        outputs = tuple(prefix + output for output in _OUTPUTS)
        command = _ours(prefix, bootstrap, options)
        return Engine(name, "ours", "full", prefix, outputs, command, topics)
    if name == "floor":
        requests = prefix + "requests"
        topics = tuple(spec for spec in declared if spec.name == requests)
        return Engine(name, "broker alone", "none", prefix, (requests,), (), topics)
    decisions = prefix + "approvals"
    topics = tuple(
        spec for spec in declared if spec.name in {decisions, prefix + "requests"}
    )
    arguments: tuple[str, ...] = (bootstrap, prefix + "requests", decisions)
    arguments += (str(options.orders_loaded), str(options.buyers))
    if name == "faust":
        program, label = "bench.peers.faust_agent", "plain Faust"
        arguments += (str(folder / "faust-data"),)
    else:
        program, label = "bench.peers.aiokafka_loop", "bare aiokafka"
    command = (sys.executable, "-m", program, *arguments)
    return Engine(name, label, "small", prefix, (decisions,), command, topics)


def create_topics(one: Engine, bootstrap: str) -> None:
    """Create the topics of a run and wait for their leaders."""

    async def _create() -> None:
        async with admin_client(Kafka(bootstrap_servers=bootstrap)) as admin:
            await create(admin, one.topics)

    asyncio.run(_create())


def _settings(prefix: str, bootstrap: str, options: Options) -> Settings:
    return Settings(
        kafka=Kafka(bootstrap_servers=bootstrap),
        topics=Topics(
            prefix=prefix, partitions=options.partitions, events=prefix + "events"
        ),
    )


def _ours(prefix: str, bootstrap: str, options: Options) -> tuple[str, ...]:
    sets = {
        "topics.prefix": prefix,
        "topics.partitions": options.partitions,
        "kafka.group_id": prefix + "decide",
        "log.level": "warning",
    }
    chosen = [
        part for key, value in sets.items() for part in ("--set", f"{key}={value}")
    ]
    return (
        sys.executable,
        "-m",
        "streams",
        "worker",
        "--bootstrap-servers",
        bootstrap,
        "--web-port",
        "off",
        *chosen,
    )
