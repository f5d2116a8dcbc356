"""Topics and groups from settings: one place that puts the prefix before them."""

from typing import Final

from streams.kafka.incarnations import Expected
from streams.kafka.output_scan import OutputTopics
from streams.kafka.rights import READ, WRITE
from streams.kafka.table_reader import FactTopics
from streams.settings import Settings, Topics


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


_OF_INPUT: Final = (
    "what it held and nobody decided is gone, ask its senders for it; then start the "
    "workers again"
)
_OF_FACTS: Final = (
    "what is remembered of it may be true no longer; see that its feed has written all of "
    "it again, vetoes and exclusions too, then start the workers again"
)


def expected_of_deciding(topics: Topics) -> dict[str, Expected]:
    """Return what must not change under a worker that decides: requests and facts."""
    facts = fact_topics(topics)
    expected = {
        name: Expected(partitions=topics.partitions, advice=_OF_FACTS)
        for name in facts.names()
    }
    expected[facts.policies] = Expected(partitions=1, advice=_OF_FACTS)
    requests = Expected(partitions=topics.partitions, advice=_OF_INPUT)
    return {topics.prefix + "requests": requests, **expected}


def expected_of_ingest(topics: Topics) -> dict[str, Expected]:
    """Return what must not change under a worker that ingests: events and orders."""
    return {
        topics.events: Expected(partitions=topics.partitions, advice=_OF_INPUT),
        topics.prefix + "orders": Expected(
            partitions=topics.partitions, advice=_OF_FACTS
        ),
    }


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


def ingested_topics(topics: Topics) -> dict[str, str]:
    """Return the topics that platform events become, by the names that ingest gives them."""
    prefix = topics.prefix
    return {
        "requests": prefix + "requests",
        "orders": prefix + "orders",
        "outcomes": prefix + "outcomes",
        "dead_letters": prefix + "dead-letters",
    }


def written(settings: Settings) -> tuple[str, ...]:
    """Return the topics that the agents of a worker write, each once."""
    found: list[str] = []
    if "decide" in settings.worker.roles:
        found += output_topics(settings.topics).names()
    if "ingest" in settings.worker.roles:
        found += ingested_topics(settings.topics).values()
    return tuple(dict.fromkeys(found))


def groups_of(settings: Settings) -> tuple[str, ...]:
    """Return the consumer groups that this worker's agents join."""
    group, agents = settings.kafka.group_id, settings.worker.roles
    wanted = (("decide", group), ("ingest", ingest_group(group)))
    return tuple(name for agent, name in wanted if agent in agents)


def ingest_group(group_id: str) -> str:
    """Return the group that reads platform events beside the one of requests."""
    return group_id + "-ingest"


def rights(settings: Settings) -> dict[str, frozenset[str]]:
    """Return what this worker's agents do with each topic: ``READ``, ``WRITE``."""
    agents, topics = settings.worker.roles, settings.topics
    found: dict[str, frozenset[str]] = {}

    def add(operation: str, *names: str) -> None:
        for name in names:
            found[name] = found.get(name, frozenset()) | {operation}

    facts, outputs = fact_topics(topics), output_topics(topics)
    add(WRITE, *written(settings))
    if "decide" in agents:
        add(READ, topics.prefix + "requests", *facts.names(), *outputs.names())
    if "ingest" in agents:
        add(READ, topics.events, facts.orders)
    return found
