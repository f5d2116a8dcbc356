"""One engine in one round: all that is measured on it."""

from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import Final

from bench import broker_gc, latency, restart, startup, throughput
from bench.engine_table import ENGINE_TABLE, EngineSite
from bench.engines import Engine
from bench.kafka import Ends
from bench.latency import Latency, Probe
from bench.options import BenchError, BenchOptions
from bench.restart import RestartPause
from bench.search import Highest, highest
from bench.setup import (
    Place,
    ends_of,
    fill,
    fresh,
    prepared,
    warming,
    write_requests,
)
from bench.throughput import Throughput, Watched
from bench.worker import EngineProcess, started
from bench.world import NumberedWorld
from testkit import procfs

PATIENCE_S: Final = 10.0
_SEARCH_PATIENCE_S: Final = 3.0
_CATCH_UP_S: Final = 180.0


@dataclass(frozen=True, slots=True)
class EngineRun:
    """One engine in one round."""

    engine: str
    round: int
    records: int
    orders: int
    """Loaded from topics, or put into the peers' dict."""
    throughput: Throughput
    latencies: list[Latency]
    """By rate, ascending."""
    highest: Highest | None
    """None = not looked for."""
    peak_mib: float
    restart: RestartPause | None
    """None = not restarted."""
    start_facts_s: float | None
    """From the start of the process to its first output with many facts to load; None =
    not measured, or it loads none."""
    other_cores: float | None
    """Cores that processes of others took meanwhile; None when the broker is one of
    them."""


def run(name: str, number: int, place: Place, options: BenchOptions) -> EngineRun:
    """Measure one engine once: all that the options ask for, on one process.

    Raises
    ------
    BenchError
        It failed, or not every request had exactly one output.
    """
    with ExitStack() as held:
        one, site = held.enter_context(prepared(name, place, options))
        _lay_out(one, site)
        held.enter_context(fresh(one, site))
        ends = held.enter_context(ends_of(one, site))
        ends.total()  # connected now: the first look must not take longer than a start
        others = procfs.Others()
        with started(one, site.folder / "engine.log") as worker:
            asked = _Asked(one, site, worker, ends)
            speed = asked.throughput()
            latencies = asked.at_rates(speed.records_per_s)
            top = asked.highest(speed.records_per_s)
            peak_mib = worker.peak_mib()
            other_cores = others.cores() if options.bootstrap is None else None
            pause = asked.restarted()
    return EngineRun(
        engine=name,
        round=number,
        records=one.records,
        orders=options.orders_loaded,
        throughput=speed,
        latencies=latencies,
        highest=top,
        peak_mib=peak_mib,
        restart=pause,
        start_facts_s=_start_with_facts(name, place, options),
        other_cores=other_cores,
    )


def _lay_out(one: Engine, site: EngineSite) -> None:
    """Write facts and requests, those for warming up first."""
    world = NumberedWorld(site.options.world)
    fill(one, world, site)
    write_requests(one, world, site, warming(one))
    write_requests(one, world, site, range(one.records))


def _start_with_facts(name: str, place: Place, options: BenchOptions) -> float | None:
    if ENGINE_TABLE[name].work != "full" or not options.start_facts:
        return None
    sizes = replace(options, orders=options.start_facts, records=1, rates=(), warm_up=0)
    with prepared(name, place, sizes) as (one, site):
        _lay_out(one, site)
        with fresh(one, site), ends_of(one, site) as ends:
            return startup.measure(one, ends, site.folder / "engine.log")


class _Asked:
    """What one running engine is asked, one thing after the other."""

    def __init__(
        self, one: Engine, site: EngineSite, worker: EngineProcess, ends: Ends
    ) -> None:
        self._one = one
        self._site = site
        self._worker = worker
        self._ends = ends
        self._next = one.records
        self._sent = one.warm_up + one.records

    def throughput(self) -> Throughput:
        """Watch it answer what is there already."""
        one, worker = self._one, self._worker
        return throughput.watch(
            Watched(self._ends, worker.cpu_s, worker.alive, one.warm_up, one.records)
        )

    def at_rates(self, able_per_s: float) -> list[Latency]:
        """Measure at each stated rate that throughput says it can keep."""
        options = self._site.options
        found = []
        for rate in options.rates:
            if rate > able_per_s:
                found.append(latency.unable(rate))
            else:
                broker_gc.collect()
                found.append(
                    self._measure(rate, options.seconds, options.warm_up_s, PATIENCE_S)
                )
        return found

    def highest(self, able_per_s: float) -> Highest | None:
        """Search for the highest rate under the bound."""
        options = self._site.options
        if not options.search_s:
            return None

        def probe(rate: int) -> Latency:
            return self._measure(rate, options.search_s, 1, _SEARCH_PATIENCE_S)

        return highest(probe, options.search_p99_ms, able_per_s)

    def restarted(self) -> RestartPause | None:
        """Restart it under load."""
        if not self._site.options.restart_s:
            return None
        load = restart.RestartLoad(restart.probe_of(self._site, self._next), self._ends)
        return restart.measure(self._one, self._site, load, self._worker.restart)

    def _measure(
        self, rate: int, seconds: int, warm_up_s: int, patience_s: float
    ) -> Latency:
        probe = Probe(rate, seconds, warm_up_s, self._next, patience_s)
        found = latency.measure(self._one, self._site, probe)
        self._next += probe.count
        self._sent += probe.count
        self._worker.alive()
        if self._ends.records() < self._sent:  # it is behind, or has lost some
            self._ends.settle(_CATCH_UP_S)
        if (total := self._ends.records()) != self._sent:
            raise BenchError(f"{total} outputs for {self._sent} requests")
        return found
