"""Requests that meet more than one node, or wait: what no conversation with one can say."""

import asyncio

import pytest
from aiokafka.protocol.fetch import FetchRequest_v11
from aiokafka.protocol.metadata import MetadataRequest_v0, MetadataRequest_v5

from streams.kafka.aiokafka_internals.topic_ids import _TopicsRequest10
from testkit.simulated.error_codes import ErrorCode
from testkit.simulated.handling import HangUpError
from tests.testkit.simulated.data_plane import (
    Answer,
    Talk,
    fetching,
    listed,
    listing,
    produced,
    sending,
    settle,
    talk,
)
from tests.testkit.simulated.written import batch

NONE = ErrorCode.NONE
NOT_LEADER = ErrorCode.NOT_LEADER_OR_FOLLOWER


def test_only_the_leader_takes_records_and_tells_offsets() -> None:
    async def about(it: Talk) -> None:
        assert await it.produce() == [NONE, 0]
        assert await it.produce(node=2) == [NOT_LEADER, -1]
        assert listed(await it.ask(listing(-1))) == [NONE, 1]
        assert listed(await it.ask(listing(-1), node=2)) == [NOT_LEADER, -1]

    talk(about)


def test_an_acknowledgement_by_all_waits_for_a_slow_replica() -> None:
    async def about(it: Talk) -> None:
        it.cluster.topics.slow(3)
        waiting = it.later(sending())
        await asyncio.sleep(1)
        assert not waiting.done()
        assert await it.produce(acks=1) == [NONE, 1]
        it.cluster.topics.catch_up(3)
        assert produced(await waiting) == [NONE, 0]

    talk(about)


def test_an_acknowledgement_that_takes_too_long_is_a_time_out_with_the_offset() -> None:
    async def about(it: Talk) -> None:
        it.cluster.topics.slow(3)
        began = asyncio.get_running_loop().time()
        assert produced(await it.ask(sending(timeout_ms=700))) == [
            ErrorCode.REQUEST_TIMED_OUT,
            0,
        ]
        assert asyncio.get_running_loop().time() - began == pytest.approx(0.7, abs=0.01)

    talk(about)


def test_a_leader_that_loses_its_office_does_not_acknowledge() -> None:
    async def about(it: Talk) -> None:
        it.cluster.topics.slow(3)
        it.cluster.topics.slow(2)
        waiting = it.later(sending())
        await settle()
        it.partition.lead(2)
        assert produced(await waiting) == [NOT_LEADER, 0]
        assert it.partition.log.end_offset == 0

    talk(about)


def test_a_topic_that_is_deleted_meanwhile_is_unknown() -> None:
    async def about(it: Talk) -> None:
        it.cluster.topics.slow(3)
        waiting = it.later(sending())
        fetch = it.later(fetching(0))
        await settle()
        it.cluster.topics.delete("t")
        unknown = ErrorCode.UNKNOWN_TOPIC_OR_PARTITION
        assert produced(await waiting) == [unknown, 0]
        assert Answer(await fetch).error == unknown

    talk(about)


def test_too_few_replicas_in_sync_are_told_before_or_after_the_append() -> None:
    async def about(it: Talk) -> None:
        it.down(2)
        it.cluster.topics.slow(3)
        waiting = it.later(sending(timeout_ms=100))
        await settle()
        it.cluster.topics.drop(3)
        assert produced(await waiting) == [ErrorCode.REQUEST_TIMED_OUT, 0]
        assert await it.produce() == [ErrorCode.NOT_ENOUGH_REPLICAS, -1]

    talk(about)


def test_a_produce_without_acknowledgement_that_fails_ends_the_connection() -> None:
    async def about(it: Talk) -> None:
        assert await it.ask(sending(acks=0)) is None
        with pytest.raises(HangUpError):
            await it.ask(sending(acks=0), node=2)

    talk(about)


def test_a_fetch_waits_until_its_time_is_up_and_no_longer() -> None:
    async def about(it: Talk) -> None:
        began = asyncio.get_running_loop().time()
        assert (await it.fetch(0, wait_ms=300)).size == 0
        assert asyncio.get_running_loop().time() - began == pytest.approx(0.3, abs=0.01)

    talk(about)


