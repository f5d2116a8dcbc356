"""What is sent, and when."""

from collections.abc import Iterator
from typing import Final, NamedTuple, Protocol

BEFORE_START: Final = -1
"""``due_ns`` of what must be there when the run starts."""

Headers = list[tuple[str, bytes | None]]


class TimedRow(NamedTuple):
    """One record to send."""

    due_ns: int
    """From the start of the run; negative = to be there when it starts."""
    timed: bool
    """Whether it is a request, whose answer is waited for."""
    topic: str
    partition: int
    key: bytes | None
    value: bytes | None
    headers: Headers


class RowSource(Protocol):
    """Makes the rows of a run; it is sent to another process, so it is plain data."""

    def rows(self, start_ms: int) -> Iterator[TimedRow]:
        """Yield rows by ``due_ns``.

        Parameters
        ----------
        start_ms
            When the run starts, UTC ms.
        """
        ...
