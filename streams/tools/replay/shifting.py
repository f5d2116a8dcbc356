"""Shift the times inside records to the time of a replay; every other byte stays.

A time is an integer under a key that ends in ``_ms``. In a policy most of those are
durations, so only ``effective_from_ms`` and the moments of a publication or a pause are
shifted there. Inside a JSON string a quotation mark is escaped, so text that looks like
such a key is one.
"""

import re
from collections.abc import Callable
from typing import Final, Protocol

from streams.processing.topics import POLICIES
from streams.tools.drive.pacing import NS_PER_MS

_TIME: Final = re.compile(rb'("[A-Za-z0-9_]*_ms"\s*:\s*)(-?[0-9]+)(?=\s*[,}\]])')
_IN_FORCE: Final = re.compile(
    rb'("(?:effective_from|published_at|from|until)_ms"\s*:\s*)(-?[0-9]+)(?=\s*[,}\]])'
)
_DIGITS_MAX: Final = 18


def move(name: str, value: bytes, moved: Callable[[int], int]) -> bytes:
    """Shift the times inside a record of a topic (without prefix), never below 0."""

    def new(found: re.Match[bytes]) -> bytes:
        digits = found[2]
        if len(digits) > _DIGITS_MAX:  # no time; it stays unchanged
            return found[0]
        return found[1] + b"%d" % max(0, moved(int(digits)))

    pattern = _IN_FORCE if name == POLICIES.name else _TIME
    return pattern.sub(new, value)


class Clock(Protocol):
    """How the times of one record are shifted."""

    def moved(self, at_ms: int, due_ns: int) -> Callable[[int], int]:
        """Return the mapping of times for a record captured at ``at_ms`` and due at ``due_ns``."""
        ...


class OneClock:
    """For recorded gaps: one clock for the whole capture.

    Before the first request and after the last record, times keep their distances; in
    between they run ``speed`` times as fast, like the records. So the order of times
    stays the same across records.
    """

    def __init__(
        self, first_ms: int, last_ms: int, start_ms: int, speed: float
    ) -> None:
        self._first_ms, self._last_ms = first_ms, last_ms
        self._start_ms, self._speed = start_ms, speed
        self._end_ms = start_ms + int((last_ms - first_ms) / speed)

    def moved(self, at_ms: int, due_ns: int) -> Callable[[int], int]:
        """Return the common mapping."""
        del at_ms, due_ns
        return self._map

    def _map(self, at_ms: int) -> int:
        if at_ms <= self._first_ms:
            return self._start_ms + at_ms - self._first_ms
        if at_ms >= self._last_ms:
            return self._end_ms + at_ms - self._last_ms
        return self._start_ms + int((at_ms - self._first_ms) / self._speed)


class OwnClocks:
    """For other rates: each record is shifted by its own distance.

    Times in a record keep their distance to the moment at which it is sent.
    """

    def __init__(self, start_ms: int) -> None:
        self._start_ms = start_ms

    def moved(self, at_ms: int, due_ns: int) -> Callable[[int], int]:
        """Return the mapping of one record."""
        distance_ms = self._start_ms + due_ns // NS_PER_MS - at_ms
        return lambda time_ms: time_ms + distance_ms
