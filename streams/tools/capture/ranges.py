"""Select the offsets to capture: topics, moments and offsets from the command line."""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

import msgspec

from streams.errors import UsageError
from streams.platforms.registry import installed
from streams.processing.topics import Kind
from streams.settings import Settings
from streams.settings.topics import topic_name
from streams.tools.capture.manifest import Span

_RANGE: Final = re.compile(r"([A-Za-z0-9._-]+):(\d+):(\d*)\.\.(\d*)")

Place = tuple[str, int]
"""Topic and partition."""


class OffsetRange(msgspec.Struct, frozen=True):
    """Offsets of one partition; None = its beginning or its end."""

    topic: str
    partition: int
    start: int | None
    end: int | None


def topic_names(settings: Settings, asked: Sequence[str]) -> tuple[str, ...]:
    """Return full names; ``orders`` is ours, whatever the prefix. Empty = all of ours.

    Raises
    ------
    UsageError
        A name is no topic of ours.
    """
    rows = installed(settings)
    ours = [topic_name(row, settings.topics) for row in rows]
    if not asked:
        own = (row for row in rows if row.setting is None)
        return tuple(topic_name(row, settings.topics) for row in own)
    prefix = settings.topics.prefix
    names = [prefix + name if prefix + name in ours else name for name in asked]
    wrong = [name for name in names if name not in ours]
    if wrong:
        short = ", ".join(name.removeprefix(prefix) for name in ours)
        raise UsageError(f"--topic {one}: not one of {short}" for one in wrong)
    return tuple(dict.fromkeys(names))


def read_ranges(
    texts: Iterable[str], topics: Sequence[str], prefix: str
) -> list[OffsetRange]:
    """Read ``TOPIC:PARTITION:FROM..UNTIL``; either number may be left out.

    Raises
    ------
    UsageError
        One line for each wrong text.
    """
    found: list[OffsetRange] = []
    problems: list[str] = []
    for text in texts:
        match = _RANGE.fullmatch(text)
        if match is None:
            problems.append(
                f"--offsets {text}: write TOPIC:PARTITION:FROM..UNTIL, such as "
                "requests:3:1000..2000; UNTIL is not included"
            )
            continue
        name, number, start, end = match.groups()
        topic = prefix + name if prefix + name in topics else name
        if topic not in topics:
            problems.append(f"--offsets {text}: add --topic {name}")
        found.append(
            OffsetRange(
                topic,
                int(number),
                int(start) if start else None,
                int(end) if end else None,
            )
        )
    if problems:
        raise UsageError(problems)
    return found


class Bounds(msgspec.Struct, frozen=True, kw_only=True):
    """The partitions' offsets, as the broker gives them."""

    first: Mapping[Place, int]
    end: Mapping[Place, int]
    at_from: Mapping[Place, int]
    """Offset of the first record at or after ``from``; missing = none."""
    at_until: Mapping[Place, int]


def spans_of(
    bounds: Bounds, ranges: Sequence[OffsetRange], whole: frozenset[str], *, timed: bool
) -> list[Span]:
    """Return the offsets to capture of every partition.

    Parameters
    ----------
    whole
        Topics captured from their beginning, whatever ``from`` says.
    timed
        Whether there is a ``from``.

    Raises
    ------
    UsageError
        Offsets do not exist.
    """
    by_place = {(one.topic, one.partition): one for one in ranges}
    problems = [
        f"--offsets {topic}:{number}: no such partition"
        for topic, number in by_place
        if (topic, number) not in bounds.first
    ]
    found: list[Span] = []
    for place, first in bounds.first.items():
        from_start = not timed or place[0] in whole
        span = _span(bounds, place, by_place.get(place), from_start=from_start)
        if not first <= span.start <= span.end <= bounds.end[place]:
            problems.append(
                f"--offsets {place[0]}:{place[1]}:{span.start}..{span.end}: the log "
                f"holds {first}..{bounds.end[place]}"
            )
        found.append(span)
    if problems:
        raise UsageError(problems)
    return found


def _span(
    bounds: Bounds, place: Place, asked: OffsetRange | None, *, from_start: bool
) -> Span:
    first, last = bounds.first[place], bounds.end[place]
    if asked is not None:
        start = first if asked.start is None else asked.start
        end = last if asked.end is None else asked.end
    else:
        start = first if from_start else bounds.at_from.get(place, last)
        end = max(start, bounds.at_until.get(place, last))
    return Span(topic=place[0], partition=place[1], start=start, end=end, next=start)


_FACT_KINDS: Final[frozenset[Kind]] = frozenset({"fact", "shared_fact"})


def whole_topics(settings: Settings, facts: str) -> frozenset[str]:
    """Return the topics captured from their beginning: facts of all families."""
    if facts != "whole":
        return frozenset()
    return frozenset(
        topic_name(row, settings.topics)
        for row in installed(settings)
        if row.kind in _FACT_KINDS
    )
