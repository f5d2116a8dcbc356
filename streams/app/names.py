"""Topic names from settings: one place that puts the prefix before them."""

from streams.kafka.facts import FactTopics
from streams.kafka.recovery import OutputTopics
from streams.settings import Topics


def fact_topics(topics: Topics) -> FactTopics:
    """Return the topics that facts are read from."""
    prefix = topics.prefix
    return FactTopics(
        orders=prefix + "orders",
        buyers=prefix + "buyers",
        outcomes=prefix + "outcomes",
        shops=prefix + "shops",
        catalog=prefix + "catalog",
        policies=prefix + "policies",
        partitions=topics.partitions,
    )


def output_topics(topics: Topics) -> OutputTopics:
    """Return the topics that a deciding worker writes."""
    prefix = topics.prefix
    return OutputTopics(
        approvals=prefix + "approvals",
        reviews=prefix + "reviews",
        skipped=prefix + "skipped",
        notices=prefix + "notices",
        dead_letters=prefix + "dead-letters",
    )