def test_a_fetch_is_answered_when_a_record_is_readable_not_when_it_is_written() -> None:
    async def about(it: Talk) -> None:
        it.cluster.topics.slow(3)
        waiting = it.later(fetching(0, wait_ms=5_000))
        it.partition.append(batch())
        await asyncio.sleep(1)
        assert not waiting.done()
        it.cluster.topics.catch_up(3)
        answer = Answer(await waiting)
        assert (answer.size, answer.high_watermark) == (len(batch()), 1)

    talk(about)


def test_a_fetch_waits_for_as_many_bytes_as_it_asks_for() -> None:
    async def about(it: Talk) -> None:
        size = len(batch())
        waiting = it.later(fetching(0, wait_ms=5_000, min_bytes=2 * size))
        await settle()
        for done in (False, True):
            it.partition.append(batch())
            await asyncio.sleep(1)
            assert waiting.done() == done
        assert Answer(await waiting).size == 2 * size

    talk(about)


def test_partitions_of_a_fetch_share_its_bytes_and_the_first_batch_comes_whole() -> (
    None
):
    async def about(it: Talk) -> None:
        topic, size = it.cluster.topics.by_name["t"], len(batch())
        it.cluster.topics.add_partitions(topic, 3)
        for partition in topic.partitions:
            partition.lead(1)
            for _ in range(2):
                partition.append(batch())

        async def sizes(most: int) -> list[int]:
            rows = [(number, -1, 0, -1, 2**20) for number in range(3)]
            request = FetchRequest_v11(-1, 0, 1, most, 0, 0, -1, [("t", rows)], [], "")
            answer = await it.ask(request)
            return [len(row[-1]) for row in answer.topics[0][1]]

        assert await sizes(10) == [size, 0, 0]
        assert await sizes(2 * size) == [2 * size, 0, 0]
        assert await sizes(3 * size) == [2 * size, size, 0]
        assert await sizes(10 * size) == [2 * size] * 3

    talk(about)


def test_a_fetch_of_committed_records_waits_for_the_end_of_a_transaction() -> None:
    async def about(it: Talk) -> None:
        it.partition.append(batch(producer=(7, 0, 0), transactional=True))
        waiting = it.later(fetching(0, wait_ms=5_000, isolation=1))
        assert (await it.fetch(0)).size > 0
        await asyncio.sleep(1)
        assert not waiting.done()
        it.partition.write_marker(7, 0, commit=True)
        answer = Answer(await waiting)
        assert answer.size > 0
        assert answer.stable == 2

    talk(about)


def test_a_fetch_is_answered_at_once_when_its_leader_is_no_longer_there() -> None:
    async def about(it: Talk) -> None:
        waiting = it.later(fetching(0, wait_ms=5_000, epoch=0))
        await settle()
        it.partition.lead(2)
        assert Answer(await waiting).error == ErrorCode.FENCED_LEADER_EPOCH

    talk(about)


def test_a_follower_answers_fetches_up_to_its_own_end() -> None:
    async def about(it: Talk) -> None:
        await it.produce()
        it.cluster.topics.slow(2)
        await it.produce(acks=1)
        assert (await it.fetch(0, node=2)).size == len(batch())
        assert (await it.fetch(2, node=2)).error == ErrorCode.OFFSET_OUT_OF_RANGE
        assert (await it.fetch(2, node=1, wait_ms=0)).error == NONE

    talk(about)


def test_a_client_with_another_leader_epoch_is_told_so() -> None:
    async def about(it: Talk) -> None:
        it.partition.lead(2)
        assert (await it.fetch(0, node=2, epoch=1, wait_ms=0)).error == NONE
        fenced = await it.fetch(0, node=2, epoch=0)
        unknown = await it.fetch(0, node=2, epoch=2)
        assert fenced.error == ErrorCode.FENCED_LEADER_EPOCH
        assert unknown.error == ErrorCode.UNKNOWN_LEADER_EPOCH

    talk(about)


def test_a_fetch_that_nobody_waits_for_leaves_nothing_behind() -> None:
    async def about(it: Talk) -> None:
        waiting = it.later(fetching(0, wait_ms=5_000))
        await settle()
        waiting.cancel()
        await settle()
        assert it.partition.watchers == 0

    talk(about)


