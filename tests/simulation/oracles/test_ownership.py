"""Who owns a partition, out of the log of the real group coordinator of the simulation."""

from random import Random

from simulation.oracles.names import Names
from simulation.oracles.oracles import Oracles
from testkit.simulated import loop
from testkit.simulated.cluster import Cluster
from testkit.simulated.groups.groups import Groups
from testkit.simulated.groups.settings import GroupSettings
from testkit.simulated.logs.topics import Topics
from testkit.simulated.loop import Setup
from tests.simulation.oracles.universe import assignment, joining

NODE = 1


async def owners_in_a_life() -> list[str | None]:
    """A member joins, gets the partition, and leaves."""
    cluster = Cluster(1, Random(0))  # noqa: S311 - ids, no secrets
    cluster.topics = Topics(cluster)
    cluster.groups = Groups(cluster, GroupSettings())
    oracles = Oracles(cluster, Names("t.", "g", 1), drain_ms=4_000)
    cluster.observer = oracles
    found: list[str | None] = []

    def look() -> None:
        oracles.requested(NODE, 3, 0, "somebody")
        found.append(oracles.owner(0))

    look()
    joined = await cluster.groups.join(NODE, "g", joining("w1"))
    look()
    member = (joined.member_id, None)
    await cluster.groups.sync(
        NODE, "g", member, joined.generation, {joined.member_id: assignment(0)}
    )
    look()
    cluster.groups.leave(NODE, "g", joined.member_id)
    look()
    return found


def test_a_partition_is_its_member_s_from_the_assignment_until_it_leaves() -> None:
    ended = loop.run(owners_in_a_life, Setup(seed=1))
    assert ended.problem is None
    assert ended.value == [None, None, "w1", None]
