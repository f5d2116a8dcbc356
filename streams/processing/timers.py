"""Keep due times: reconciliation triggered by event time instead of a change.

A due time is a function of the state. Code that changes the state puts or cancels it,
and after a restart all due times are rebuilt from the restored state. The outputs hold
the ids that are already written. So a timer may be late after a crash, but is never
lost or written twice, and a replay writes the same ids.
"""

from collections.abc import Callable, Iterable, Iterator
from heapq import heapify, heappop, heappush
from typing import Final, TypeAlias

import msgspec

_SPARE: Final = 64
"""Dead heap entries that are kept before the heap is rebuilt."""

DueTime: TypeAlias = tuple[str, str, int]
"""Kind, key, due time in UTC ms."""


class Timer(msgspec.Struct, frozen=True, gc=False):
    """One timer that is due."""

    identity: str
    """``KIND:FAMILY:KEY:DUE_MS``: the id of the output, the same after every restart
    and in every replay."""
    kind: str
    key: str
    due_ms: int
    """The due time, UTC ms; the timer may fire later, never earlier."""


class Timers:
    """The due times of one partition, by kind and key.

    Parameters
    ----------
    family
        Code of the rule family; part of every id.
    noted
        Whether an output with this id is written or being sent. All ids are read back
        from the outputs before the first timer fires.
    """

    def __init__(self, family: str, noted: Callable[[str], bool]) -> None:
        self._family = family
        self._noted = noted
        self._due: dict[tuple[str, str], int] = {}
        """(key, kind) -> due time."""
        self._heap: list[tuple[int, str, str]] = []
        """(due time, key, kind); an entry that differs from ``_due`` is dead: replaced
        or cancelled."""

    def __len__(self) -> int:
        """Return the number of waiting timers."""
        return len(self._due)

    @property
    def entries(self) -> int:
        """Entries in memory: the waiting ones, at most as many dead ones, and a few more."""
        return len(self._heap)

    def put(self, kind: str, key: str, due_ms: int | None) -> None:
        """Set the due time of a timer; it replaces an earlier one of the same kind and key.

        Parameters
        ----------
        kind
            Kind of the timer; without a colon.
        key
            Key in the state.
        due_ms
            UTC ms; None = not due in this state.

        Raises
        ------
        ValueError
            The kind has a colon: two timers could get the same id.
        """
        if ":" in kind:
            raise ValueError(f"the kind of a timer has no colon: {kind}")
        if due_ms is None:
            self.cancel(kind, key)
        elif self._due.get((key, kind)) != due_ms:
            self._due[key, kind] = due_ms
            heappush(self._heap, (due_ms, key, kind))
            self._sweep()

    def cancel(self, kind: str, key: str) -> None:
        """Delete a timer; a missing one is no error."""
        if self._due.pop((key, kind), None) is not None:
            self._sweep()

    def rebuild(self, found: Iterable[DueTime]) -> None:
        """Replace all timers with those of a restored state, in any order."""
        self._due = {(key, kind): due_ms for kind, key, due_ms in found}
        self._refill()

    def next_ms(self) -> int | None:
        """Return the earliest due time, UTC ms; None = no timer waits."""
        heap = self._heap
        while heap and not self._waits(heap[0]):
            heappop(heap)
        return heap[0][0] if heap else None

    def is_due(self, event_ms: int | None) -> bool:
        """Whether a timer is due at an event time (UTC ms), already written or not."""
        next_ms = self.next_ms()
        return event_ms is not None and next_ms is not None and next_ms <= event_ms

    def due(self, event_ms: int | None) -> Iterator[Timer]:
        """Yield timers that are due and not written, by due time, then key, then kind.

        One at a time: what the caller puts or cancels meanwhile counts, and timers that
        it does not take stay. The caller notes the id as it sends the output. If that
        output is lost, the process ends, and the next one reads what was really
        written. A caller that sends later must ask again then: the timer may have been
        put again meanwhile.

        Parameters
        ----------
        event_ms
            Event time of the partition, UTC ms. A timer is due once it is reached: a
            watermark vouches for its own millisecond too. None = nothing is due.
        """
        while self.is_due(event_ms):
            due_ms, key, kind = heappop(self._heap)
            del self._due[key, kind]
            identity = self.identity(kind, key, due_ms)
            if not self._noted(identity):
                yield Timer(identity, kind, key, due_ms)

    def identity(self, kind: str, key: str, due_ms: int) -> str:
        """Return the id of a timer's output; no two timers share one."""
        return f"{kind}:{self._family}:{key}:{due_ms}"

    def _waits(self, entry: tuple[int, str, str]) -> bool:
        due_ms, key, kind = entry
        return self._due.get((key, kind)) == due_ms

    def _sweep(self) -> None:
        if len(self._heap) > 2 * len(self._due) + _SPARE:
            self._refill()

    def _refill(self) -> None:
        self._heap = [(due_ms, key, kind) for (key, kind), due_ms in self._due.items()]
        heapify(self._heap)
