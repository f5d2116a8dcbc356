"""Runs to figures: the median of the rounds with the least and the most."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, field
from statistics import median
from typing import Any

import msgspec

from bench.engine_table import ENGINE_TABLE
from bench.latency import Latency
from bench.options import BenchOptions
from bench.rounds import Quiet, Rounds
from bench.running import EngineRun


@dataclass(frozen=True, slots=True)
class Results:
    """All a run of the bench gave; goes to JSON and back."""

    machine: dict[str, str]
    options: BenchOptions
    runs: list[EngineRun]
    quiet: list[Quiet]
    varied: dict[str, Rounds] = field(default_factory=dict)
    """What was measured under other conditions, by their name."""
    failures: list[str] = field(default_factory=list)
    """Runs without figures: round, engine and why; those under other conditions are
    with their rounds."""
    left_out: dict[str, str] = field(default_factory=dict)
    """Engines that could not run here, and why."""

    def of(self, engine: str) -> list[EngineRun]:
        """Return the runs of one engine."""
        return [one for one in self.runs if one.engine == engine]

    def of_all(self) -> dict[str, Rounds]:
        """Return all rounds by their condition; the main ones have none (``""``).

        They share their lists with the results: what is added there is added here.
        """
        return {"": Rounds(self.runs, self.quiet, self.failures), **self.varied}

    def all_failures(self) -> list[str]:
        """Return them with their condition."""
        return [
            f"{condition}: {one}" if condition else one
            for condition, found in self.of_all().items()
            for one in found.failures
        ]

    def to_json(self) -> dict[str, Any]:
        """Return plain values."""
        return asdict(self)


def from_json(found: dict[str, Any]) -> Results:
    """Read what :meth:`Results.to_json` gave."""
    return msgspec.convert(found, Results)


def spread(values: Sequence[float | None], digits: int) -> str:
    """Return median and, of several values, the least and the most."""
    known = [value for value in values if value is not None]
    if not known:
        return "-"
    low, middle, high = (
        f"{value:,.{digits}f}" for value in (min(known), median(known), max(known))
    )
    text = middle if len(known) == 1 else f"{middle} ({low}-{high})"
    return (
        text if len(known) == len(values) else f"{text}, {len(known)} of {len(values)}"
    )


def _cell(values: Iterable[float | None], digits: int) -> str:
    """Return a spread on several lines."""
    return spread(list(values), digits).replace(" (", "\n(").replace(", ", "\n")


@dataclass(frozen=True, slots=True)
class Table:
    """One table: its first columns are text, the others numbers."""

    title: str
    head: tuple[str, ...]
    rows: Sequence[tuple[str, ...]]
    texts: int = 2


@dataclass(frozen=True, slots=True)
class Column:
    """One figure of the first table."""

    title: str
    value: Callable[[EngineRun], float | None]
    digits: int


COLUMNS = (
    Column("records/s", lambda one: one.throughput.records_per_s, 0),
    Column("CPU s\n/million", lambda one: one.throughput.cpu_s_per_million, 1),
    Column("memory\nMiB", lambda one: one.peak_mib, 0),
    Column("start\ns", lambda one: one.throughput.start_s, 1),
)
YARDSTICK = "faust"
"""The engine that ratios are against."""


def work_table(results: Results) -> Table:
    """Return throughput, cost, memory, start and restart, a row an engine."""
    titles = [column.title for column in COLUMNS]
    facts = f"start with\n{results.options.start_facts:,} facts, s"
    head = ("engine", "work", titles[0], "times\nFaust", *titles[1:], facts)
    base = speed(results.of(YARDSTICK))
    rows = [
        (
            ENGINE_TABLE[name].label,
            ENGINE_TABLE[name].work,
            *_work_cells(results.of(name), base),
        )
        for name in results.options.engines
    ]
    return Table("Throughput and cost", (*head, "pause of a\nrestart, s"), rows)


def _work_cells(runs: Sequence[EngineRun], base_per_s: float | None) -> list[str]:
    own = speed(runs)
    ratio = f"{own / base_per_s:.1f}" if base_per_s and own else "-"
    first, *others = (
        _cell([column.value(one) for one in runs], column.digits) for column in COLUMNS
    )
    starts = _cell([one.start_facts_s for one in runs], 1)
    return [first, ratio, *others, starts, _pauses(runs)]


def _pauses(runs: Sequence[EngineRun]) -> str:
    found = [one.restart for one in runs if one.restart is not None]
    if not found:
        return "-"
    text = _cell([one.longest_s for one in found], 2)
    missing = max(one.missing for one in found)
    repeats = max(one.repeats for one in found)
    text += f"\n{missing:,} LOST" if missing else ""
    return text + (f"\n{repeats:,} again" if repeats else "")


def latency_table(results: Results) -> Table:
    """Return latency at the stated rates, and the highest rate under the bound."""
    options = results.options
    head = ["engine", "work"]
    for rate in options.rates:
        head += [f"{name} ms\nat {rate:,}/s" for name in ("p50", "p99", "p99.9")]
    head += [f"highest rate/s\nwith p99 < {options.search_p99_ms} ms", "approved"]
    rows = []
    for name in options.engines:
        runs = results.of(name)
        cells = [ENGINE_TABLE[name].label, ENGINE_TABLE[name].work]
        for number in range(len(options.rates)):
            cells += _delays([one.latencies[number] for one in runs])
        rows.append((*cells, _tops(runs), _approved(runs)))
    return Table("Latency", tuple(head), rows)


def _delays(found: Sequence[Latency]) -> list[str]:
    if not found:
        return ["no run"] * 3
    if not any(one.kept for one in found):
        return ["not kept"] * 3
    if all(one.refused or not one.kept for one in found):
        return ["refused"] * 3
    values = (
        ([one.p50_ms for one in found], 2),
        ([one.p99_ms for one in found], 1),
        ([one.p999_ms for one in found], 1),
    )
    return [_cell(*pair) for pair in values]


def _tops(runs: Sequence[EngineRun]) -> str:
    found = [one.highest for one in runs if one.highest is not None]
    if not found:
        return "-"
    at_least = "≥ " if any(one.bounded_by_generator for one in found) else ""
    return at_least + _cell([one.rate for one in found], 0)


def _approved(runs: Sequence[EngineRun]) -> str:
    shares = [
        found.approved_share
        for one in runs
        for found in one.latencies
        if found.approved_share is not None
    ]
    return f"{min(shares):.1%}" if shares else "-"


def varied_table(results: Results) -> Table | None:
    """Return throughput and latency under other conditions; None = not measured."""
    if not any(found.runs or found.failures for found in results.varied.values()):
        return None
    rate = results.options.rates[0]
    rows = []
    for condition, found in results.varied.items():
        runs = found.runs
        if not runs and not found.failures:
            continue  # not its turn yet
        floors = _delays([one.floors[0] for one in found.quiet])
        rows.append((condition, "broker alone", "-", "-", "-", *floors))
        for name in dict.fromkeys(one.engine for one in runs):
            own = [one for one in runs if one.engine == name]
            cells = [
                _cell([column.value(one) for one in own], column.digits)
                for column in COLUMNS[:3]
            ]
            delays = _delays([one.latencies[0] for one in own])
            label = f"{ENGINE_TABLE[name].label} ({ENGINE_TABLE[name].work})"
            rows.append((condition, label, *cells, *delays))
    head = ["condition", "engine", *(column.title for column in COLUMNS[:3])]
    head += [f"{name} ms\nat {rate:,}/s" for name in ("p50", "p99", "p99.9")]
    return Table("Under other conditions", tuple(head), rows)


def tables(results: Results) -> list[Table]:
    """Return all tables there are."""
    found = [work_table(results), latency_table(results)]
    varied = varied_table(results)
    return found if varied is None else [*found, varied]


def speed(runs: Sequence[EngineRun]) -> float | None:
    """Return the median of records per second."""
    return median(one.throughput.records_per_s for one in runs) if runs else None
