"""Segments of a log: what retention deletes, compaction rewrites and a fetch reads."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator
from typing import Final

from testkit.simulated.logs.batches import Batch
from testkit.simulated.logs.settings import LogSettings

_INDEX_BYTES: Final = 4_096
"""The default of ``index.interval.bytes``."""


class Segment:
    """Consecutive batches of a log."""

    __slots__ = (
        "_bases",
        "_index",
        "_unindexed",
        "base_offset",
        "batches",
        "first_ms",
        "latest_ms",
        "size",
    )

    def __init__(self, base_offset: int, batches: Iterable[Batch] = ()) -> None:
        self.base_offset = base_offset
        self.batches: list[Batch] = []
        self._bases: list[int] = []
        self._index: list[tuple[int, int]] = []
        """Where an indexed batch begins, bytes, and its last offset."""
        self._unindexed = 0
        self.size = 0
        """Bytes."""
        self.first_ms = -1
        """Latest timestamp of the first batch, UTC ms; -1 = there is none."""
        self.latest_ms = -1
        for batch in batches:
            self.add(batch)

    def add(self, batch: Batch) -> None:
        """Append a batch."""
        if self.first_ms < 0:
            self.first_ms = batch.latest_ms
        if self._unindexed > _INDEX_BYTES:
            self._index.append((self.size, batch.last_offset))
            self._unindexed = 0
        self._unindexed += len(batch.data)
        self.batches.append(batch)
        self._bases.append(batch.base_offset)
        self.size += len(batch.data)
        self.latest_ms = max(self.latest_ms, batch.latest_ms)

    def is_full_for(self, batch: Batch, settings: LogSettings) -> bool:
        """Whether a batch begins the next segment: by size, or by age (of records)."""
        if not self.batches:
            return False
        return (
            self.size + len(batch.data) > settings.segment_bytes
            or batch.latest_ms - self.first_ms > settings.segment_ms
        )

    def index_of(self, offset: int) -> int:
        """Return the place of the batch with an offset, or of the next one."""
        at = bisect_right(self._bases, offset) - 1
        if at < 0 or self.batches[at].last_offset < offset:
            at += 1
        return at

    def read(self, offset: int, most: int, until: int) -> tuple[bytes, int]:
        """Return stored bytes from the batch with an offset on.

        Parameters
        ----------
        most
            Bytes; the last batch is cut off there, as a broker does.
        until
            Offset at which readable batches end.

        Returns
        -------
        tuple
            The bytes, and the whole size of the first batch.
        """
        batches = self.batches
        at = self.index_of(offset)
        if at == len(batches) or batches[at].base_offset >= until:
            return b"", 0
        first = batches[at].data
        if len(first) >= most:
            return first[:most], len(first)
        pieces, size = [first], len(first)
        for place in range(at + 1, len(batches)):
            batch = batches[place]
            if size >= most or batch.base_offset >= until:
                break
            pieces.append(batch.data)
            size += len(batch.data)
        found = b"".join(pieces)
        return (found[:most] if size > most else found), len(first)

    def indexed_after(self, offset: int, size: int) -> int | None:
        """Return an offset that is not below the end of a fetch, as the index knows it.

        A broker names the aborted transactions up to there, more than the fetch needs.

        Parameters
        ----------
        offset
            Where the fetch begins.
        size
            Its bytes.
        """
        before = self.batches[: self.index_of(offset)]
        end = sum(len(batch.data) for batch in before) + size
        place = bisect_left(self._index, (end, -1))
        return self._index[place][1] if place < len(self._index) else None

    def truncate(self, offset: int) -> None:
        """Remove batches from an offset on."""
        kept = [batch for batch in self.batches if batch.base_offset < offset]
        self.replace(kept)

    def replace(self, batches: Iterable[Batch]) -> None:
        """Put other batches in place of these."""
        fresh = Segment(self.base_offset, batches)
        for name in Segment.__slots__:
            setattr(self, name, getattr(fresh, name))


def batches_in(segments: Iterable[Segment]) -> Iterator[Batch]:
    """Yield the batches of segments, in order."""
    for segment in segments:
        yield from segment.batches
