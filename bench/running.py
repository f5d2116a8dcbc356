"""Rounds: every engine once a round, each with fresh topics and a fresh process."""

import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from confluent_kafka.admin import AdminClient

from bench import latency, procfs, throughput
from bench.engines import Engine, create_topics, engine
from bench.kafka import Ends, Watermarks, Writer, delete_topics, now_ms
from bench.latency import Latency
from bench.options import BenchError, Options
from bench.throughput import Throughput
from bench.world import World
from streams.kafka.broker import LocalCluster, prepare
from streams.kafka.jars import default_cache
from streams.kafka.node import ClusterOptions
from streams.kafka.process import GuardedProcess

_HEAP_MB: Final = 1_024
_STOP_S: Final = 30.0
_LOG_LINES: Final = 15
_WARM_UP_RECORDS: Final = 100_000
_WARM_UP_S: Final = 5
_FLOOR_S: Final = 5

Tell = Callable[[str], None]
"""Takes a line of progress."""


@dataclass(frozen=True, slots=True)
class Run:
    """One engine in one round."""

    engine: str
    label: str
    work: str
    round: int
    records: int
    orders: int
    """Loaded from topics, or put into the peers' dict."""
    throughput: Throughput
    latency: Latency
    peak_mib: float
    approved_share: float
    """Of all requests of the run; where one topic holds every outcome, of the latency
    run alone."""
    other_cores: float | None
    """Cores that processes of others took meanwhile; None when the broker is one of
    them."""


@dataclass(frozen=True, slots=True)
class Quiet:
    """What the broker alone took before a round: what no engine can better."""

    round: int
    floor: Latency
    """From the generator to the receiver through the broker alone, one hop."""


@contextmanager
def broker(options: Options, cache_home: str | None) -> Iterator[str]:
    """Yield the address of the broker asked for, or of one of our own."""
    if options.bootstrap is not None:
        yield options.bootstrap
        return
    libs = prepare(default_cache(cache_home, Path.home()))
    with tempfile.TemporaryDirectory(prefix="refund-bench-") as folder:
        sizes = ClusterOptions(heap_mb=_HEAP_MB)
        with LocalCluster(libs, Path(folder), sizes) as cluster:
            yield cluster.bootstrap_servers


def warm_up(bootstrap: str, options: Options, tell: Tell) -> None:
    """Let the broker's code be compiled: a run of the bare loop that does not count."""
    tell("warming the broker up")
    few = replace(
        options,
        records=min(options.records, _WARM_UP_RECORDS),
        seconds=min(options.seconds, _WARM_UP_S),
        lateness_max_ms=sys.maxsize,
    )
    run("aiokafka", 0, bootstrap, few)


def rounds(
    bootstrap: str, options: Options, tell: Tell
) -> tuple[list[Run], list[Quiet]]:
    """Run every engine in every round; a round starts with another engine each time."""
    found: list[Run] = []
    quiet: list[Quiet] = []
    for number in range(1, options.rounds + 1):
        quiet.append(listen(number, bootstrap, options))
        shift = (number - 1) % len(options.engines)
        for name in options.engines[shift:] + options.engines[:shift]:
            one = run(name, number, bootstrap, options)
            found.append(one)
            tell(_line(one, options))
    return found, quiet


def listen(number: int, bootstrap: str, options: Options) -> Quiet:
    """Measure the machine and the broker without any engine."""
    admin = AdminClient({"bootstrap.servers": bootstrap})
    few = replace(options, seconds=min(options.seconds, _FLOOR_S), warm_up_s=1)
    with ExitStack() as held:
        folder = Path(held.enter_context(tempfile.TemporaryDirectory()))
        one = engine("floor", f"bench-{now_ms()}-floor.", bootstrap, few, folder)
        create_topics(one, bootstrap)
        held.callback(delete_topics, admin, one.topic_names)
        return Quiet(number, latency.measure(one, bootstrap, few, folder))


