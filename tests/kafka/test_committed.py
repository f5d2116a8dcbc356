"""Reading a group's committed offsets while its coordinator moves."""

from streams.kafka.aiokafka_internals.committed import committed
from testkit.simulated.cluster import Cluster
from tests.testkit.simulated.live_cluster import PARTITIONS, consumer, live, settled


def test_offsets_are_not_taken_for_missing_while_the_coordinator_moves() -> None:
    async def say(cluster: Cluster) -> None:
        member = consumer()
        await member.start()
        await settled(member)
        await member.commit({PARTITIONS[0]: (7, "text"), PARTITIONS[3]: (9, "")})
        expected = {PARTITIONS[0]: (7, "text"), PARTITIONS[3]: (9, "")}
        assert await committed(member, PARTITIONS) == expected
        assert cluster.groups.move("g") is not None
        assert await committed(member, PARTITIONS) == expected
        await member.stop()

    live(say)
