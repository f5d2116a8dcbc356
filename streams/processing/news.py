"""What pure code has to say to an operator: a line for the log, handed on by its caller."""

from collections import deque
from typing import Final, Literal, TypeAlias

import msgspec

KEPT: Final = 50
"""Lines that may wait for somebody to log them."""


class News(msgspec.Struct, frozen=True):
    """A line for the log."""

    level: Literal["info", "warning", "error"]
    text: str


NewsQueue: TypeAlias = deque[News]


def news_queue() -> NewsQueue:
    """Return a queue that keeps the newest lines when nobody logs them."""
    return deque(maxlen=KEPT)
