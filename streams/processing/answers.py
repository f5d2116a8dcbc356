"""Track which input records already have an output.

An output names the offset of the input record that it answers. An offset alone proves
nothing after a topic was deleted and created again: the same offset is then another
record. So an answer is compared with the record that is there now, and counts only if
it fits.
"""

from collections.abc import Collection, Iterable
from typing import Final

import msgspec

from streams.records.record import Record
from streams.records.unread import Unread

_BURIED: Final = "a dead letter"


class Answers(msgspec.Struct):
    """Answered offsets of one input partition, each with marks of the answered records."""

    marks: dict[int, tuple[int, ...]] = msgspec.field(default_factory=dict)
    """Offset -> marks of the answered records, one for each output. If a topic was
    created again, outputs of the old and the new log may name the same offset."""
    end: int = 0
    """The offset after the highest answered one, whichever record it was; 0 without
    outputs."""
    unfit: set[int] = msgspec.field(default_factory=set)
    """Offsets that were read whose outputs answer other records."""

    def __len__(self) -> int:
        return len(self.marks)

    def add(self, offset: int, mark: int) -> None:
        """Note an output that answers an offset."""
        known = self.marks.get(offset)
        if known is None:
            self.marks[offset] = (mark,)
        elif mark not in known:
            self.marks[offset] = (*known, mark)

    def fit(self, record: Record, mark: int | None) -> bool:
        """Whether an output answers this very record.

        Parameters
        ----------
        mark
            The mark that a decision on this record carries; None = the record gets no
            decision.
        """
        known = self.marks.get(record.offset)
        if known is None:
            return False
        kept = record.remains if isinstance(record, Unread) else record
        if mark in known or mark_of_letter(kept.key, kept.value) in known:
            return True
        self.unfit.add(record.offset)
        return False

    def forget(self, offsets: Iterable[int]) -> None:
        """Drop the answers at these offsets: their records have been judged."""
        for offset in offsets:
            self.marks.pop(offset, None)
            self.unfit.discard(offset)

    def forget_before(self, offset: int) -> None:
        """Drop the answers before an offset: those records will not be read again."""
        self.forget([at for at in self.marks if at < offset])

    def join(self, other: "Answers") -> None:
        """Add the answers that were known before."""
        self.end = max(self.end, other.end)
        for offset, marks in other.marks.items():
            for mark in marks:
                self.add(offset, mark)

    def offsets(self) -> Collection[int]:
        """Return the offsets answered."""
        return self.marks.keys()


def mark_of_letter(key: bytes | None, value: bytes | None) -> int:
    """Return the mark of the record in a dead letter; comparable within one process only."""
    return hash((_BURIED, key, value))
