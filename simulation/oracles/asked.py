"""The input topic as it was written: which records want an answer, and which have none yet."""

from bisect import bisect_left
from collections.abc import Iterator
from typing import Final

from faults.judge.view import Place, Rec

ABORTED: Final = "aborted"
"""Why a record of an aborted transaction wants no answer."""


class _Lane:
    """One partition, in the order of its log."""

    __slots__ = ("offsets", "open", "records", "silent")

    def __init__(self) -> None:
        self.records: list[Rec] = []
        self.offsets: list[int] = []
        self.open: dict[int, int] = {}
        """Offset of a record in a transaction that has not ended -> producer id."""
        self.silent: dict[int, str] = {}
        """Offsets that want no answer -> why."""


class Asked:
    """Every request that is in the log, or was deleted there after its time."""

    def __init__(self) -> None:
        self._lanes: dict[int, _Lane] = {}
        self.waiting: dict[Place, int] = {}
        """Requests without an answer -> since when, virtual UTC ms; in the order in
        which they began to wait."""
        self._starts: dict[int, int] = {}
        self.replaced: dict[Place, str] = {}
        """Places whose record was taken away once -> why. What answers them may be
        meant for the record that was there before."""

    def add(self, rec: Rec, now_ms: int, transaction: int | None = None) -> None:
        """Take a record that was appended; ``transaction`` is the producer id of its."""
        lane = self._lanes.setdefault(rec.partition, _Lane())
        lane.records.append(rec)
        lane.offsets.append(rec.offset)
        if transaction is None:
            self.waiting[rec.partition, rec.offset] = now_ms
        else:
            lane.open[rec.offset] = transaction

    def ended(
        self, partition: int, transaction: int, now_ms: int, *, commit: bool
    ) -> None:
        """Take the end of a transaction: its records want answers, or never will."""
        lane = self._lanes.setdefault(partition, _Lane())
        for offset, producer in list(lane.open.items()):
            if producer != transaction:
                continue
            del lane.open[offset]
            if commit:
                self.waiting[partition, offset] = now_ms
            else:
                lane.silent[offset] = ABORTED

    def answered(self, place: Place) -> None:
        """Note an answer."""
        self.waiting.pop(place, None)

    def unanswered(self, place: Place, now_ms: int) -> None:
        """Note that the only answer was taken away, and will be written again."""
        if self.there(place) and not self.excused(place):
            self.waiting[place] = now_ms

    def excuse(self, place: Place, why: str) -> None:
        """Note that a request needs no answer: nobody can be blamed for it."""
        self.waiting.pop(place, None)
        lane = self._lanes.get(place[0])
        if lane is not None:
            lane.silent.setdefault(place[1], why)

    def excused(self, place: Place) -> bool:
        """Whether a request needs no answer."""
        lane = self._lanes.get(place[0])
        return lane is not None and place[1] in lane.silent

    def there(self, place: Place) -> bool:
        """Whether there is a request that may be answered: not one of an open transaction."""
        lane = self._lanes.get(place[0])
        if lane is None or place[1] in lane.open:
            return False
        if lane.silent.get(place[1]) == ABORTED:
            return False
        at = bisect_left(lane.offsets, place[1])
        return at < len(lane.offsets) and lane.offsets[at] == place[1]

    def between(self, partition: int, begin: int, end: int) -> Iterator[int]:
        """Yield the offsets of records that want an answer, those of open transactions too."""
        lane = self._lanes.get(partition)
        if lane is None:
            return
        for offset in lane.offsets[
            bisect_left(lane.offsets, begin) : bisect_left(lane.offsets, end)
        ]:
            if offset not in lane.silent:
                yield offset

    def cut(self, partition: int, end: int, why: str) -> list[Place]:
        """Forget the records from an offset on; return their places."""
        lane = self._lanes.get(partition)
        if lane is None:
            return []
        at = bisect_left(lane.offsets, end)
        gone = [(partition, offset) for offset in lane.offsets[at:]]
        del lane.offsets[at:], lane.records[at:]
        for place in gone:
            lane.open.pop(place[1], None)
            lane.silent.pop(place[1], None)
            self.waiting.pop(place, None)
            self.replaced[place] = why
        self._starts.pop(partition, None)
        return gone

    def retention(self, partition: int, start: int) -> None:
        """Note that a log begins at an offset: requests below it cannot be read any more."""
        if start <= self._starts.get(partition, 0):
            return
        self._starts[partition] = start
        for offset in self.between(partition, 0, start):
            if (partition, offset) in self.waiting:
                self.excuse((partition, offset), "deleted by retention")

    def records(self) -> Iterator[tuple[Rec, str | None]]:
        """Yield the records of ended transactions and of none, in the order of the log.

        With each comes why it wants no answer; None = it wants one.
        """
        for number in sorted(self._lanes):
            lane = self._lanes[number]
            for rec in lane.records:
                if rec.offset not in lane.open:
                    yield rec, lane.silent.get(rec.offset)

    def last(self) -> dict[int, Rec]:
        """Return the last record of each partition that wants an answer."""
        found: dict[int, Rec] = {}
        for number in sorted(self._lanes):
            lane = self._lanes[number]
            for rec in reversed(lane.records):
                if rec.offset not in lane.silent and rec.offset not in lane.open:
                    found[number] = rec
                    break
        return found
