"""Print tables: drawn on a terminal, tab-separated elsewhere."""

from collections.abc import Iterable, Sequence
from typing import TextIO

import msgspec
from rich.console import Console
from rich.table import Table
from rich.text import Text

from streams.records.headers import cloud_time
from streams.visible import visible


def table(out: TextIO, header: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print rows; unprintable characters in a cell are escaped, including line breaks and tabs."""
    if not out.isatty():
        for row in (header, *rows):
            print(*(_cell(value) for value in row), sep="\t", file=out)
        return
    drawn = Table(*header, box=None, pad_edge=False, header_style="bold")
    for row in rows:
        drawn.add_row(*(Text(_cell(value)) for value in row))
    Console(file=out).print(drawn)


def moment(at_ms: int | None) -> str:
    """Return UTC time to the ms; empty for None or a moment beyond the calendar."""
    if at_ms is None:
        return ""
    try:
        return cloud_time(at_ms).decode()
    except (OverflowError, ValueError, OSError):
        return str(at_ms)


def text_or_hex(value: bytes | None) -> str:
    """Return bytes as text if they are UTF-8, else as hex; text may contain controls."""
    if value is None:
        return "null"
    try:
        return value.decode()
    except UnicodeDecodeError:
        return "0x" + value.hex()


def json_line(value: object) -> str:
    """Encode a value as one line of JSON without unprintable characters."""
    return visible(msgspec.json.encode(value).decode())


def _cell(value: object) -> str:
    return "" if value is None else visible(str(value))
