"""Decide when records are due: as recorded, at a constant rate, or at random (Poisson)."""

from random import Random
from typing import Final, Protocol

import msgspec

NS_PER_S: Final = 1_000_000_000
NS_PER_MS: Final = 1_000_000


class Pace(Protocol):
    """Gives the due times of records; called in record order."""

    def request(self, at_ms: int) -> int:
        """Return when a request recorded at ``at_ms`` is due, ns from the start."""
        ...

    def fact(self, at_ms: int) -> int:
        """Return when a fact is due, never before the record before it."""
        ...


class Recorded:
    """The recorded gaps, divided by a speed."""

    def __init__(self, first_ms: int, speed: float) -> None:
        self._first_ms, self._speed = first_ms, speed

    def request(self, at_ms: int) -> int:
        """Return its distance from the first request, divided by the speed."""
        return int((at_ms - self._first_ms) * NS_PER_MS / self._speed)

    fact = request


class Constant:
    """A constant request rate; facts directly follow the request before them."""

    def __init__(self, rate: float) -> None:
        self._rate, self._count, self._due_ns = rate, 0, 0

    def request(self, at_ms: int) -> int:
        """Return the next moment of the grid; it is never a sum of rounded gaps."""
        del at_ms
        self._due_ns = int(self._count * NS_PER_S / self._rate)
        self._count += 1
        return self._due_ns

    def fact(self, at_ms: int) -> int:
        """Return the moment of the last request."""
        del at_ms
        return self._due_ns


class Poisson:
    """Independent requests: exponential gaps from a seed."""

    def __init__(self, rate: float, seed: int) -> None:
        self._rate, self._due_s = rate, 0.0
        self._random = Random(seed)  # noqa: S311 - gaps, no secret

    def request(self, at_ms: int) -> int:
        """Return the moment after one more exponential gap."""
        del at_ms
        self._due_s += self._random.expovariate(self._rate)
        return int(self._due_s * NS_PER_S)

    def fact(self, at_ms: int) -> int:
        """Return the moment of the last request."""
        del at_ms
        return int(self._due_s * NS_PER_S)


class PaceOptions(msgspec.Struct, frozen=True):
    """The options of a pace; plain data, so that it can be sent to another process."""

    kind: str
    """``recorded``, ``constant`` or ``poisson``."""
    speed: float = 1.0
    rate: float = 0.0
    """Requests per second."""
    seed: int = 0

    def build(self, first_ms: int) -> Pace:
        """Return a new pace for records that begin at ``first_ms``."""
        if self.kind == "constant":
            return Constant(self.rate)
        if self.kind == "poisson":
            return Poisson(self.rate, self.seed)
        return Recorded(first_ms, self.speed)

    @property
    def words(self) -> str:
        """In words."""
        if self.kind == "recorded":
            return f"recorded gaps at {self.speed:g}x"
        return f"{self.kind} rate of {self.rate:g}/s"
