"""Rounds: every engine once a round, each with fresh topics and a fresh process."""

import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from bench import broker_gc, latency
from bench.broker_gc import BROKERS_COLLECTOR
from bench.engine_table import ENGINE_TABLE, FLOOR
from bench.latency import Latency, Probe
from bench.options import BenchError, BenchOptions
from bench.running import PATIENCE_S, EngineRun, run
from bench.setup import Place, prepared
from testkit import procfs
from testkit.broker import LocalCluster
from testkit.jars import default_cache
from testkit.node import ClusterOptions
from testkit.prepare import prepare

HEAP_MB: Final = 6_144
"""Much, for a collector that works beside the broker: the serial one stopped it for
13 ms every 1.25 s at 1,000 requests a second, which is a p99 of its own. And the more,
the rarer: each time it takes a core for 200 ms, a p99 of 100 ms at 10,000 a second."""
_WARM_UP_RECORDS: Final = 100_000
_WARM_UP_TIMES: Final = 3
_BESIDE: Final = ("C2 ", BROKERS_COLLECTOR)
"""Threads of the broker that work beside it: the compiler and the collector. A fresh
broker compiles for most of a minute, and each takes half a core or more for a while: at
10,000 requests a second that queue was a p99 of 20 to 300 ms, whatever the engine."""
_FLOOR_S: Final = 5


@dataclass(frozen=True, slots=True)
class Quiet:
    """What the broker alone took before a round: what no engine can better."""

    round: int
    floors: list[Latency]
    """By rate: from the generator to the receiver through the broker alone, one hop."""


@dataclass(frozen=True, slots=True)
class Rounds:
    """What rounds gave."""

    runs: list[EngineRun]
    quiet: list[Quiet]
    failures: list[str]
    """Runs without figures: round, engine and why."""


@contextmanager
def broker(options: BenchOptions, cache_home: str | None) -> Iterator[str]:
    """Yield the address of the broker asked for, or of one of our own."""
    if options.bootstrap is not None:
        yield options.bootstrap
        return
    libs = prepare(default_cache(cache_home, Path.home()))
    with tempfile.TemporaryDirectory(prefix="refund-bench-") as folder:
        sizes = ClusterOptions(heap_mb=HEAP_MB, collector="z")
        with LocalCluster(libs, Path(folder), sizes) as cluster:
            yield cluster.bootstrap_servers


def warm_up(place: Place, options: BenchOptions) -> None:
    """Let the broker's code be compiled by runs that do not count.

    One of the bare loop and one of the engine that begins: after the bare loop alone the
    first run had a p99 several times that of the next ones. At all rates, as the code
    for many small requests is not that for a few large ones.
    """
    place.report("warming the broker up")
    if options.bootstrap is None and not broker_gc.collect():
        place.report("no jcmd: the broker may collect garbage within a run")
    few = replace(
        options,
        records=min(options.records, _WARM_UP_RECORDS),
        seconds=_WARM_UP_TIMES * options.seconds,
        lateness_max_ms=sys.maxsize,
        search_s=0,
        restart_s=0,
    )
    for name in dict.fromkeys(("aiokafka", options.engines[0])):
        run(name, 0, place, few)


def missing(found: Rounds, options: BenchOptions) -> dict[int, list[str]]:
    """Return the engines that have no run yet, by round, in the order of their turns.

    A round starts with another engine each time.
    """
    done = {(one.round, one.engine) for one in found.runs}
    left = {}
    for number in range(1, options.rounds + 1):
        shift = (number - 1) % len(options.engines)
        turns = options.engines[shift:] + options.engines[:shift]
        names = [name for name in turns if (number, name) not in done]
        if names:
            left[number] = names
    return left


def rounds(
    place: Place, options: BenchOptions, found: Rounds, save: Callable[[], None]
) -> None:
    """Add to ``found`` what is missing in it, calling ``save`` after every engine.

    An engine that fails is reported, and the others go on: a long run is worth its
    other figures.
    """
    for number, names in missing(found, options).items():
        if number not in {one.round for one in found.quiet}:
            with _failing(f"round {number}, the broker alone", found, place):
                found.quiet.append(listen(number, place, options))
        for name in names:
            if options.bootstrap is None:
                _let_step_back(place)
            with _failing(f"round {number}, {name}", found, place):
                one = run(name, number, place, options)
                found.runs.append(one)
                place.report(_line(one, options))
            save()


def _let_step_back(place: Place) -> None:
    """Do it while there is no engine, whose own compiler runs as it likes."""
    if not procfs.step_back(os.getpid(), _BESIDE):
        place.report("the broker's compiler and collector compete with the engine")


@contextmanager
def _failing(what: str, found: Rounds, place: Place) -> Iterator[None]:
    try:
        yield
    except BenchError as problem:
        found.failures.append(f"{what}: {problem}")
        place.report(f"FAILED: {found.failures[-1]}")


def listen(number: int, place: Place, options: BenchOptions) -> Quiet:
    """Measure the machine and the broker without any engine."""
    few = replace(options, seconds=min(options.seconds, _FLOOR_S), warm_up_s=1)
    with prepared(FLOOR, place, few) as (one, site):
        floors = []
        first = 0
        for rate in few.rates:
            probe = Probe(rate, few.seconds, few.warm_up_s, first, PATIENCE_S)
            broker_gc.collect()
            floors.append(latency.measure(one, site, probe))
            first += probe.count
        return Quiet(number, floors)


def _line(one: EngineRun, options: BenchOptions) -> str:
    kind = ENGINE_TABLE[one.engine]
    times = ", ".join(_times(found) for found in one.latencies)
    return (
        f"round {one.round}/{options.rounds} {kind.label} ({kind.work}): "
        f"{one.throughput.records_per_s:,.0f}/s, {times}"
    )


def _times(found: Latency) -> str:
    if found.refused:
        return f"{found.rate:,}/s: refused, the generator was {found.lateness_ms:.1f} ms late"
    if found.p50_ms is None or found.p99_ms is None:
        return f"{found.rate:,}/s: not kept"
    return f"{found.rate:,}/s: p50 {found.p50_ms:.2f} p99 {found.p99_ms:.2f} ms"