def run(name: str, number: int, bootstrap: str, options: Options) -> Run:
    """Measure one engine once: topics, facts, backlog, throughput, latency, memory.

    Raises
    ------
    BenchError
        It failed, or not every request had exactly one output.
    """
    admin = AdminClient({"bootstrap.servers": bootstrap})
    records = options.records_of(name)
    world = World(options.orders_loaded, options.buyers, options.partitions)
    with ExitStack() as held:
        folder = Path(held.enter_context(tempfile.TemporaryDirectory()))
        prefix = f"bench-{now_ms()}-{name}."
        one = engine(name, prefix, bootstrap, options, folder)
        create_topics(one, bootstrap)
        held.callback(delete_topics, admin, one.topic_names)
        fill(one, world, bootstrap)
        write_requests(one, world, bootstrap, range(records))
        held.enter_context(fresh(one, bootstrap, options))
        ends = Ends(admin, one.outputs, options.partitions)
        others = procfs.Others()
        with started(one, folder / "engine.log") as process:

            def alive() -> None:
                fail_if_ended(process, one, folder / "engine.log")

            speed = throughput.watch(
                ends, lambda: procfs.cpu_s(process.pid), alive, records
            )
            delay = latency.measure(one, bootstrap, options, folder)
            peak_mib = procfs.peak_mib(process.pid)
            outputs = ends.by_topic()
            other_cores = others.cores() if options.bootstrap is None else None
            alive()
    approved = delay.approved_share
    if len(outputs) > 1:
        approved = outputs[prefix + "approvals"] / sum(outputs.values())
    return Run(
        name, one.label, one.work, number, records, options.orders_loaded,
        speed, delay, peak_mib, approved, other_cores,
    )  # fmt: skip


def fill(one: Engine, world: World, bootstrap: str) -> None:
    """Write the facts, for an engine that reads them from topics."""
    if one.work != "full":
        return
    writer = Writer(bootstrap)
    at_ms = now_ms()
    writer.write(one.prefix + "buyers", world.buyer_rows(at_ms))
    writer.write(one.prefix + "orders", world.order_rows(at_ms))
    for topic, row in world.list_rows(at_ms):
        writer.write(one.prefix + topic, [row])


def write_requests(one: Engine, world: World, bootstrap: str, numbers: range) -> None:
    """Write requests as fast as the broker takes them."""
    Writer(bootstrap).write(
        one.requests, (world.request(number, now_ms()) for number in numbers)
    )


def fresh(
    one: Engine, bootstrap: str, options: Options
) -> "Watermarks | nullcontext[None]":
    """Keep facts fresh as long as the context lasts, for an engine that cares."""
    if one.work != "full":
        return nullcontext()
    return Watermarks(bootstrap, one.prefix, options.partitions)


@contextmanager
def started(one: Engine, log: Path) -> Iterator[GuardedProcess]:
    """Start the engine's process; stop it in order at the end, or kill it."""
    process = GuardedProcess(one.command, log)
    try:
        yield process
        process.terminate()
        if process.wait(_STOP_S) is None:
            raise BenchError(f"{one.label} did not stop in {_STOP_S:.0f} s")
    finally:
        if process.wait(0) is None:
            process.kill()


def fail_if_ended(process: GuardedProcess, one: Engine, log: Path) -> None:
    """Raise when the process is gone, with the end of its log."""
    code = process.wait(0)
    if code is not None:
        lines = log.read_text("utf-8", "replace").splitlines()[-_LOG_LINES:]
        raise BenchError("\n".join([f"{one.label} ended with {code}", *lines]))


def _line(one: Run, options: Options) -> str:
    delay = one.latency
    times = (
        f"refused, the generator was {delay.lateness_ms:.1f} ms late"
        if delay.p99_ms is None or delay.p50_ms is None
        else f"p50 {delay.p50_ms:.2f} p99 {delay.p99_ms:.2f} ms"
    )
    return (
        f"round {one.round}/{options.rounds} {one.label}: "
        f"{one.throughput.records_per_s:,.0f}/s, {times}, "
        f"{one.approved_share:.1%} approved"
    )
