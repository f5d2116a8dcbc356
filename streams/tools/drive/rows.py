"""The rows of a run: what is sent, and when."""

from collections.abc import Iterator
from typing import Final, NamedTuple, Protocol

BEFORE_START: Final = -1
"""``due_ns`` of rows to be sent before the run starts."""

Headers = list[tuple[str, bytes | None]]


class TimedRow(NamedTuple):
    """One record to send."""

    due_ns: int
    """Ns from the start of the run; negative = before the start."""
    timed: bool
    """Whether it is a request whose answer is timed."""
    topic: str
    partition: int
    key: bytes | None
    value: bytes | None
    headers: Headers


class RowSource(Protocol):
    """Creates the rows of a run; plain data, because it is sent to another process."""

    def rows(self, start_ms: int) -> Iterator[TimedRow]:
        """Yield rows by ``due_ns``.

        Parameters
        ----------
        start_ms
            When the run starts, UTC ms.
        """
        ...
