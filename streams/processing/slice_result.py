"""What came of a slice: for the sink, for the reconciler and for the counters."""

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
    """What came of a slice, one output a record that had none."""

    outputs: list[Output]
    decided: dict[tuple[str, str | None, tuple[str, ...]], int]
    """(disposition, outcome, reason codes) -> new decisions."""
    ages_ms: list[int]
    """Request time to decision, of every new decision that has one."""
    dead: dict[str, int]
    """Error -> dead letters."""
    approved: int = 0
    """Of these the approvals."""
    touched: list[str] = msgspec.field(default_factory=list)
    """Keys that may call for more outputs now."""
    repeated: int = 0
    misrouted: int = 0
    misrouted_at: int = -1
    """Offset of the first of them."""
    dead_at: dict[str, int] = msgspec.field(default_factory=dict)
    """Error -> offset of the first dead letter with it."""
    doubted: int = 0
    """Fast decisions that differ from those of the rules: 0 or 1."""
    answered: int = 0
    """Offsets skipped because they had an output before the last restart."""
    unfit: int = 0
    """Outputs that name an offset of the slice and answer another record."""


class Unjudged(Protocol):
    """A slice that was read, and how far it is judged."""

    @property
    def done(self) -> int:
        """Return how many of its records are judged."""
        ...

    @property
    def finished(self) -> bool:
        """Whether every record is judged."""
        ...
