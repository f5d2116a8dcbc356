"""The rows that a load run sends."""

from collections.abc import Iterator

import msgspec

from streams.tools.drive.rows import TimedRow
from streams.tools.load.pace import Festival
from streams.tools.load.population import Population
from streams.tools.load.traffic import Traffic


class LoadRows(msgspec.Struct, frozen=True, kw_only=True):
    """Generates the rows of a run; plain data, evaluated in the sending process."""

    seed: int
    festival: Festival
    """Rate of all requests, follow-ups included."""
    gaps: str
    buyers: int
    shops: int
    orders: int
    """Orders that exist from the start; further ones are placed as needed."""
    partitions: int
    prefix: str

    def rows(self, start_ms: int) -> Iterator[TimedRow]:
        """Yield the initial facts, then every record at its moment."""
        people = Population(self.seed, self.buyers, self.shops, self.partitions)
        yield from people.rows(self.prefix, start_ms)
        traffic = Traffic(people, self.prefix, self.seed, start_ms)
        yield from traffic.before(self.orders)
        yield from traffic.rows(self.festival, self.gaps)
