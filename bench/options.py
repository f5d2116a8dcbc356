"""What a run may be asked for, and what follows from it."""

from dataclasses import dataclass, replace
from typing import Final

from bench.world import SPARE_ORDERS, WorldSize

COMPRESSIONS: Final = ("none", "lz4", "zstd")

LATENESS_QUANTILE: Final = 0.999
"""Of the records of a latency run, the share that must have been sent in time."""

_REQUEST_BYTES: Final = 420
"""About; what a request has without padding."""


class BenchError(Exception):
    """A run that gives no figures: one line says why."""


class UsageError(BenchError):
    """What was asked for cannot be: nothing was begun."""


@dataclass(frozen=True, slots=True)
class BenchOptions:
    """One run."""

    engines: tuple[str, ...] = ()
    rounds: int = 5
    records: int = 200_000
    """Requests of a throughput run; slow engines get a part of them."""
    orders: int = 100_000
    """Orders loaded at least; one per request in any case."""
    buyers: int = 40_000
    partitions: int = 4
    rates: tuple[int, ...] = (1_000, 10_000)
    """Requests per second of the latency runs, ascending."""
    seconds: int = 15
    """Length of a latency run, without its warm-up."""
    warm_up_s: int = 3
    """Latency run not counted, at the same rate."""
    warm_up: int = 100
    """Percent of the usual requests for warming an engine up before its throughput."""
    lateness_max_ms: int = 10
    """A latency run is refused when the generator was later than this with more than
    one record in a thousand: then it measured the generator."""
    search_s: int = 4
    """Length of each try for the highest rate; 0 = not looked for."""
    search_p99_ms: int = 20
    """The highest rate is the one at which p99 is still below this."""
    restart_s: int = 6
    """Length of the run in which the engine is restarted; 0 = not restarted."""
    start_facts: int = 1_000_000
    """Orders of the run that measures start-up, for engines that load them; 0 = none."""
    skew: int = 0
    """Percent of requests that go to partition 0; 0 = evenly."""
    record_bytes: int = 0
    """Size that requests are padded to; 0 = as they are."""
    compression: str = "none"
    """Of topics and of what the bench itself writes."""
    bootstrap: str | None = None
    """``HOST:PORT``; None = a broker of our own."""

    @property
    def latency_records(self) -> int:
        """Requests of all latency runs at stated rates, warm-ups included."""
        return sum(self.rates) * (self.seconds + self.warm_up_s)

    @property
    def orders_loaded(self) -> int:
        """One order per request: a second refund of an order goes to a person."""
        needed = max(self.orders, self.records + self.latency_records)
        if self.skew:  # one partition must have orders for its share of the requests
            needed = -(-needed * self.partitions * self.skew // 100)
        return needed

    @property
    def orders_known(self) -> int:
        """All orders, those for warming up included."""
        return self.orders_loaded + SPARE_ORDERS

    @property
    def world(self) -> WorldSize:
        """What the records of the run are made by."""
        return WorldSize(
            self.orders_loaded,
            self.buyers,
            self.partitions,
            self.skew,
            max(0, self.record_bytes - _REQUEST_BYTES),
        )


QUICK: Final = BenchOptions(
    rounds=1,
    records=20_000,
    orders=2_000,
    buyers=800,
    rates=(200,),
    seconds=1,
    warm_up_s=1,
    warm_up=1,
    lateness_max_ms=200,
    search_s=0,
    restart_s=2,
    start_facts=2_000,
)
"""Whether it all works, in a minute or so; no figure of it means anything."""

VARIED: Final = ("ours", "ours-small", "aiokafka", "kstreams-full")
"""Engines that are also measured under other conditions."""


def variations(options: BenchOptions) -> dict[str, BenchOptions]:
    """Return the other conditions by name: throughput and the lowest rate only.

    What they compare with, even partitions, are the main rounds.
    """
    base = replace(
        options,
        engines=tuple(name for name in options.engines if name in VARIED),
        rates=options.rates[:1],
        search_s=0,
        restart_s=0,
        start_facts=0,
    )
    return {
        "64 partitions": replace(base, partitions=64),
        "zstd": replace(base, compression="zstd"),
        "lz4": replace(base, compression="lz4"),
        "5 KB requests": replace(base, record_bytes=5_000),
        "70 % in one partition": replace(base, skew=70),
    }
