"""The state of one partition of a family that decides each key once."""

from collections.abc import Iterator, Sequence

from typing_extensions import TypeVar

from streams.processing.applied import Misrouted
from streams.processing.state import MemoryState
from streams.processing.timers import Timers
from streams.processing.watermarks import Watermarks

Row = TypeVar("Row")


class KeyedPartition(MemoryState[Row]):
    """Rows, decisions, notices and timers (:class:`streams.processing.family.PartitionState`).

    Event time is that of the input: the latest event time of any record.
    """

    def __init__(self, code: str, partition: int) -> None:
        super().__init__()
        self.partition = partition
        self.timers = Timers(code, self.noted)
        self.event_ms: int | None = None
        """UTC ms; None = no record has had an event time yet."""
        self.loading = False

    def passed(self, at_ms: int) -> None:
        """Advance event time to that of a record; it never goes back."""
        self.event_ms = at_ms if self.event_ms is None else max(self.event_ms, at_ms)

    def now(self, now_ms: int) -> int | None:
        """Return the event time, at most ``now_ms``: a future record brings no due time forward."""
        return None if self.event_ms is None else min(self.event_ms, now_ms)

    def loaded(self) -> Iterator[Misrouted | None]:
        """End the load; there are no facts to check."""
        self.loading = False
        return iter(())

    def marks(self, topic: str) -> Watermarks | None:  # noqa: ARG002 - none has any
        """Return None: there are no facts by partition."""
        return None

    def read_to_end(self, at_ms: int) -> None:
        """Do nothing: no fact topic is dated."""

    def keys(self) -> Sequence[str]:
        """Return no key: outputs are due by time only."""
        return ()

    def keys_of(self, group: str) -> Sequence[str]:  # noqa: ARG002 - as above
        """Return no key, whatever the group."""
        return ()

    def is_due(self, now_ms: int) -> bool:
        """Whether event time has passed the due time of a timer."""
        return self.timers.is_due(self.now(now_ms))
