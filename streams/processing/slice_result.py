"""The result of judging a slice, for the sink, the reconciler and the counters."""

from typing import Protocol

import msgspec

from streams.records.record_format import Outgoing


class Output(msgspec.Struct, frozen=True, gc=False):
    """One record to write, to the partition number of its input."""

    topic: str
    """Name of an output topic, without prefix."""
    record: Outgoing

    @property
    def value(self) -> bytes | None:
        """The value of the record; None = tombstone."""
        return self.record[1]


class SliceResult(msgspec.Struct):
    """The result of judging a slice: one output for each record that had none."""

    outputs: list[Output]
    decided: dict[tuple[str, str | None, tuple[str, ...]], int]
    """(disposition, outcome, reason codes) -> new decisions."""
    ages_ms: list[int]
    """Request time to decision, of every new decision that has one."""
    dead: dict[str, int]
    """Error -> dead letters."""
    approved: int = 0
    """Approvals among the decisions."""
    touched: list[str] = msgspec.field(default_factory=list)
    """Keys that may need more outputs now."""
    repeated: int = 0
    misrouted: int = 0
    misrouted_at: int = -1
    """Offset of the first misrouted record; -1 = none."""
    dead_at: dict[str, int] = msgspec.field(default_factory=dict)
    """Error -> offset of the first dead letter with it."""
    doubted: int = 0
    """Fast-path decisions that differ from the full path: 0 or 1."""
    answered: int = 0
    """Records skipped because they had an output before the last restart."""
    unfit: int = 0
    """Outputs that name an offset of the slice but answer another record."""


class Unjudged(Protocol):
    """A decoded slice, and how far it is judged."""

    @property
    def done(self) -> int:
        """Return how many records are judged."""
        ...

    @property
    def finished(self) -> bool:
        """Whether every record is judged."""
        ...