def test_a_new_leader_tells_no_end_before_what_it_has_is_replicated() -> None:
    async def about(it: Talk) -> None:
        for node in (2, 3):
            it.cluster.topics.slow(node)
        it.partition.append(batch(), acks=1)
        it.partition.ends[2] = 1
        it.partition.lead(2)
        late = listed(await it.ask(listing(-1), node=2))
        assert late == [ErrorCode.LEADER_NOT_AVAILABLE, -1]
        assert listed(await it.ask(listing(-2), node=2)) == [NONE, 0]
        it.cluster.topics.catch_up(3)
        assert listed(await it.ask(listing(-1), node=2)) == [NONE, 1]

    talk(about)


def test_metadata_name_the_leader_the_replicas_and_those_that_are_down() -> None:
    async def about(it: Talk) -> None:
        it.down(1)
        answer = await it.ask(MetadataRequest_v5(["t"], False), node=2)
        assert [row[0] for row in answer.brokers] == [2, 3]
        assert answer.controller_id == 2
        ((_, _, _, (row,)),) = answer.topics
        assert tuple(row) == (NONE, 0, 2, [1, 2, 3], [2, 3], [1])
        answer = await it.ask(MetadataRequest_v0(["t"]), node=2)
        ((_, _, (row,)),) = answer.topics
        assert tuple(row) == (NONE, 0, 2, [2, 3], [2, 3])

    talk(about)


def test_metadata_follow_every_change() -> None:
    async def about(it: Talk) -> None:
        async def told(node: int = 1) -> tuple[object, ...]:
            answer = await it.ask(MetadataRequest_v5(None, False), node)
            ((_, _, _, rows),) = answer.topics
            return len(answer.brokers), len(rows), rows[0][2], sorted(rows[0][4])

        assert await told() == (3, 1, 1, [1, 2, 3])
        it.down(1)
        assert await told(2) == (2, 1, 2, [2, 3])
        it.up(1)
        assert await told(2) == (3, 1, 2, [1, 2, 3])
        it.cluster.topics.slow(3)
        it.cluster.topics.drop(3)
        assert await told() == (3, 1, 2, [1, 2])
        it.cluster.topics.add_partitions(it.cluster.topics.by_name["t"], 2)
        it.partition.lead(1)
        assert await told() == (3, 2, 1, [1, 2])

    talk(about)


def test_metadata_of_a_partition_without_a_leader_say_so() -> None:
    async def about(it: Talk) -> None:
        for node in (2, 3, 1):
            it.down(node)
        it.up(2)
        answer = await it.ask(MetadataRequest_v5(["t"], False), node=2)
        ((_, _, _, (row,)),) = answer.topics
        assert (row[0], row[2]) == (ErrorCode.LEADER_NOT_AVAILABLE, -1)

    talk(about)


def test_our_own_request_reads_the_id_of_a_topic() -> None:
    async def about(it: Talk) -> None:
        wanted: list[tuple[bytes, str, dict[int, bytes]]]
        wanted = [(bytes(16), name, {}) for name in ("t", "missing")]
        request = _TopicsRequest10(wanted, False, False, False, {})
        first = (await it.ask(request)).rows
        topic_id = str(it.cluster.topics.by_name["t"].topic_id)
        assert first == [
            (NONE, "t", topic_id, 1),
            (ErrorCode.UNKNOWN_TOPIC_OR_PARTITION, "missing", None, 0),
        ]
        again = it.cluster.topics.recreate("t")
        assert (await it.ask(request)).rows[0][2] == str(again.topic_id) != topic_id

    talk(about)


def test_a_topic_is_created_by_asking_for_it_only_where_brokers_do_that() -> None:
    async def about(it: Talk) -> None:
        ask = MetadataRequest_v5(["new"], True)
        await it.ask(ask)
        assert "new" not in it.cluster.topics.by_name
        it.cluster.topics.auto_create = 2
        await it.ask(ask)
        assert len(it.cluster.topics.by_name["new"].partitions) == 2

    talk(about)
