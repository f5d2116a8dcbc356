"""Log lines of pure code: queued here, and logged by the caller."""

from collections import deque
from typing import Final, Literal, TypeAlias

import msgspec

KEPT: Final = 50
"""Most lines that wait to be logged."""


class News(msgspec.Struct, frozen=True):
    """A line for the log."""

    level: Literal["info", "warning", "error"]
    text: str


NewsQueue: TypeAlias = deque[News]


def news_queue() -> NewsQueue:
    """Return a queue that keeps the newest lines and drops the oldest when it is full."""
    return deque(maxlen=KEPT)
