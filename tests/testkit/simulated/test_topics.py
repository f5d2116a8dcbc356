import asyncio
import random
from collections.abc import Callable

import pytest

from testkit.simulated.cluster import Cluster
from testkit.simulated.error_codes import ErrorCode
from testkit.simulated.logs.batches import batches_of
from testkit.simulated.logs.partitions import Partition
from testkit.simulated.logs.topics import Topics
from tests.testkit.simulated.written import batch, some


@pytest.fixture
def cluster() -> Cluster:
    async def build() -> Cluster:
        found = Cluster(3, random.Random(1))  # noqa: S311 - a seed
        found.now_ms = lambda: 1_767_225_600_000  # type: ignore[method-assign]  # no loop runs
        found.topics = Topics(found)
        return found

    return asyncio.run(build())


@pytest.fixture
def partition(cluster: Cluster) -> Partition:
    topic = cluster.topics.create("t", 1, 3, {"min.insync.replicas": "2"})
    (found,) = topic.partitions
    assert isinstance(found, Partition)
    return found


def down(cluster: Cluster, node: int) -> None:
    cluster.nodes[node].up = False
    cluster.topics.node_down(node)


def up(cluster: Cluster, node: int) -> None:
    cluster.nodes[node].up = True
    cluster.topics.node_up(node)


def led(partition: Partition) -> tuple[int | None, list[int]]:
    return partition.leader, sorted(partition.isr)


def offsets(partition: Partition) -> list[int]:
    return [record.offset for record in partition.log.decode()]


def test_leaders_are_spread_over_the_nodes(cluster: Cluster) -> None:
    topic = cluster.topics.create("t", 6, 3)
    assert [one.leader for one in topic.partitions] == [1, 2, 3, 1, 2, 3]


def test_a_topic_created_again_has_another_id_and_is_empty(cluster: Cluster) -> None:
    first = cluster.topics.create("t", 1)
    first.partitions[0].append(batch())
    cluster.topics.delete("t")
    second = cluster.topics.create("t", 1)
    assert first.topic_id != second.topic_id
    assert first.partitions[0].deleted
    assert second.partitions[0].log.end_offset == 0


def test_one_seed_gives_the_same_topic_ids() -> None:
    async def ids() -> list[str]:
        cluster = Cluster(1, random.Random(5))  # noqa: S311 - a seed
        topics = Topics(cluster)
        return [str(topics.create(name, 1).topic_id) for name in "ab"]

    assert asyncio.run(ids()) == asyncio.run(ids())


def test_a_record_is_readable_once_every_replica_in_sync_has_it(
    cluster: Cluster, partition: Partition
) -> None:
    partition.append(batch(some(2)))
    assert partition.log.high_watermark == 2
    cluster.topics.slow(2)
    partition.append(batch(some(1)))
    assert (partition.log.high_watermark, partition.log.end_offset) == (2, 3)
    cluster.topics.drop(2)
    assert (partition.log.high_watermark, partition.isr) == (3, [1, 3])
    cluster.topics.catch_up(2)
    assert (partition.ends, partition.isr) == ({1: 3, 2: 3, 3: 3}, [1, 3, 2])


def test_a_clean_fail_over_loses_nothing_that_was_acknowledged(
    cluster: Cluster, partition: Partition
) -> None:
    partition.append(batch(some(2)))
    cluster.topics.slow(2)
    cluster.topics.slow(3)
    partition.append(batch(some(3)))
    down(cluster, 1)
    assert (partition.leader, partition.leader_epoch) == (2, 1)
    assert (offsets(partition), partition.log.high_watermark) == ([0, 1], 2)
    up(cluster, 1)
    assert sorted(partition.isr) == [1, 2, 3]
    assert partition.leader == 2


def test_too_few_replicas_in_sync_refuse_an_append_for_all(
    cluster: Cluster, partition: Partition
) -> None:
    down(cluster, 2)
    assert partition.append(batch()).error == ErrorCode.NONE
    down(cluster, 3)
    assert partition.append(batch()).error == ErrorCode.NOT_ENOUGH_REPLICAS
    assert partition.append(batch(), acks=1).error == ErrorCode.NONE


def test_nothing_new_is_readable_while_too_few_are_in_sync(
    cluster: Cluster, partition: Partition
) -> None:
    for node in (2, 3):
        down(cluster, node)
    partition.append(batch(some(3)), acks=1)
    assert (partition.log.end_offset, partition.log.high_watermark) == (3, 0)
    up(cluster, 3)
    assert partition.log.high_watermark == 3


def test_a_new_leader_has_heard_of_no_first_batch_that_was_tried(
    partition: Partition,
) -> None:
    producers = partition.log.producers
    producers.ask_about(*batches_of(batch(producer=(7, 0, 2), transactional=True)))
    late = batch(producer=(7, 0, 3), transactional=True)
    assert partition.append(late).error == ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER
    partition.lead(2)
    assert partition.append(late).error == ErrorCode.NONE


def test_without_replicas_in_sync_nobody_leads_until_one_of_the_last_comes_back(
    cluster: Cluster, partition: Partition
) -> None:
    down(cluster, 2)
    partition.append(batch(some(2)))
    down(cluster, 3)
    partition.append(batch(some(1)), acks=1)
    down(cluster, 1)
    assert led(partition) == (None, [])
    up(cluster, 2)
    assert led(partition) == (None, [])
    up(cluster, 3)
    assert led(partition) == (3, [2, 3])
    assert offsets(partition) == [0, 1]


def test_an_unclean_election_loses_acknowledged_records(
    cluster: Cluster, partition: Partition
) -> None:
    partition.append(batch(some(2)))
    down(cluster, 2)
    partition.append(batch(some(3)))
    assert partition.log.high_watermark == 5
    for node in (3, 1):
        down(cluster, node)
    up(cluster, 2)
    assert partition.leader is None
    cluster.topics.elect_unclean("t", 0, 2)
    assert (offsets(partition), partition.isr) == ([0, 1], [2])
    up(cluster, 1)
    assert (partition.log.end_offset, sorted(partition.isr)) == (2, [1, 2])


def test_whoever_watches_is_told_of_readable_records_leaders_and_deletion(
    cluster: Cluster, partition: Partition
) -> None:
    told: list[str] = []

    def wake(why: str) -> Callable[[], None]:
        return lambda: told.append(why)

    watcher = wake("changed")
    partition.watch(watcher)
    partition.append(batch())
    assert told == ["changed"]
    down(cluster, 1)
    assert len(told) > 1
    told.clear()
    cluster.topics.delete("t")
    assert told == ["changed"]
    partition.unwatch(watcher)
    partition.append(batch())
    assert told == ["changed"]


def test_records_are_deleted_up_to_the_high_watermark_and_no_further(
    partition: Partition,
) -> None:
    partition.append(batch(some(4)))
    assert partition.delete_records(5) == ErrorCode.OFFSET_OUT_OF_RANGE
    assert partition.delete_records(2) == ErrorCode.NONE
    assert offsets(partition) == [2, 3]
    assert partition.delete_records(-1) == ErrorCode.NONE
    assert partition.log.start_offset == 4
