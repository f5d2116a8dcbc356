"""Select dead letters and find them."""

from collections import deque
from difflib import get_close_matches
from itertools import chain
from typing import Final

import msgspec

from streams.errors import UsageError
from streams.platforms.registry import installed
from streams.processing.topics import DEAD_LETTERS, Kind
from streams.records.dead_letters import ERRORS, last_text
from streams.records.record import Placed
from streams.settings import Settings
from streams.settings.topics import placed, topic_name
from streams.tools.reading import broker_errors, partitions_of, reader, scan

_READ: Final[frozenset[Kind]] = frozenset({"input", "fact", "shared_fact"})
"""Kinds of topics that a dead letter may come from."""

_DIGITS_MAX: Final = 29
"""Most digits of a partition (32 bits) and an offset (64 bits) together."""


class Choice(msgspec.Struct, frozen=True):
    """The selected dead letters."""

    letters: tuple[str, ...] = ()
    """``PARTITION:OFFSET`` of each; empty = all that the other fields allow."""
    topic: str | None = None
    """Original topic, with or without the prefix."""
    error: str | None = None
    limit: int | None = None
    """At most this many of the newest per partition."""

    def takes(self, record: Placed) -> bool:
        """Whether a record is selected, apart from ``limit``."""
        return (
            (not self.letters or place(record) in self.letters)
            and self.topic in (None, last_text(record.headers, "topic"))
            and self.error in (None, last_text(record.headers, "error"))
        )


def letters_topic(settings: Settings) -> str:
    """Return the topic of dead letters."""
    return topic_name(DEAD_LETTERS, settings.topics)


def inputs(settings: Settings) -> dict[str, int]:
    """Return the topics that a dead letter may come from, with their partition counts."""
    rows = (row for row in installed(settings) if row.kind in _READ)
    return {topic.name: topic.partitions for topic in placed(rows, settings)}


def place(record: Placed) -> str:
    """Return ``PARTITION:OFFSET`` in the topic of dead letters."""
    return f"{record.partition}:{record.offset}"


def is_cut(record: Placed) -> bool:
    """Whether a letter holds only part of its record, so that it cannot be sent back."""
    return last_text(record.headers, "cut") is not None


def where(text: str) -> tuple[int, int]:
    """Read ``PARTITION:OFFSET``.

    Raises
    ------
    UsageError
        It is none.
    """
    partition, _, offset = text.partition(":")
    digits = partition + offset
    if not (partition and offset and digits.isdecimal() and len(digits) <= _DIGITS_MAX):
        raise UsageError(
            [f"{text}: not a PARTITION:OFFSET; copy one from `refund dlq list`"]
        )
    return int(partition), int(offset)


async def find(settings: Settings, choice: Choice) -> list[Placed]:
    """Read all dead letters and return the selected ones, by partition and offset.

    Raises
    ------
    SourceError
        The brokers cannot be reached.
    TopicsError
        The topic is missing.
    UsageError
        A named letter is missing; or a topic or error is unknown.
    """
    for letter in choice.letters:
        where(letter)
    choice = _full(choice, settings)
    kept: dict[int, deque[Placed]] = {}
    origins, errors = set(inputs(settings)), set(chain.from_iterable(ERRORS.values()))

    def take(record: Placed) -> None:
        # A newer version may write more errors than this one knows: those found count
        # as known.
        origins.add(last_text(record.headers, "topic") or "")
        errors.add(last_text(record.headers, "error") or "")
        if choice.takes(record):
            queue = kept.setdefault(record.partition, deque(maxlen=choice.limit))
            queue.append(record)

    with broker_errors(settings.kafka):
        partitions = await partitions_of(settings.kafka, [letters_topic(settings)])
        async with reader(settings.kafka) as consumer:
            await scan(consumer, partitions, take)
    _refuse_unknown(choice, origins, errors)
    found = [record for number in sorted(kept) for record in kept[number]]
    missing = set(choice.letters) - {place(record) for record in found}
    if missing:
        raise UsageError(f"{one}: no such dead letter" for one in sorted(missing))
    return found


def _full(choice: Choice, settings: Settings) -> Choice:
    """Add the prefix to a topic that was given without it."""
    full = f"{settings.topics.prefix}{choice.topic}"
    if choice.topic is None or full not in inputs(settings):
        return choice
    return msgspec.structs.replace(choice, topic=full)


def _refuse_unknown(choice: Choice, origins: set[str], errors: set[str]) -> None:
    asked = (("--topic", choice.topic, origins), ("--error", choice.error, errors))
    problems = [
        f"{option} {given}: {_instead(given, known)}"
        for option, given, known in asked
        if given is not None and given not in known
    ]
    if problems:
        raise UsageError(problems)


def _instead(given: str, known: set[str]) -> str:
    """Suggest what to write instead."""
    close = get_close_matches(given, known - {""}, n=1)
    if close:
        return f"unknown; did you mean {close[0]}?"
    return f"unknown; give one of {', '.join(sorted(known - {''}))}"
