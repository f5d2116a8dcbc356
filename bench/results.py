"""Runs to figures: the median of the rounds with the least and the most."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from statistics import median
from typing import Any, Final

from bench.latency import Latency
from bench.options import Options
from bench.running import Quiet, Run
from bench.throughput import Throughput

YARDSTICK: Final = "faust"
"""The engine that ratios are against."""


@dataclass(frozen=True, slots=True)
class Results:
    """All a run of the bench gave; goes to JSON and back."""

    machine: dict[str, str]
    options: Options
    runs: list[Run]
    quiet: list[Quiet]

    def of(self, engine: str) -> list[Run]:
        """Return the runs of one engine."""
        return [one for one in self.runs if one.engine == engine]

    def to_json(self) -> dict[str, Any]:
        """Return plain values."""
        return asdict(self)


def from_json(found: dict[str, Any]) -> Results:
    """Read what :meth:`Results.to_json` gave."""
    options = Options(
        **found["options"] | {"engines": tuple(found["options"]["engines"])}
    )
    runs = [
        Run(
            **one
            | {
                "throughput": Throughput(**one["throughput"]),
                "latency": Latency(**one["latency"]),
            }
        )
        for one in found["runs"]
    ]
    quiet = [
        Quiet(**one | {"floor": Latency(**one["floor"])}) for one in found["quiet"]
    ]
    return Results(found["machine"], options, runs, quiet)


@dataclass(frozen=True, slots=True)
class Column:
    """One figure of the table."""

    title: str
    value: Callable[[Run], float | None]
    digits: int

    def cell(self, runs: Sequence[Run]) -> str:
        """Return the median, and ``(least-most)`` on a second line.

        Refused figures are left out, and the number of the others is given.
        """
        text = spread([self.value(one) for one in runs], self.digits)
        return text.replace(" (", "\n(").replace(", ", "\n")


COLUMNS: Final = (
    Column("records/s", lambda one: one.throughput.records_per_s, 0),
    Column("CPU s\n/million", lambda one: one.throughput.cpu_s_per_million, 1),
    Column("p50 ms", lambda one: one.latency.p50_ms, 2),
    Column("p99 ms", lambda one: one.latency.p99_ms, 1),
    Column("p99.9 ms", lambda one: one.latency.p999_ms, 1),
    Column("memory\nMiB", lambda one: one.peak_mib, 0),
    Column("start\ns", lambda one: one.throughput.start_s, 1),
)
_QUIET_CORES: Final = 0.1
RATIO_TITLE: Final = "times\nFaust"
TITLES: Final = (
    "engine",
    "work",
    COLUMNS[0].title,
    RATIO_TITLE,
    *(column.title for column in COLUMNS[1:]),
    "approved",
)


def spread(values: Sequence[float | None], digits: int) -> str:
    """Return median and, of several values, the least and the most."""
    known = [value for value in values if value is not None]
    if not known:
        return "refused"
    low, middle, high = (
        f"{value:,.{digits}f}" for value in (min(known), median(known), max(known))
    )
    text = middle if len(known) == 1 else f"{middle} ({low}-{high})"
    return (
        text if len(known) == len(values) else f"{text}, {len(known)} of {len(values)}"
    )


def rows(results: Results) -> list[tuple[str, ...]]:
    """Return one row of cells per engine, under :data:`TITLES`."""
    found = []
    base = _speed(results.of(YARDSTICK))
    for name in results.options.engines:
        runs = results.of(name)
        speed = _speed(runs)
        cells = [column.cell(runs) for column in COLUMNS]
        ratio = f"{speed / base:.1f}" if base and speed else "-"
        share = min(one.approved_share for one in runs)
        found.append(
            (runs[0].label, runs[0].work, cells[0], ratio, *cells[1:], f"{share:.1%}")
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


def _speed(runs: Sequence[Run]) -> float | None:
    return median(one.throughput.records_per_s for one in runs) if runs else None


def remarks(results: Results) -> list[str]:
    """Return what must be known to read the table, one sentence each."""
    options, quiet = results.options, results.quiet
    late = [one.latency.lateness_ms for one in results.runs]
    refused = sum(one.latency.p99_ms is None for one in results.runs)
    orders = max(one.orders for one in results.runs)
    few = min(one.throughput.samples for one in results.runs)
    return [
        (
            f"Median (least-most) of {options.rounds} rounds, engines interleaved; "
            f"{options.partitions} partitions, {orders:,} orders, {options.buyers:,} buyers."
        ),
        (
            f"Throughput: {options.records:,} requests ({options.records_of(YARDSTICK):,} for "
            f"plain Faust), at least {few} looks between 10 % and 90 % of a run."
        ),
        (
            f"Latency: {options.rate:,} requests a second for {options.seconds} s, from the "
            f"intended send time; the generator's own lateness, 99.9 % of records: "
            f"{spread(late, 1)} ms, {options.lateness_max_ms} ms allowed, {refused} runs refused."
        ),
        (
            "Broker alone, generator to receiver: "
            f"p50 {spread([one.floor.p50_ms for one in quiet], 2)}, "
            f"p99 {spread([one.floor.p99_ms for one in quiet], 1)}, "
            f"p99.9 {spread([one.floor.p999_ms for one in quiet], 1)} ms."
        ),
        _others(results),
    ]
