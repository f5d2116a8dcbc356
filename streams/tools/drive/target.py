"""The topics that are written to: there, and of the right shape."""

from collections.abc import Iterable, Iterator

from streams.settings import Topics
from streams.tools.drive.clients import Cluster


def problems_of(
    cluster: Cluster, topics: Topics, names: Iterable[str]
) -> Iterator[str]:
    """Yield a line for each topic (without prefix) that is missing or of another shape."""
    for name in names:
        full = topics.prefix + name
        found = cluster.topics.get(full)
        wanted = 1 if name == "policies" else topics.partitions
        if found is None:
            yield f"{full}: missing; run `refund topics create`"
        elif found != wanted:
            yield f"{full}: has {found} partitions, topics.partitions says {wanted}"
