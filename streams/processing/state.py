"""What one partition of a family remembers, behind interfaces.

Judging asks these and nothing else, so that memory can be exchanged for a store on disk
without a change in a family. Whatever is asked is answered from memory, without I/O:
judging is synchronous.
"""

from collections.abc import Callable, Iterator, KeysView, Mapping, Sequence
from typing import Generic, Protocol, cast

from typing_extensions import TypeVar

Row = TypeVar("Row")
Fact_co = TypeVar("Fact_co", covariant=True)
Entry = TypeVar("Entry")
Past_co = TypeVar("Past_co", covariant=True)
Sums_co = TypeVar("Sums_co", covariant=True)


class Table(Protocol[Fact_co]):
    """Facts by id, to be read; what they come from writes them."""

    def get(self, key: str | None, /) -> Fact_co | None:
        """Return the row of a key; there is none for None."""
        ...

    def has(self, key: str | None, /) -> bool:
        """Whether there is a row of a key."""
        ...

    def keys(self) -> KeysView[str]:
        """Return the keys there are; they may change with the next record."""
        ...

    def __len__(self) -> int:
        """Return how many rows there are."""
        ...


class NoticeIds(Protocol):
    """Ids of the notices of one partition that are written, or about to be."""

    def noted(self, identity: str, /) -> bool:
        """Whether a notice of this id exists."""
        ...

    def note(self, identity: str, /) -> None:
        """Note that a notice exists, or is on its way; once or often."""
        ...


class Decisions(NoticeIds, Protocol):
    """What was answered: decisions by key, and notices by id."""

    def knows(self, key: str, /) -> bool:
        """Whether there is a decision under a key."""
        ...

    def first(self, key: str, /) -> bytes | None:
        """Return the decision under a key as it was written; None = there is none."""
        ...

    def remember(self, key: str, value: bytes, /) -> bytes:
        """Remember a decision and return the one that counts: the first of its key.

        Both our own and those that are read back after a restart. A second delivery is
        answered with what this returns, so it gets the same bytes again.
        """
        ...

    def positions(self) -> Mapping[str, int]:
        """Return, by topic, the offset up to which this state holds what was read.

        A start reads from there on; a topic that is missing, from its beginning. State in
        memory is empty at every start, and so are its positions.
        """
        ...


class KeyedState(Decisions, Protocol[Row]):
    """Rows by key, each in one group or in none, and what was answered.

    Rows are values that are not changed in place: a change puts another row.
    """

    def get(self, key: str, /) -> Row | None:
        """Return the row of a key."""
        ...

    def put(self, key: str, row: Row, group: str | None = None) -> None:
        """Put a row in the place of the one before; it is in this group from now on."""
        ...

    def delete(self, key: str, /) -> None:
        """Forget the row of a key; one that is not there is no mistake."""
        ...

    def of_group(self, group: str, /) -> Sequence[Row]:
        """Return the rows of a group in the order of their keys."""
        ...

    def items(self) -> Iterator[tuple[str, Row]]:
        """Yield keys and rows in the order of the keys, as they were at the call.

        So a replay sees the same order, whatever order the rows came in.
        """
        ...

    def rows(self) -> Mapping[str, int]:
        """Return how many rows, decisions and notices there are, for ``/status``."""
        ...


class DecisionHistory(NoticeIds, Protocol[Entry, Past_co, Sums_co]):
    """What judging asks of earlier decisions: on a refund, on its order, for its buyer.

    ``Entry`` is one decision, ``Past`` a row that rules of history read, ``Sums`` counts
    and sums over any window of time, asked for when the window is known.
    """

    def knows(self, refund_id: str, /) -> bool:
        """Whether a refund has a decision."""
        ...

    def on_order(self, order_id: str, /) -> bool:
        """Whether an order has a refund with a decision."""
        ...

    def first(
        self, refund_id: str, version: int | None, *, withdraws: bool
    ) -> Entry | None:
        """Return the first decision of this very version and kind of record."""
        ...

    def remember(self, entry: Entry, /) -> Entry:
        """Remember a decision and return the one that counts: the first of its version."""
        ...

    def of_group(self, order_id: str | None, refund_id: str) -> Sequence[Past_co]:
        """Return what there is of a refund and of the others of its order.

        A bounded number of rows that mean as much as all of them.
        """
        ...

    def approvals_of(self, buyer_id: str | None, /) -> Sums_co:
        """Return the approvals of a buyer."""
        ...

    def rows(self) -> Mapping[str, int]:
        """Return how many refunds and notices there are, for ``/status``."""
        ...

    def positions(self) -> Mapping[str, int]:
        """Return, by topic, the offset up to which outputs are in it already."""
        ...


class MemoryTable(Generic[Row]):
    """A :class:`Table` in memory.

    Parameters
    ----------
    rows
        The owner keeps it, and it alone changes it.
    """

    def __init__(self, rows: dict[str, Row]) -> None:
        self._rows = rows
        # Bound: the fast path asks of every request, and pays for no call of ours.
        # None is a key of no row.
        self.get = cast("Callable[[str | None], Row | None]", rows.get)
        self.has = cast("Callable[[str | None], bool]", rows.__contains__)
        self.keys = rows.keys

    def __len__(self) -> int:
        """Return how many rows there are."""
        return len(self._rows)


class MemoryState(Generic[Row]):
    """The state of one partition in memory: a :class:`KeyedState`."""

    def __init__(self) -> None:
        self._rows: dict[str, Row] = {}
        self._group_of: dict[str, str] = {}
        self._groups: dict[str, set[str]] = {}
        """Group -> keys; no group is empty."""
        self._decisions: dict[str, bytes] = {}
        self._notices: set[str] = set()
        # Bound: whoever asks of every record pays for no call of ours.
        self.get = self._rows.get
        self.knows = self._decisions.__contains__
        self.first = self._decisions.get
        self.remember = self._decisions.setdefault
        self.noted = self._notices.__contains__
        self.note = self._notices.add

    def put(self, key: str, row: Row, group: str | None = None) -> None:
        """Put a row in the place of the one before; it is in this group from now on."""
        self._rows[key] = row
        if self._group_of.get(key) != group:
            self._leave(key)
            if group is not None:
                self._group_of[key] = group
                self._groups.setdefault(group, set()).add(key)

    def delete(self, key: str, /) -> None:
        """Forget the row of a key; one that is not there is no mistake."""
        if key in self._rows:
            del self._rows[key]
            self._leave(key)

    def _leave(self, key: str) -> None:
        group = self._group_of.pop(key, None)
        if group is not None:
            keys = self._groups[group]
            keys.remove(key)
            if not keys:
                del self._groups[group]

    def of_group(self, group: str, /) -> Sequence[Row]:
        """Return the rows of a group in the order of their keys."""
        return [self._rows[key] for key in sorted(self._groups.get(group, ()))]

    def items(self) -> Iterator[tuple[str, Row]]:
        """Yield keys and rows in the order of the keys, as they were at the call."""
        return iter(sorted(self._rows.items(), key=_key))

    def positions(self) -> Mapping[str, int]:
        """Return nothing: a start reads all outputs."""
        return {}

    def rows(self) -> Mapping[str, int]:
        """Return how many rows, decisions and notices there are."""
        return {
            "rows": len(self._rows),
            "decisions": len(self._decisions),
            "notices": len(self._notices),
        }


def _key(item: tuple[str, object]) -> str:
    return item[0]
