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

    Event time is that of the input: the latest moment that a record of it told.
    """

    def __init__(self, code: str, partition: int) -> None:
        super().__init__()
        self.partition = partition
        self.timers = Timers(code, self.noted)
        self.event_ms: int | None = None
        """UTC ms; None = no record has told a moment."""
        self.loading = False

    def passed(self, at_ms: int) -> None:
        """Take note of a moment that a record tells; event time never goes back."""
        self.event_ms = at_ms if self.event_ms is None else max(self.event_ms, at_ms)

    def now(self, now_ms: int) -> int | None:
        """Return the event time; a record from the future does not bring it forward."""
        return None if self.event_ms is None else min(self.event_ms, now_ms)

    def loaded(self) -> Iterator[Misrouted | None]:
        """End the load; there are no facts to be looked at."""
        self.loading = False
        return iter(())

    def marks(self, topic: str) -> Watermarks | None:  # noqa: ARG002 - none has any
        """Return None: there are no facts by partition."""
        return None

    def read_to_end(self, at_ms: int) -> None:
        """Nothing depends on how far a topic was read."""

    def keys(self) -> Sequence[str]:
        """Return no key: what is due is due by time."""
        return ()

    def keys_of(self, group: str) -> Sequence[str]:  # noqa: ARG002 - as above
        """Return no key, whatever the group."""
        return ()

    def is_due(self, now_ms: int) -> bool:
        """Whether event time has passed the due time of a timer."""
        return self.timers.is_due(self.now(now_ms))
