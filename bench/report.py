"""Tables on the terminal, and the page with its plots that ``--write-docs`` writes."""

from collections.abc import Iterable
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.table import Table as RichTable

from bench.methodology import HOW
from bench.plots import plots
from bench.results import Results, Table, tables
from bench.table_notes import notes, ratio_table

BEGIN: Final = "<!-- by hand: from here -->"
END: Final = "<!-- by hand: to here -->"
_WIDTH: Final = 160
"""Where there is no terminal to ask."""

_BY_HAND: Final = """
## Tried and did not help

Nothing noted yet.

"""


def show(results: Results) -> None:
    """Print the tables and what must be known to read them."""
    console = Console()
    if not console.is_terminal:
        console = Console(width=_WIDTH)
    for table in (*tables(results), ratio_table(results)):
        console.print(_rich(table))
    for line in notes(results):
        console.print(line, highlight=False)


def _rich(table: Table) -> RichTable:
    found = RichTable(title=table.title, show_lines=True)
    for number, title in enumerate(table.head):
        text = number < table.texts
        found.add_column(title, justify="left" if text else "right", no_wrap=not text)
    for row in table.rows:
        found.add_row(*row)
    return found


def write_page(results: Results, file: Path) -> None:
    """Write the page and its plots; what stands between the two marks is kept.

    Plots go beside the page, named after it.
    """
    file.parent.mkdir(exist_ok=True)
    before = file.read_text("utf-8") if file.exists() else ""
    drawn = {f"{file.stem}-{name}": text for name, text in plots(results).items()}
    for name, text in drawn.items():
        (file.parent / name).write_text(text, encoding="utf-8")
    file.write_text(page(results, list(drawn), _kept(before)), encoding="utf-8")


def page(results: Results, pictures: Iterable[str], by_hand: str) -> str:
    """Return the text of ``docs/performance.md``."""
    machine = "\n".join(
        f"| {name} | {value} |" for name, value in results.machine.items()
    )
    body = "\n".join(_markdown(table) for table in tables(results))
    shown = "\n".join(f"![{name}]({name})" for name in pictures)
    listed = "\n".join(f"- {line}" for line in notes(results))
    return (
        "# Performance\n\n"
        "Written by `python -m bench --write-docs`, except for what stands between the two "
        "marks.\n\n"
        f"{body}\n{listed}\n\n{shown}\n\n{_markdown(ratio_table(results))}\n"
        f"## Machine\n\n| | |\n|---|---|\n{machine}\n\n{HOW}\n{BEGIN}\n{by_hand}\n{END}\n"
    )


def _markdown(table: Table) -> str:
    rule = (
        "---" if number < table.texts else "---:" for number in range(len(table.head))
    )
    lines = [table.head, tuple(rule), *table.rows]
    return f"## {table.title}\n\n" + "".join(f"{_row(line)}\n" for line in lines)


def _kept(before: str) -> str:
    _, begun, rest = before.partition(BEGIN)
    inside, ended, _ = rest.partition(END)
    return inside.strip("\n") if begun and ended else _BY_HAND.strip("\n")


def _row(cells: Iterable[str]) -> str:
    return "| " + " | ".join(cell.replace("\n", "<br>") for cell in cells) + " |"
