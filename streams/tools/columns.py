"""Wrap text to a number of terminal columns: a Chinese character takes two."""

import re
from collections.abc import Iterator
from typing import Final

from rich.cells import cell_len

WIDTH: Final = 60
"""Default width, columns: fits half a screen, a ticket and a phone in landscape."""

_WIDE: Final = "\u2e80-\u9fff\uac00-\ud7a3\uf900-\ufaff\uff00-\uffef"
_PIECE: Final = re.compile(
    rf" +|[^ {_WIDE}]+|[{_WIDE}][，。；：、）]*"  # closing marks never start a line
)


def wrapped(
    text: str, first: str = "", other: str | None = None, width: int = WIDTH
) -> Iterator[str]:
    """Yield a text as lines of at most ``width`` columns.

    Breaks at spaces and beside wide characters; a piece longer than a line, such as an
    id, is broken anywhere.

    Parameters
    ----------
    first, other
        Prefix of the first line and of the others; ``other`` None = spaces as wide as
        ``first``.
    """
    begin = " " * cell_len(first) if other is None else other
    room = width - max(cell_len(first), cell_len(begin))
    line: list[str] = [first]
    used, bare = cell_len(first), True
    for piece in _pieces(text, room):
        taken = cell_len(piece)
        if used + taken > width and not piece.isspace():
            yield "".join(line).rstrip()
            line, used, bare = [begin], cell_len(begin), True
        if not (bare and piece.isspace()):
            line.append(piece)
            used += taken
            bare = False
    yield "".join(line).rstrip()


def _pieces(text: str, room: int) -> Iterator[str]:
    for piece in _PIECE.findall(text):
        start = 0
        while start < len(piece):
            cut = (
                piece
                if piece.isspace()
                else _fitting(piece[start : start + room], room)
            )
            yield cut
            start += len(cut)


def _fitting(text: str, room: int) -> str:
    """Return the longest prefix that fits; at least one character."""
    cut = text
    while len(cut) > 1 and cell_len(cut) > room:
        cut = cut[:-1]
    return cut
