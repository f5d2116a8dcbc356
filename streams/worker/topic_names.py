"""The topics of the fast refund as a deciding worker is given them."""

from streams.families.fast_refund import topics as rows
from streams.kafka.output_scan import OutputTopics
from streams.kafka.table_reader import FactTopics
from streams.processing.topics import DEAD_LETTERS, POLICIES
from streams.settings import Settings
from streams.settings.topics import topic_name


def fact_topics(settings: Settings) -> FactTopics:
    """Return the topics that facts are read from."""
    topics = settings.topics
    return FactTopics(
        orders=topic_name(rows.ORDERS, topics),
        buyers=topic_name(rows.BUYERS, topics),
        outcomes=topic_name(rows.OUTCOMES, topics),
        shops=topic_name(rows.SHOPS, topics),
        catalog=topic_name(rows.CATALOG, topics),
        policies=topic_name(POLICIES, topics),
        partitions=settings.partitions_of(rows.CODE),
    )


def output_topics(settings: Settings) -> OutputTopics:
    """Return the topics that a deciding worker writes."""
    topics = settings.topics
    return OutputTopics(
        approvals=topic_name(rows.APPROVALS, topics),
        reviews=topic_name(rows.REVIEWS, topics),
        skipped=topic_name(rows.SKIPPED, topics),
        notices=topic_name(rows.NOTICES, topics),
        dead_letters=topic_name(DEAD_LETTERS, topics),
    )
