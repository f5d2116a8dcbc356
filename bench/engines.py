"""One engine in one round: its topics, its command, its sizes."""

import asyncio
from dataclasses import dataclass
from typing import Final

import msgspec

from bench.engine_table import ENGINE_TABLE, FLOOR, EngineKind, EngineSite
from bench.options import BenchOptions
from streams.kafka.topic_admin import TopicSpec, admin_client, create, declare
from streams.platforms.registry import installed
from streams.settings import Kafka, Settings, Topics

_FLOOR: Final = EngineKind("broker alone", "none", lambda _: (), ("requests",))


@dataclass(frozen=True, slots=True)
class Engine:
    """One engine and its topics in one round."""

    name: str
    kind: EngineKind
    prefix: str
    """Of every topic of this run, with a dot at its end."""
    command: tuple[str, ...]
    topics: tuple[TopicSpec, ...]
    records: int
    """Requests of its throughput run that count."""
    warm_up: int
    """Requests before them."""

    @property
    def requests(self) -> str:
        """Name of the input topic."""
        return self.prefix + "requests"

    @property
    def outputs(self) -> tuple[str, ...]:
        """Names of the topics whose records answer requests."""
        return tuple(self.prefix + name for name in self.kind.outputs)

    @property
    def decided(self) -> tuple[str, ...]:
        """Names of those that the requests of a run end in: approvals and reviews.

        The receiver reads no others: each of its fetches names every partition, and
        with many of them that is what the broker would be busy with.
        """
        return self.outputs[:2]

    @property
    def topic_names(self) -> tuple[str, ...]:
        """Names of all topics of this run."""
        return tuple(spec.name for spec in self.topics)


def engine(name: str, site: EngineSite) -> Engine:
    """Describe an engine by name, with topics of its own.

    ``floor`` is no engine: requests are read where they were written.
    """
    kind = _FLOOR if name == FLOOR else ENGINE_TABLE[name]
    options = site.options
    settings = _settings(site)
    declared = declare(installed(settings), settings)
    wanted = {site.prefix + output for output in (*kind.outputs, "requests")}
    topics = tuple(
        msgspec.structs.replace(spec, config=_config(spec, options))
        for spec in declared
        if spec.name in wanted
        or (kind.work == "full" and spec.name.startswith(site.prefix))
    )
    return Engine(
        name,
        kind,
        site.prefix,
        kind.command(site),
        topics,
        options.records // kind.share,
        kind.warm_up * options.warm_up // 100,
    )


def create_topics(one: Engine, bootstrap: str) -> None:
    """Create the topics of a run and wait for their leaders."""

    async def _create() -> None:
        async with admin_client(Kafka(bootstrap_servers=bootstrap)) as admin:
            await create(admin, one.topics)

    asyncio.run(_create())


def _config(spec: TopicSpec, options: BenchOptions) -> dict[str, str]:
    if options.compression == "none":
        return dict(spec.config)
    return {**spec.config, "compression.type": options.compression}


def _settings(site: EngineSite) -> Settings:
    return Settings(
        kafka=Kafka(bootstrap_servers=site.bootstrap),
        topics=Topics(
            prefix=site.prefix,
            partitions=site.options.partitions,
            events=site.prefix + "events",
        ),
    )
