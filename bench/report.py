"""The table on the terminal, and the page that ``--write-docs`` writes."""

from collections.abc import Iterable
from pathlib import Path
from typing import Final, Literal

from rich.console import Console
from rich.table import Table

from bench.results import TITLES, Results, remarks, rows

BEGIN: Final = "<!-- by hand: from here -->"
END: Final = "<!-- by hand: to here -->"
_LEFT: Final = 2
"""Columns of text; the others are numbers."""
_WIDTH: Final = 160
"""Where there is no terminal to ask."""

_BY_HAND: Final = """
## Tried and did not help

Nothing noted yet.

"""

_HOW: Final = """\
## How it is measured

`make bench` prints this table, `python -m bench --write-docs` writes this page. Each
engine runs in a process of its own, one after the other, all in every round; each run
has new topics, and every request must have exactly one output.

- **ours**: `refund worker` as it is shipped: facts from topics, every rule, a decision
  record that holds all that was seen, the contract's headers, history, metrics.
  Watermarks are renewed every second, so facts are fresh.
- **plain Faust**: `@app.agent(topic)` and one `await topic.send(...)` per event, defaults.
- **bare aiokafka**: a loop that polls, decides, sends a batch per partition and commits;
  no facts from topics, no headers, no metrics, no supervision.
- **work**: `full` is ours; `small` is amount, quality and unshipped from two dicts, and a
  decision record of two fields. The peers do far less, so `full` against `small` understates
  ours.

**records/s** The requests are in the topic before the engine starts. The end offsets of
the output topics are read every 25 ms; the figure is the slope between 10 % and 90 % of
all outputs. **CPU** is user and system time of the process and its children between the
same two points. **start** is from starting the process to its first output, facts loaded.
**memory** is the peak (VmHWM) after both runs.

**Latency** follows on the same process. A generator sends each request at its intended
time and never waits for an answer (open loop); a receiver takes output records one by one.
The time counts from the *intended* moment, so what queues behind a pause is counted in full.
The first seconds are not counted.

## Traps

- A receiver that waits for a batch (`consume(n, timeout)`) adds 5-10 ms of its own.
- A generator that waits for answers slows down with the engine and hides its pauses; one
  that falls behind measures itself. So its lateness is recorded, and the run is refused
  when one record in a thousand was later than allowed.
- asyncio rounds its timers up to whole milliseconds: the generator sleeps in a thread.
- A fresh JVM needs warming: the first run is thrown away.
- Counting from the start of the process measures start-up; counting what the engine says
  measures what it believes. End offsets are the broker's word.
- A second refund of an order goes to a person and is cheaper to judge in part, so there is
  one order per request, and requests come in another order than the orders were loaded.
- Broker, generator and receiver share the cores with the engine. Compare rows of one table,
  not of two machines; what the broker alone takes is printed below the table.
- CPU time is no refuge from neighbours: they take caches, and the other half of a core. The
  bare loop took 6.7 s a million for 200,000 requests, and 9.6 s for the same beside a test
  run. So what others took is printed too.
"""


def show(results: Results) -> None:
    """Print the table and what must be known to read it."""
    console = Console()
    if not console.is_terminal:
        console = Console(width=_WIDTH)
    table = Table(title="Same records, same broker, one process each")
    for number, title in enumerate(TITLES):
        justify: Literal["left", "right"] = "left" if number < _LEFT else "right"
        table.add_column(title, justify=justify, no_wrap=True)
    for row in rows(results):
        table.add_row(*row)
        table.add_section()
    console.print(table)
    for line in remarks(results):
        console.print(line, highlight=False)


def write_page(results: Results, file: Path) -> None:
    """Write the page; what stands between the two marks is kept."""
    file.parent.mkdir(exist_ok=True)
    before = file.read_text("utf-8") if file.exists() else ""
    file.write_text(page(results, _kept(before)), encoding="utf-8")


def page(results: Results, by_hand: str) -> str:
    """Return ``docs/performance.md``."""
    machine = "\n".join(
        f"| {name} | {value} |" for name, value in results.machine.items()
    )
    head = _markdown_row(title.replace("\n", " ") for title in TITLES)
    rule = _markdown_row(
        "---" if number < _LEFT else "---:" for number in range(len(TITLES))
    )
    body = "\n".join(_markdown_row(row) for row in rows(results))
    notes = "\n".join(f"- {line}" for line in remarks(results))
    return (
        "# Performance\n\n"
        "Written by `python -m bench --write-docs`, except for what stands between the two "
        "marks.\n\n"
        f"{head}\n{rule}\n{body}\n\n{notes}\n\n"
        f"## Machine\n\n| | |\n|---|---|\n{machine}\n\n{_HOW}\n{BEGIN}\n{by_hand}\n{END}\n"
    )


def _kept(before: str) -> str:
    _, begun, rest = before.partition(BEGIN)
    inside, ended, _ = rest.partition(END)
    return inside.strip("\n") if begun and ended else _BY_HAND.strip("\n")


def _markdown_row(cells: Iterable[str]) -> str:
    return "| " + " | ".join(cell.replace("\n", "<br>") for cell in cells) + " |"
