"""Text in so many columns of a terminal: a Chinese character takes two of them."""

import re
from collections.abc import Iterator
from typing import Final

from rich.cells import cell_len

WIDTH: Final = 60
"""Columns that fit half a screen, a ticket and a phone on its side."""

_WIDE: Final = "\u2e80-\u9fff\uac00-\ud7a3\uf900-\ufaff\uff00-\uffef"
_PIECE: Final = re.compile(
    rf" +|[^ {_WIDE}]+|[{_WIDE}][，。；：、）]*"  # closing marks begin no line
)


def wrapped(
    text: str, first: str = "", other: str | None = None, width: int = WIDTH
) -> Iterator[str]:
    """Yield a text as lines of at most ``width`` columns.

    Breaks at spaces and beside wide characters; a piece that is longer than a line,
    such as an id, is broken anywhere.

    Parameters
    ----------
    first, other
        What the first and all other lines begin with; ``other`` None = spaces of the
        width of ``first``.
    """
    begin = " " * cell_len(first) if other is None else other
    line = first
    empty = True
    for piece in _pieces(text, width - max(cell_len(first), cell_len(begin))):
        if cell_len(line) + cell_len(piece.rstrip()) > width:
            yield line.rstrip()
            line, empty = begin, True
        if not (empty and piece.isspace()):
            line += piece
            empty = False
    yield line.rstrip()


def _pieces(text: str, room: int) -> Iterator[str]:
    for piece in _PIECE.findall(text):
        rest = piece
        while cell_len(rest) > room and not rest.isspace():
            cut = _fitting(rest, room)
            yield rest[:cut]
            rest = rest[cut:]
        yield rest


def _fitting(text: str, room: int) -> int:
    """Return how many characters fit; at least one."""
    cut = min(len(text), max(room, 1))
    while cut > 1 and cell_len(text[:cut]) > room:
        cut -= 1
    return cut
