"""What happened in a universe, for a person: when, who, what.

What happens all the time (records appended, offsets committed) is folded: one line for
all of it between two events of another kind. Watermarks and facts are counted only.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import IO, Final

import msgspec
from rich.console import Console
from rich.table import Table
from rich.text import Text

from streams.visible import visible

_OFTEN: Final = frozenset({"gets", "commits"})
"""First words of what happens all the time."""
_FEEDS: Final = frozenset({"orders", "buyers", "shops", "catalog"})
"""Topics to which somebody writes all the time."""
_STYLES: Final = {
    "action": "yellow",
    "fault": "magenta",
    "finding": "bold red",
    "universe": "bold",
}


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """Something that happened."""

    at_us: int
    """Virtual µs since the universe began."""
    who: str
    """``worker-2``, ``action``, ``refund.approvals/0``, a group."""
    what: str
    """Verb first; one line."""

    @property
    def is_often(self) -> bool:
        """Whether such a thing happens all the time."""
        return self.what.split(" ", 1)[0] in _OFTEN

    @property
    def is_of_feeds(self) -> bool:
        """Whether it is one of the many facts and watermarks."""
        topic = self.who.partition("/")[0].rpartition(".")[2]
        return self.is_often and topic in _FEEDS


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """One event, or several of a kind."""

    first: Event
    last: Event
    times: int = 1

    def what(self) -> str:
        """Return what happened, how often, and until when."""
        if self.times == 1:
            return visible(self.first.what)
        last = f" … {visible(self.last.what)}" if self.last != self.first else ""
        until = f"{self.times} times until {moment(self.last.at_us)}"
        return f"{visible(self.first.what)}{last} ({until})"


class Timeline:
    """Collects events while a universe runs.

    Parameters
    ----------
    now_us
        Virtual µs since the universe began.
    """

    def __init__(self, now_us: Callable[[], int]) -> None:
        self._now_us = now_us
        self.events: list[Event] = []

    def tell(self, who: str, what: str) -> None:
        """Note that something happens now."""
        self.events.append(Event(at_us=self._now_us(), who=who, what=what))


def moment(at_us: int) -> str:
    """Return a moment as seconds with six digits, as it is shown."""
    return f"{at_us // 1_000_000}.{at_us % 1_000_000:06d}"


def folded(events: Iterable[Event]) -> list[Line]:
    """Return lines in the order of their first events.

    Events that happen all the time are one line if they are of one kind and of the same
    doer, and nothing of another sort happened in between.
    """
    lines: list[Line] = []
    places: dict[tuple[str, str], int] = {}
    for event in events:
        if not event.is_often:
            places.clear()
            lines.append(Line(first=event, last=event))
            continue
        kind = event.who, _kind(event)
        at = places.setdefault(kind, len(lines))
        if at == len(lines):
            lines.append(Line(first=event, last=event))
        else:
            before = lines[at]
            lines[at] = Line(first=before.first, last=event, times=before.times + 1)
    return lines


def _kind(event: Event) -> str:
    """Return what happened without its last word, which counts on."""
    return event.what.rpartition(" ")[0]


def shown(events: Iterable[Event]) -> list[Event]:
    """Return the events without those of feeds."""
    return [event for event in events if not event.is_of_feeds]


def plain(events: Sequence[Event]) -> Iterator[str]:
    """Yield the timeline as lines of text."""
    lines = folded(shown(events))
    width = max((len(line.first.who) for line in lines), default=0)
    for line in lines:
        who = visible(line.first.who).ljust(width)
        yield f"{moment(line.first.at_us):>12}  {who}  {line.what()}"
    yield from _left_out(events)


def table(events: Sequence[Event]) -> Table:
    """Return the timeline for a terminal."""
    found = Table("s", "who", "what", box=None, pad_edge=False, header_style="dim")
    found.columns[0].justify = "right"
    for line in folded(shown(events)):
        style = _style(line.first.who)
        texts = moment(line.first.at_us), visible(line.first.who), line.what()
        found.add_row(*(Text(text, style) for text in texts))
    for text in _left_out(events):
        found.add_row("", "", Text(text, "dim"))
    return found


def json_lines(events: Iterable[Event]) -> Iterator[str]:
    """Yield every event, those of feeds too, as one JSON object a line."""
    for event in events:
        yield msgspec.json.encode(event).decode()


def show(events: Sequence[Event], file: IO[str]) -> None:
    """Print a timeline: as a table on a terminal, else as lines."""
    console = Console(file=file, highlight=False, markup=False)
    if console.is_terminal:
        console.print(table(events))
        return
    file.writelines(line + "\n" for line in plain(events))


def _left_out(events: Sequence[Event]) -> Iterator[str]:
    count = sum(event.is_of_feeds for event in events)
    if count:
        yield f"left out: facts and watermarks, written {count} times"


def _style(who: str) -> str:
    return _STYLES.get(who, "cyan" if who.startswith("worker") else "")
