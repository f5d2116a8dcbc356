"""Hold conversations with the simulated broker: each has a cluster and a time of its own."""

import random
from typing import Final

from testkit.simulated import loop
from testkit.simulated.cluster import PORT, Cluster
from testkit.simulated.conversations.talk import Conversation, transcript
from testkit.simulated.conversations.versions import Versions
from testkit.simulated.conversations.wire import Endpoint
from testkit.simulated.dispatch import versions
from testkit.simulated.faults import NoFaults
from testkit.simulated.groups import Groups, GroupSettings
from testkit.simulated.logs.topics import Topics
from testkit.simulated.running import RunningCluster
from testkit.simulated.transactions import Transactions

_PREFIX: Final = "talk."


class SimulatedError(Exception):
    """The simulated broker failed in the middle of a conversation."""


def offered() -> Versions:
    """Return the versions of requests that the simulated broker takes."""
    return {key: (lowest, highest) for key, lowest, highest in versions()}


def said(conversation: Conversation, nodes: int, seed: int = 1) -> list[str]:
    """Hold a conversation with a fresh cluster in virtual time.

    Parameters
    ----------
    conversation
        What to say.
    nodes
        Brokers of the cluster; the first one is spoken to.
    seed
        Of latencies and ids.

    Returns
    -------
    list of str
        The transcript.

    Raises
    ------
    SimulatedError
        A task of the broker failed, or the run has no end.
    """

    async def main() -> list[str]:
        cluster = _cluster(nodes, seed)
        await RunningCluster(cluster, NoFaults()).start()
        endpoint = Endpoint(cluster.nodes[1].host, PORT, cluster.now_ms)
        talking = transcript(conversation, endpoint, _PREFIX)
        lines: list[str] = await loop.spawn(talking, host="client")
        return lines

    ended = loop.run(main, loop.Setup(seed=seed))
    if ended.problem is not None:
        raise SimulatedError(str(ended.problem)) from ended.problem
    if ended.unobserved:
        raise SimulatedError("; ".join(ended.unobserved))
    lines: list[str] = ended.value
    return lines


def _cluster(nodes: int, seed: int) -> Cluster:
    cluster = Cluster(nodes, random.Random(seed))  # noqa: S311 - a replay needs the seed
    cluster.topics = Topics(cluster)
    cluster.groups = Groups(cluster, GroupSettings())
    cluster.transactions = Transactions(cluster)
    return cluster
