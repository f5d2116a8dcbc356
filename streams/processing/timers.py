"""What is due at a moment: reconciliation, with a due time instead of a change.

A due time is a function of the state. Whoever changes the state puts or cancels it, and
after a restart all of them are rebuilt from the state that was restored. What was
written already is known by id from the outputs. So a timer may be late after a crash,
and is never lost and never written twice, and a replay writes the same ids.
"""

from collections.abc import Callable, Iterable, Iterator
from heapq import heapify, heappop, heappush
from typing import Final, TypeAlias

import msgspec

_SPARE: Final = 64
"""Entries of the heap that stand for nothing any more and are kept anyway."""

DueTime: TypeAlias = tuple[str, str, int]
"""Kind, key, due time in UTC ms."""


class Timer(msgspec.Struct, frozen=True, gc=False):
    """One timer that is due."""

    identity: str
    """``KIND:FAMILY:KEY:DUE_MS``: the id of what is to be written, the same after every
    restart and in every replay."""
    kind: str
    key: str
    due_ms: int
    """The moment it was due for, UTC ms; it may be handed out later, never earlier."""


class Timers:
    """The due times of one partition, by kind and key.

    Parameters
    ----------
    family
        Code of the rule family; a part of every id.
    noted
        Whether an output of this id is written, or on its way. All ids are read back from
        the outputs before the first timer is handed out.
    """

    def __init__(self, family: str, noted: Callable[[str], bool]) -> None:
        self._family = family
        self._noted = noted
        self._due: dict[tuple[str, str], int] = {}
        """(key, kind) -> due time."""
        self._heap: list[tuple[int, str, str]] = []
        """(due time, key, kind); one that differs from ``_due`` was replaced or cancelled."""

    def __len__(self) -> int:
        """Return how many timers wait."""
        return len(self._due)

    @property
    def entries(self) -> int:
        """Entries in memory: those that wait, at most as many dead ones, and a few more."""
        return len(self._heap)

    def put(self, kind: str, key: str, due_ms: int | None) -> None:
        """Say when a timer is due now; an earlier word on the same one is replaced.

        Parameters
        ----------
        kind
            What it is for; without a colon.
        key
            Whom it is for, in the state.
        due_ms
            UTC ms; None = never, as the state stands.

        Raises
        ------
        ValueError
            The kind has a colon: ids of two timers could be the same.
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
        """Forget a timer; one that does not wait is no mistake."""
        if self._due.pop((key, kind), None) is not None:
            self._sweep()

    def rebuild(self, found: Iterable[DueTime]) -> None:
        """Replace all timers by those that a restored state calls for, in any order."""
        self._due = {(key, kind): due_ms for kind, key, due_ms in found}
        self._refill()

    def next_ms(self) -> int | None:
        """Return the earliest due time, UTC ms; None = no timer waits."""
        heap = self._heap
        while heap and not self._waits(heap[0]):
            heappop(heap)
        return heap[0][0] if heap else None

    def is_due(self, event_ms: int | None) -> bool:
        """Whether a timer is due at an event time (UTC ms), written already or not."""
        next_ms = self.next_ms()
        return event_ms is not None and next_ms is not None and next_ms <= event_ms

    def due(self, event_ms: int | None) -> Iterator[Timer]:
        """Hand out what is due and not written yet, by due time, then key, then kind.

        One at a time: what the caller puts or cancels meanwhile counts, and what it does
        not take stays. Whoever writes the output notes its id as it is sent. Should it be
        lost, the process ends, and the next one reads what was really written. Who sends
        later than that asks again then: a timer may have been put anew meanwhile.

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
        """Return the id of what a timer writes; no two timers have the same."""
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
