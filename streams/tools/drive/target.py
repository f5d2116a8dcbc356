"""Check that the topics to write exist and have the right shape."""

from collections.abc import Collection, Iterator

from streams.families.fast_refund.topics import TOPICS
from streams.settings import Settings
from streams.settings.topics import placed
from streams.tools.drive.clients import Cluster


def problems_of(
    cluster: Cluster, settings: Settings, names: Collection[str]
) -> Iterator[str]:
    """Yield a line for each topic (without prefix) that is missing or of another shape."""
    rows = (row for row in TOPICS.rows() if row.name in names)
    for topic in placed(rows, settings):
        found = cluster.topics.get(topic.name)
        if found is None:
            yield f"{topic.name}: missing; run `refund topics create`"
        elif found != topic.partitions:
            yield (
                f"{topic.name}: has {found} partitions, the settings "
                f"require {topic.partitions}"
            )
