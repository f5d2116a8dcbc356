"""A record and its moment."""

from typing import NamedTuple

from testkit.rows import Row


class Timed(NamedTuple):
    """A record that is written at a moment of a universe."""

    at_us: int
    """Virtual µs since it began."""
    row: Row
