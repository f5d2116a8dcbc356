"""The rows of topics in one installation: full names and partition counts."""

from collections.abc import Collection, Iterable

import msgspec

from streams.processing.topics import Topic
from streams.settings.model import Settings, Topics


class PlacedTopic(msgspec.Struct, frozen=True):
    """One topic as it is on the brokers of this installation."""

    row: Topic
    name: str
    """On the brokers: with the prefix, or as a setting of its own says."""
    partitions: int


def topic_name(row: Topic, topics: Topics) -> str:
    """Return the name of a topic on the brokers."""
    if row.setting is None:
        return topics.prefix + row.name
    name: str = getattr(topics, row.setting)
    return name


def topic_partitions(row: Topic, settings: Settings) -> int:
    """Return how many partitions a topic has: all of one family have the same number."""
    if row.partition_key is None:
        return 1
    if row.family is None:
        return settings.topics.partitions
    return settings.partitions_of(row.family)


def sized_by(row: Topic, settings: Settings) -> str:
    """Return the name of the setting that :func:`topic_partitions` goes by."""
    given = settings.families.get(row.family or "")
    if given is None or given.partitions is None:
        return "topics.partitions"
    return f"families.{row.family}.partitions"


def placed(rows: Iterable[Topic], settings: Settings) -> tuple[PlacedTopic, ...]:
    """Return the topics of these rows, in their order."""
    return tuple(
        PlacedTopic(
            row, topic_name(row, settings.topics), topic_partitions(row, settings)
        )
        for row in rows
    )


def read_by(rows: Iterable[Topic], roles: Collection[str]) -> tuple[Topic, ...]:
    """Return the rows that a worker with these roles reads."""
    return tuple(row for row in rows if not set(roles).isdisjoint(row.read_by))


def written_by(rows: Iterable[Topic], roles: Collection[str]) -> tuple[Topic, ...]:
    """Return the rows that a worker with these roles writes."""
    return tuple(row for row in rows if not set(roles).isdisjoint(row.written_by))
