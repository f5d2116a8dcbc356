"""The state of one partition, behind interfaces.

Judging uses only these interfaces, so that a store on disk can replace memory without a
change in a family. Every query is answered from memory, without I/O, because judging is
synchronous.
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
    """A read-only view of facts by id."""

    def get(self, key: str | None, /) -> Fact_co | None:
        """Return the row of a key; None for a key without a row, and for None."""
        ...

    def has(self, key: str | None, /) -> bool:
        """Whether a key has a row."""
        ...

    def keys(self) -> KeysView[str]:
        """Return a view of the keys; it may change with the next record."""
        ...

    def __len__(self) -> int:
        """Return the number of rows."""
        ...


class NoticeIds(Protocol):
    """Ids of the notices of one partition that are written or being sent."""

    def noted(self, identity: str, /) -> bool:
        """Whether a notice with this id is written or being sent."""
        ...

    def note(self, identity: str, /) -> None:
        """Note that a notice is written or being sent; repeating it is harmless."""
        ...


class Decisions(NoticeIds, Protocol):
    """Decisions by key, and notices by id."""

    def knows(self, key: str, /) -> bool:
        """Whether a key has a decision."""
        ...

    def first(self, key: str, /) -> bytes | None:
        """Return the decision of a key as it was written; None = no decision."""
        ...

    def remember(self, key: str, value: bytes, /) -> bytes:
        """Remember a decision and return the one that counts: the first of its key.

        Used for new decisions and for those read back after a restart. A second
        delivery is answered with the returned bytes, so its answer is the same.
        """
        ...

    def positions(self) -> Mapping[str, int]:
        """Return the position of this state in each topic (offset).

        A start reads from there on, and a topic without a position from its beginning.
        State in memory is empty at every start, so it has no positions.
        """
        ...


class KeyedState(Decisions, Protocol[Row]):
    """Rows by key, each in one group or none, with decisions and notices.

    Rows are not changed in place: a change puts a new row.
    """

    def get(self, key: str, /) -> Row | None:
        """Return the row of a key."""
        ...

    def put(self, key: str, row: Row, group: str | None = None) -> None:
        """Put a row in place of the previous one, into this group."""
        ...

    def delete(self, key: str, /) -> None:
        """Delete the row of a key; a missing row is no error."""
        ...

    def of_group(self, group: str, /) -> Sequence[Row]:
        """Return the rows of a group in the order of their keys."""
        ...

    def items(self) -> Iterator[tuple[str, Row]]:
        """Yield keys and rows in key order, as they were at the call.

        So a replay sees the same order, in whatever order the rows arrived.
        """
        ...

    def rows(self) -> Mapping[str, int]:
        """Return the number of rows, decisions and notices, for ``/status``."""
        ...


class DecisionHistory(NoticeIds, Protocol[Entry, Past_co, Sums_co]):
    """Earlier decisions, as judging needs them: of a refund, its order and its buyer.

    ``Entry`` is one decision, ``Past`` a row that rules of history read, ``Sums`` gives
    counts and sums over any time window.
    """

    def knows(self, refund_id: str, /) -> bool:
        """Whether a refund has a decision."""
        ...

    def on_order(self, order_id: str, /) -> bool:
        """Whether any refund of an order has a decision."""
        ...

    def first(
        self, refund_id: str, version: int | None, *, withdraws: bool
    ) -> Entry | None:
        """Return the first decision of exactly this version and kind of record."""
        ...

    def remember(self, entry: Entry, /) -> Entry:
        """Remember a decision and return the one that counts: the first of its version."""
        ...

    def of_group(self, order_id: str | None, refund_id: str) -> Sequence[Past_co]:
        """Return the rows of a refund and of the other refunds of its order.

        Their number is bounded; they mean the same to the rules as all rows.
        """
        ...

    def approvals_of(self, buyer_id: str | None, /) -> Sums_co:
        """Return the approvals of a buyer."""
        ...

    def rows(self) -> Mapping[str, int]:
        """Return the number of refunds and notices, for ``/status``."""
        ...

    def positions(self) -> Mapping[str, int]:
        """Return the position of the history in each output topic (offset)."""
        ...


class MemoryTable(Generic[Row]):
    """A :class:`Table` in memory.

    Parameters
    ----------
    rows
        The owner keeps this mapping and is the only one to change it.
    """

    def __init__(self, rows: dict[str, Row]) -> None:
        self._rows = rows
        # A bound method: the fast path calls it for every request and saves a Python
        # call. None is the key of no row.
        self.get = cast("Callable[[str | None], Row | None]", rows.get)
        self.has = cast("Callable[[str | None], bool]", rows.__contains__)
        self.keys = rows.keys

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self._rows)


class MemoryState(Generic[Row]):
    """The state of one partition in memory: a :class:`KeyedState`."""

    def __init__(self) -> None:
        self._rows: dict[str, Row] = {}
        self._group_of: dict[str, str] = {}
        self._groups: dict[str, set[str]] = {}
        """Group -> keys; never an empty group."""
        self._decisions: dict[str, bytes] = {}
        self._notices: set[str] = set()
        # A bound method: a caller that asks for every record saves a Python call.
        self.get = self._rows.get
        self.knows = self._decisions.__contains__
        self.first = self._decisions.get
        self.remember = self._decisions.setdefault
        self.noted = self._notices.__contains__
        self.note = self._notices.add

    def put(self, key: str, row: Row, group: str | None = None) -> None:
        """Put a row in place of the previous one, into this group."""
        self._rows[key] = row
        if self._group_of.get(key) != group:
            self._leave(key)
            if group is not None:
                self._group_of[key] = group
                self._groups.setdefault(group, set()).add(key)

    def delete(self, key: str, /) -> None:
        """Delete the row of a key; a missing row is no error."""
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
        """Yield keys and rows in key order, as they were at the call."""
        return iter(sorted(self._rows.items(), key=_key))

    def positions(self) -> Mapping[str, int]:
        """Return no position: a start reads all outputs."""
        return {}

    def rows(self) -> Mapping[str, int]:
        """Return the number of rows, decisions and notices."""
        return {
            "rows": len(self._rows),
            "decisions": len(self._decisions),
            "notices": len(self._notices),
        }


def _key(item: tuple[str, object]) -> str:
    return item[0]
