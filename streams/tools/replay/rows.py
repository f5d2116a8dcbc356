"""The rows of a replay: records of a capture with pace, shifted times and partitions."""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

import msgspec

from streams.errors import UsageError
from streams.families.fast_refund.topics import ORDERS
from streams.tools.capture.record import Captured
from streams.tools.capture.store import FACTS, REQUESTS, Capture
from streams.tools.drive.pacing import PaceOptions
from streams.tools.drive.rows import BEFORE_START, TimedRow
from streams.tools.replay.placing import AsRecorded, Owners, Placing, Rekeyed
from streams.tools.replay.shifting import Clock, OneClock, OwnClocks, move

INPUTS: Final = (*FACTS, REQUESTS)
"""Topics that are sent again: the worker writes the outputs."""


class Extent(msgspec.Struct, frozen=True):
    """The extent of the topics to send, from the manifest of a capture."""

    first_ms: int
    """Timestamp of the first request, UTC ms."""
    last_ms: int
    requests: int
    facts: int
    facts_before_max: int
    """Upper bound of the facts older than the first request, which are loaded at the
    start."""


def extent_of(capture: Capture, names: tuple[str, ...]) -> Extent:
    """Return when a capture begins and how long it is.

    Raises
    ------
    UsageError
        The capture holds no request.
    """
    requests = capture.parts((REQUESTS,))
    if not requests:
        raise UsageError([f"{capture.folder}: holds no request to send"])
    first_ms = min(part.first_ms for part in requests)
    facts = capture.parts([name for name in names if name != REQUESTS])
    return Extent(
        first_ms,
        max(part.last_ms for part in (*requests, *facts)),
        sum(part.records for part in requests),
        sum(part.records for part in facts),
        sum(part.records for part in facts if part.first_ms < first_ms),
    )


class CaptureRows(msgspec.Struct, frozen=True, kw_only=True):
    """Creates the rows of a replay; plain data, evaluated in the sending process."""

    folder: str
    names: tuple[str, ...]
    """Topics without prefix."""
    prefix: str
    """Prefix of the topics to write."""
    pace: PaceOptions
    extent: Extent
    times: str
    """``shift`` or ``frozen``."""
    partitions: int
    placing: str
    """``recorded`` or ``rekeyed``."""

    def rows(self, start_ms: int) -> Iterator[TimedRow]:
        """Yield the facts older than the first request, then everything at its moment."""
        pace = self.pace.build(self.extent.first_ms)
        before, clock = self._before(start_ms), self._clock(start_ms)
        capture = Capture(Path(self.folder))
        placing = self._placing(capture)
        at_ms, begun = 0, False
        for record in capture.records(self.names):
            name = capture.name(record.topic)
            at_ms = max(at_ms, record.timestamp)
            begun = begun or name == REQUESTS
            if not begun:
                yield from self._rows(name, record, placing, before, BEFORE_START)
            else:
                due_ns = (pace.request if name == REQUESTS else pace.fact)(at_ms)
                yield from self._rows(name, record, placing, clock, due_ns)

    def _rows(
        self,
        name: str,
        record: Captured,
        placing: Placing,
        clock: Clock | None,
        due_ns: int,
    ) -> Iterator[TimedRow]:
        timed = name == REQUESTS
        for partition, placed in placing.place(name, record):
            value = placed
            if clock is not None and placed:
                value = move(name, placed, clock.moved(record.timestamp, due_ns))
            yield TimedRow(
                due_ns,
                timed,
                self.prefix + name,
                partition,
                record.key,
                value,
                list(record.headers),
            )

    def _before(self, start_ms: int) -> Clock | None:
        """Return the clock of earlier facts: they keep their distance to the start at any pace."""
        if self.times == "frozen":
            return None
        first_ms, last_ms = self.extent.first_ms, self.extent.last_ms
        return OneClock(first_ms, last_ms, start_ms, self.pace.speed)

    def _clock(self, start_ms: int) -> Clock | None:
        if self.times == "frozen" or self.pace.kind == "recorded":
            return self._before(start_ms)
        return OwnClocks(start_ms)

    def _placing(self, capture: Capture) -> Placing:
        if self.placing == "recorded":
            return AsRecorded()
        owners = Owners(capture.records((REQUESTS, ORDERS.name)))
        return Rekeyed(self.partitions, capture.manifest.partitions, owners)
