"""The rows of topics in one installation: full names and partition counts."""

from streams.processing.topics import Topic
from streams.settings.model import Settings, Topics


def topic_name(row: Topic, topics: Topics) -> str:
    """Return the name of a topic on the brokers."""
    return topics.prefix + row.name


def topic_partitions(row: Topic, settings: Settings) -> int:
    """Return how many partitions a topic has.

    What one family reads and writes by partition has as many as its input. What all
    share has ``topics.partitions``, whichever family declares it.
    """
    if row.partition_key is None:
        return 1
    if row.family is None or row.kind == "shared_fact":
        return settings.topics.partitions
    return settings.partitions_of(row.family)
