"""Sets up what an engine needs before it starts: topics, facts, requests."""

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path

from confluent_kafka.admin import AdminClient

from bench.engine_table import EngineSite, Tools
from bench.engines import Engine, create_topics, engine
from bench.kafka import (
    CommittedEnds,
    Ends,
    WatermarkWriter,
    Writer,
    delete_topics,
    now_ms,
)
from bench.options import BenchOptions
from bench.world import WARM_UP_FROM, NumberedWorld

Report = Callable[[str], None]
"""Takes a line of progress."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where rounds are run."""

    bootstrap: str
    tools: Tools
    report: Report


@contextmanager
def prepared(
    name: str, place: Place, options: BenchOptions
) -> Iterator[tuple[Engine, EngineSite]]:
    """Describe an engine for one run; its topics last as long as the context."""
    with tempfile.TemporaryDirectory(prefix="refund-bench-") as folder:
        prefix = f"bench-{now_ms()}-{name}."
        site = EngineSite(place.bootstrap, prefix, options, Path(folder), place.tools)
        one = engine(name, site)
        create_topics(one, place.bootstrap)
        try:
            yield one, site
        finally:
            admin = AdminClient({"bootstrap.servers": place.bootstrap})
            delete_topics(admin, one.topic_names)


@contextmanager
def ends_of(one: Engine, site: EngineSite) -> Iterator[Ends]:
    """Yield what counts an engine's outputs."""
    kind = CommittedEnds if one.kind.transactional else Ends
    found = kind(site.bootstrap, one.outputs, site.options.partitions)
    try:
        yield found
    finally:
        found.close()


def fill(one: Engine, world: NumberedWorld, site: EngineSite) -> None:
    """Write the facts, for an engine that reads them from topics."""
    if one.kind.work != "full":
        return
    writer = Writer(site.bootstrap, site.options.compression)
    at_ms = now_ms()
    writer.write(one.prefix + "buyers", world.buyer_rows(at_ms))
    writer.write(one.prefix + "orders", world.order_rows(at_ms))
    for topic, row in world.list_rows(at_ms):
        writer.write(one.prefix + topic, [row])


def warming(one: Engine) -> range:
    """Return the numbers of the requests that an engine warms up with."""
    return range(WARM_UP_FROM, WARM_UP_FROM + one.warm_up)


def write_requests(
    one: Engine, world: NumberedWorld, site: EngineSite, numbers: range
) -> None:
    """Write requests as fast as the broker takes them."""
    Writer(site.bootstrap, site.options.compression).write(
        one.requests, (world.request(number, now_ms()) for number in numbers)
    )


def fresh(one: Engine, site: EngineSite) -> "WatermarkWriter | nullcontext[None]":
    """Keep facts fresh as long as the context lasts, for an engine that cares."""
    if one.kind.work != "full":
        return nullcontext()
    return WatermarkWriter(site.bootstrap, one.prefix, site.options.partitions)
