"""Notes under the tables: what a reader must know."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Final

from bench.engine_table import ENGINE_TABLE
from bench.results import Results, Table, spread
from bench.running import EngineRun

_QUIET_CORES: Final = 0.1


def notes(results: Results) -> list[str]:
    """Return one sentence or two a line."""
    options = results.options
    begun = len({one.round for one in results.runs})
    asked = "" if begun == options.rounds else f" ({options.rounds} were asked for)"
    found = [
        (
            f"Median (least-most) of {begun} rounds{asked}, engines interleaved; "
            f"{options.partitions} partitions, {options.orders_known:,} orders, "
            f"{options.buyers:,} buyers."
        ),
        _throughput(results),
        _latency(results),
        *_floors(results),
        _others(results),
    ]
    found += [f"FAILED: {' '.join(one.split())}" for one in results.all_failures()]
    found += [
        f"LEFT OUT: {ENGINE_TABLE[name].label} ({ENGINE_TABLE[name].work}): {why}"
        for name, why in results.left_out.items()
    ]
    return found


def _throughput(results: Results) -> str:
    options = results.options
    few = min((one.throughput.samples for one in results.runs), default=0)
    fewer = {
        f"{ENGINE_TABLE[name].label}: {options.records // ENGINE_TABLE[name].share:,}"
        for name in options.engines
        if ENGINE_TABLE[name].share > 1
    }
    exceptions = f" ({'; '.join(sorted(fewer))})" if fewer else ""
    return (
        f"Throughput: {options.records:,} requests{exceptions}, at least {few} looks that "
        "saw more outputs between 10 % and 90 % of them."
    )


def _latency(results: Results) -> str:
    options = results.options
    delays = [one for run in results.runs for one in run.latencies]
    late = [one.lateness_ms for one in delays if one.lateness_ms is not None]
    refused = sum(one.refused for one in delays)
    return (
        f"Latency: {options.seconds} s at each rate, from the intended send time; the "
        f"generator's own lateness, 99.9 % of records: {spread(late, 1)} ms, "
        f"{options.lateness_max_ms} ms allowed, {refused} runs refused. `not kept`: more "
        "than a second behind at the end."
    )


def _floors(results: Results) -> list[str]:
    found = []
    for number, rate in enumerate(results.options.rates):
        floors = [one.floors[number] for one in results.quiet]
        found.append(
            f"Broker alone at {rate:,}/s, generator to receiver: "
            f"p50 {spread([one.p50_ms for one in floors], 2)}, "
            f"p99 {spread([one.p99_ms for one in floors], 1)}, "
            f"p99.9 {spread([one.p999_ms for one in floors], 1)} ms."
        )
    return found


def _others(results: Results) -> str:
    """Say how much of the machine others took: what they take, they also slow down."""
    cores = [one.other_cores for one in results.runs if one.other_cores is not None]
    if not cores:
        return "The broker is not ours, so the load of others is not known."
    text = f"Others took {spread(cores, 2)} cores meanwhile."
    if median(cores) > _QUIET_CORES:
        text += " THE MACHINE WAS NOT QUIET: time and CPU figures are too high."
    return text


def _rate(run: EngineRun) -> float | None:
    return run.throughput.records_per_s


def _per_cpu_s(run: EngineRun) -> float | None:
    return 1 / run.throughput.cpu_s_per_million


def _p50(run: EngineRun) -> float | None:
    return run.latencies[0].p50_ms


@dataclass(frozen=True, slots=True)
class _Comparison:
    title: str
    ours: str
    other: str
    value: Callable[[EngineRun], float | None]


_COMPARISONS: Final = (
    _Comparison("records/s", "ours-small", "aiokafka", _rate),
    _Comparison("records/s", "ours-small", "faust", _rate),
    _Comparison("records/s", "ours-small", "kstreams", _rate),
    _Comparison("records per CPU second", "ours-small", "kstreams", _per_cpu_s),
    _Comparison("records/s", "ours-small-per-core", "kstreams", _rate),
    _Comparison(
        "records per CPU second", "ours-small-per-core", "kstreams", _per_cpu_s
    ),
    _Comparison("records/s", "ours", "kstreams-full", _rate),
    _Comparison("records per CPU second", "ours", "kstreams-full", _per_cpu_s),
    _Comparison("records/s", "ours-per-core", "kstreams-full", _rate),
    _Comparison("records per CPU second", "ours-per-core", "kstreams-full", _per_cpu_s),
    _Comparison("p50 at the lowest rate", "ours", "ours-small", _p50),
    _Comparison("p50 at the lowest rate", "ours", "kstreams-full", _p50),
)


def ratio_table(results: Results) -> Table:
    """Return how engines compare: the ratio of each round, then their median."""
    rows = []
    for one in _COMPARISONS:
        found = _ratios(results.of(one.ours), results.of(one.other), one.value)
        if found:
            named = [
                f"{ENGINE_TABLE[name].label} ({ENGINE_TABLE[name].work})"
                for name in (one.ours, one.other)
            ]
            rows.append((one.title, " : ".join(named), spread(found, 2)))
    return Table("Ratios within one round", ("figure", "engines", "ratio"), rows)


def _ratios(
    ours: Sequence[EngineRun],
    others: Sequence[EngineRun],
    value: Callable[[EngineRun], float | None],
) -> list[float]:
    by_round = {one.round: value(one) for one in others}
    found = []
    for one in ours:
        own, other = value(one), by_round.get(one.round)
        if own is not None and other is not None:
            found.append(own / other)
    return found
