"""Which input records have an output already.

An output names the offset that it answers, and an offset alone says nothing about a
topic that was made anew: the same number is another record then. So an answer is held
against the record that is there now, and counts only if it fits.
"""

from collections.abc import Collection, Iterable
from typing import Final

import msgspec

from streams.records.record import Record
from streams.records.unread import Unread

_BURIED: Final = "a dead letter"


class Answers(msgspec.Struct):
    """Answered offsets of one input partition, each with marks of the records answered."""

    marks: dict[int, tuple[int, ...]] = msgspec.field(default_factory=dict)
    """By offset, for each output that answers it, a mark of the record that it answers.
    Outputs of two logs under one name may name the same offset."""
    end: int = 0
    """The offset after the highest one answered, whatever the record; 0 without outputs."""
    unfit: set[int] = msgspec.field(default_factory=set)
    """Offsets of records read whose answers are those of other records."""

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
            What a decision on the record carries as its mark; None = it gets none.
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
        """Drop answers to records that are judged."""
        for offset in offsets:
            self.marks.pop(offset, None)
            self.unfit.discard(offset)

    def forget_before(self, offset: int) -> None:
        """Drop answers to what will not be read again."""
        self.forget([at for at in self.marks if at < offset])

    def join(self, other: "Answers") -> None:
        """Add what was known before."""
        self.end = max(self.end, other.end)
        for offset, marks in other.marks.items():
            for mark in marks:
                self.add(offset, mark)

    def offsets(self) -> Collection[int]:
        """Return the offsets answered."""
        return self.marks.keys()


def mark_of_letter(key: bytes | None, value: bytes | None) -> int:
    """Mark the record that a dead letter keeps; comparable within one process."""
    return hash((_BURIED, key, value))
