"""Stories as records: the rows of a scenario, spread over time and partitions."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Final, NamedTuple

from simulation.stories import Story
from simulation.timed import Timed
from streams.processing.partitioner import partition_of
from testkit.rows import PARTITIONS, Row
from testkit.scenarios import SCENARIOS
from testkit.scenarios.script import Script
from testkit.world import HEADERS

_KEYLESS: Final = 10
"""One in so many stories sends requests without a key."""


class StoryRows(NamedTuple):
    """A story written down."""

    rows: tuple[Timed, ...]
    owner: str
    """Whose partition its records belong into."""
    partition: int
    order: Row | None
    """The first snapshot of its order."""
    codes: Mapping[tuple[str, bool], frozenset[str]]
    """Reason codes of its decisions, if all its requests are of one wave and they do not
    hang on the clock."""


def story_rows(story: Story, start_ms: int, partitions: int) -> StoryRows:
    """Write a story down; facts and requests are dated at its first request."""
    asked_ms = start_ms + story.asks_us // 1_000
    script = SCENARIOS[story.scenario](story.number, asked_ms)
    owner = script.owner
    partition = partition_of(owner, partitions)
    facts = tuple(
        Timed(_fact_us(story, wave, row), replace(row, partition=partition))
        for wave, row in script.facts
    )
    orders = [one.row for one in facts if one.row.topic == "orders"]
    requests = tuple(_requests(story, script, partitions))
    return StoryRows(
        (*facts, *requests),
        owner,
        partition,
        orders[0] if orders else None,
        _codes(script),
    )


def _fact_us(story: Story, wave: int, row: Row) -> int:
    """Return when a fact is written: those of a later wave just before its requests."""
    if story.late in ("all", row.topic):
        return story.asks_us + wave * story.apart_us + story.late_us
    if wave == 0:
        return story.facts_us
    return story.asks_us + wave * story.apart_us


def _requests(story: Story, script: Script, partitions: int) -> Iterator[Timed]:
    of_wave: dict[int, int] = {}
    home = partition_of(script.owner, PARTITIONS)
    for wave, row in script.requests:
        number = of_wave.get(wave, 0)
        of_wave[wave] = number + 1
        at_us = story.asks_us + wave * story.apart_us + number * story.gap_us
        away = 0 if row.partition == home else 1
        dressed = _dressed(story, row, script.owner, away, partitions)
        yield Timed(at_us, dressed)
        if number == 0 and wave == 0:
            for later_us in story.again_us:
                yield Timed(at_us + later_us, dressed)


def _dressed(story: Story, row: Row, owner: str, away: int, partitions: int) -> Row:
    """Return a request in its partition, ``away`` beyond it, as its sender sends it."""
    return Row(
        row.topic,
        (partition_of(owner, partitions) + away) % partitions,
        None if story.number % _KEYLESS == 0 else row.key,
        row.value,
        HEADERS[story.number % len(HEADERS)],
    )


def _codes(script: Script) -> Mapping[tuple[str, bool], frozenset[str]]:
    if any(wave for wave, _ in (*script.requests, *script.facts)):
        return {}
    return {
        identity: codes
        for identity, codes in script.expected.items()
        if codes is not None
    }
