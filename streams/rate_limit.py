"""Warnings that may come thousands of times a second, as one log line a minute.

The first event of a kind is logged at once. What follows within a minute is counted,
and told in one line when the minute is over: how many of each reason, and where the
first of them lies. Places are topic, partition and offset; ids of people and orders
have no place here.
"""

import logging
from collections import Counter
from collections.abc import Callable
from typing import Final

import msgspec

INTERVAL_MS: Final = 60_000
"""Between two lines of one kind, ms."""

Place = tuple[str, int, int]
"""Topic, partition and offset of a record."""


class Kind(msgspec.Struct, frozen=True):
    """A kind of event that has log lines of its own."""

    event: str
    """Name for machines: the field ``event`` of a JSON line."""
    text: str
    """What happened, for people: a sentence without its end."""
    level: int = logging.WARNING


class _Gathered(msgspec.Struct):
    """Events of one kind that no line has told yet."""

    since_ms: int
    """When the line before was written, or the first event came."""
    reasons: Counter[str] = msgspec.field(default_factory=Counter)
    example: tuple[str, Place | None] | None = None
    """Reason and place of the first of them."""


class RateLimitedLog:
    """Writes one line a kind at once, and at most one a minute from then on.

    Parameters
    ----------
    log
        Where the lines go.
    clock_ms
        Monotonic ms.
    interval_ms
        Between two lines of one kind.
    """

    def __init__(
        self,
        log: logging.Logger,
        clock_ms: Callable[[], int],
        interval_ms: int = INTERVAL_MS,
    ) -> None:
        self._log = log
        self._clock_ms = clock_ms
        self._interval_ms = interval_ms
        self._gathered: dict[Kind, _Gathered] = {}

    def note(
        self, kind: Kind, reason: str, place: Place | None = None, count: int = 1
    ) -> None:
        """Take note of events; the first of a kind is logged now.

        Parameters
        ----------
        reason
            Of a closed list: it is counted by it.
        place
            Where one of these records lies.
        count
            How many there were, for callers that count a slice at a time.
        """
        gathered = self._gathered.get(kind)
        first = gathered is None
        if gathered is None:
            gathered = self._gathered[kind] = _Gathered(self._clock_ms())
        gathered.reasons[reason] += count
        if gathered.example is None:
            gathered.example = reason, place
        if first:
            self._tell(kind, gathered, 0)

    def tick(self) -> None:
        """Write the lines that are due; call it about once a second."""
        now_ms = self._clock_ms()
        for kind, gathered in list(self._gathered.items()):
            span_ms = now_ms - gathered.since_ms
            if span_ms >= self._interval_ms:
                self._close(kind, gathered, span_ms)

    def flush(self) -> None:
        """Write what no line has told yet; call it at the end."""
        now_ms = self._clock_ms()
        for kind, gathered in list(self._gathered.items()):
            self._close(kind, gathered, now_ms - gathered.since_ms)
            self._gathered.pop(kind, None)

    def _close(self, kind: Kind, gathered: _Gathered, span_ms: int) -> None:
        """Tell what gathered; after a minute without events the kind is forgotten."""
        if gathered.example is None:
            del self._gathered[kind]
        else:
            self._tell(kind, gathered, span_ms)
            gathered.since_ms += span_ms

    def _tell(self, kind: Kind, gathered: _Gathered, span_ms: int) -> None:
        reasons, example = gathered.reasons, gathered.example
        if example is None:  # pragma: no cover - callers have one
            return
        reason, place = example
        total = reasons.total()
        counts = ", ".join(f"{name} {count}" for name, count in reasons.most_common())
        span = f" within {span_ms // 1000} s" if span_ms else ""
        where = "" if place is None else f"; for example {reason} at {_named(place)}"
        fields: dict[str, object] = {
            "event": kind.event,
            "count": total,
            "reasons": dict(reasons),
            "span_ms": span_ms,
        }
        if place is not None:
            fields |= {
                "reason": reason,
                "topic": place[0],
                "partition": place[1],
                "offset": place[2],
            }
        self._log.log(
            kind.level,
            "%s: %d%s (%s)%s",
            kind.text,
            total,
            span,
            counts,
            where,
            extra=fields,
        )
        gathered.reasons = Counter()
        gathered.example = None


def _named(place: Place) -> str:
    topic, partition, offset = place
    return f"{topic}/{partition}@{offset}"
