"""What a run may be asked for, and what follows from it."""

from dataclasses import dataclass
from typing import Final

ENGINES: Final = ("ours", "faust", "aiokafka")

LATENESS_QUANTILE: Final = 0.999
"""Of the records of a latency run, the share that must have been sent in time."""


class BenchError(Exception):
    """A run that gives no figures: one line says why."""


@dataclass(frozen=True, slots=True)
class Options:
    """One run."""

    engines: tuple[str, ...] = ENGINES
    rounds: int = 3
    records: int = 200_000
    """Requests of a throughput run; plain Faust gets a part of them, see below."""
    faust_share: int = 5
    """Plain Faust gets one record in so many, or its run would take most of the time."""
    orders: int = 100_000
    """Orders loaded at least; one per request in any case."""
    buyers: int = 40_000
    partitions: int = 4
    rate: int = 1_000
    """Requests per second of a latency run."""
    seconds: int = 20
    """Length of a latency run, without its warm-up."""
    warm_up_s: int = 3
    """Latency run not counted, at the same rate."""
    lateness_max_ms: int = 10
    """A latency run is refused when the generator was later than this with more than
    one record in a thousand: then it measured the generator."""
    bootstrap: str | None = None
    """``HOST:PORT``; None = a broker of our own."""

    @property
    def latency_records(self) -> int:
        """Requests of a latency run, its warm-up included."""
        return self.rate * (self.seconds + self.warm_up_s)

    @property
    def orders_loaded(self) -> int:
        """One order per request: a second refund of an order goes to a person."""
        return max(self.orders, self.records + self.latency_records)

    def records_of(self, engine: str) -> int:
        """Return the requests of this engine's throughput run."""
        return self.records // self.faust_share if engine == "faust" else self.records
