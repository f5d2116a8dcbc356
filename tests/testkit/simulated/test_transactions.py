"""Transactional producers: ids, epochs, markers, and offsets that wait for them."""

import asyncio
from typing import Any

from aiokafka.protocol.commit import OffsetCommitRequest_v3
from aiokafka.protocol.produce import ProduceRequest_v3
from aiokafka.protocol.transaction import (
    AddOffsetsToTxnRequest_v0,
    AddPartitionsToTxnRequest_v0,
    EndTxnRequest_v0,
    InitProducerIdRequest_v0,
    TxnOffsetCommitRequest_v0,
)

from testkit.simulated.error_codes import ErrorCode
from testkit.simulated.logs.batches import commits
from testkit.simulated.transactions.transaction import LAST_EPOCH
from tests.testkit.simulated.control_plane import Talk, talk
from tests.testkit.simulated.written import batch

NONE = ErrorCode.NONE
CONCURRENT = ErrorCode.CONCURRENT_TRANSACTIONS
FENCED = ErrorCode.INVALID_PRODUCER_EPOCH
MARKERS_S = 0.05
"""Enough for markers to be written."""


class Producer:
    """A client with a transactional id."""

    def __init__(self, talk: Talk, timeout_ms: int = 60_000) -> None:
        self.talk = talk
        self.timeout_ms = timeout_ms
        self.id = self.epoch = -1
        self.sequence = 0

    async def start(self) -> int:
        """Ask for id and epoch; again while the node has no ids yet."""
        request = InitProducerIdRequest_v0("x", self.timeout_ms)
        answer = await self.talk.ask(request)
        if answer.error_code == ErrorCode.COORDINATOR_LOAD_IN_PROGRESS:
            await asyncio.sleep(MARKERS_S)
            answer = await self.talk.ask(request)
        if answer.error_code == NONE:
            self.id, self.epoch = answer.producer_id, answer.producer_epoch
        return int(answer.error_code)

    async def add(self, *numbers: int, topic: str = "t") -> list[int]:
        where = [(topic, list(numbers))]
        request = AddPartitionsToTxnRequest_v0("x", self.id, self.epoch, where)
        ((_, rows),) = (await self.talk.ask(request)).errors
        return [error for _, error in rows]

    async def add_offsets(self) -> int:
        request = AddOffsetsToTxnRequest_v0("x", self.id, self.epoch, "g")
        return int((await self.talk.ask(request)).error_code)

    async def commit_offset(self, offset: int) -> int:
        topics = [("t", [(0, offset, "tx")])]
        request = TxnOffsetCommitRequest_v0("x", "g", self.id, self.epoch, topics)
        node = self.talk.cluster.groups.coordinator_node("g") or 0
        ((_, ((_, error),)),) = (await self.talk.ask(request, node=node)).errors
        return int(error)

    async def end(self, *, commit: bool) -> int:
        request = EndTxnRequest_v0("x", self.id, self.epoch, commit)
        return int((await self.talk.ask(request)).error_code)

    async def write(self, number: int = 0) -> int:
        producer = (self.id, self.epoch, self.sequence)
        data = batch(producer=producer, transactional=True)
        request = ProduceRequest_v3("x", 1, 1_000, [("t", [(number, data)])])
        node = self.talk.cluster.topics.by_name["t"].partitions[number].leader or 0
        ((_, ((_, error, *_),)),) = (await self.talk.ask(request, node=node)).topics
        self.sequence += error == NONE
        return int(error)


async def ready(talk: Talk, timeout_ms: int = 60_000) -> Producer:
    producer = Producer(talk, timeout_ms)
    assert await producer.start() == NONE
    return producer


def markers(talk: Talk, number: int = 0) -> list[tuple[bool, int]]:
    """Return what ended in a partition: committed or not, and the epoch."""
    log = talk.cluster.topics.by_name["t"].partitions[number].log
    found = [one for one in log.batches() if one.control]
    return [(commits(one), one.producer_epoch) for one in found]


def committed(talk: Talk) -> list[Any]:
    return [offset for offset, _ in talk.cluster.groups.committed("g").values()]


def test_every_idempotent_producer_has_an_id_of_its_own() -> None:
    async def say(talk: Talk) -> None:
        ids = []
        for node in (1, 2, 3):
            request = InitProducerIdRequest_v0(None, 0)
            first = await talk.ask(request, node=node)
            assert first.error_code == ErrorCode.COORDINATOR_LOAD_IN_PROGRESS
            await asyncio.sleep(MARKERS_S)
            for number in range(1_100):
                answer = await talk.ask(request, node=node)
                assert (answer.error_code, answer.producer_epoch) == (NONE, 0)
                ids.append(answer.producer_id)
                if number == 950:
                    await asyncio.sleep(MARKERS_S)  # the next block is on its way
        assert len(set(ids)) == 3_300

    talk(say)


def test_a_new_start_raises_the_epoch_and_fences_the_one_before() -> None:
    async def say(talk: Talk) -> None:
        old, new = await ready(talk), await ready(talk)
        assert (old.id, old.epoch, new.id, new.epoch) == (new.id, 0, old.id, 1)
        assert await old.add(0) == [FENCED]
        assert await old.add_offsets() == FENCED
        assert await old.end(commit=True) == FENCED
        assert await new.add(0) == [NONE]

    talk(say)


def test_wrong_names_time_outs_and_ids_are_refused() -> None:
    async def say(talk: Talk) -> None:
        producer = await ready(talk)
        for name, timeout_ms, error in (
            ("", 1_000, ErrorCode.INVALID_REQUEST),
            ("x", 0, ErrorCode.INVALID_TRANSACTION_TIMEOUT),
            ("x", 900_001, ErrorCode.INVALID_TRANSACTION_TIMEOUT),
            ("x", 900_000, NONE),
        ):
            request = InitProducerIdRequest_v0(name, timeout_ms)
            assert (await talk.ask(request, node=0)).error_code == error
        producer.id += 1
        mapping = ErrorCode.INVALID_PRODUCER_ID_MAPPING
        assert await producer.add(0) == [mapping]
        assert await producer.end(commit=True) == mapping

    talk(say)


def test_the_end_is_marked_in_every_partition_after_the_answer() -> None:
    async def say(talk: Talk) -> None:
        producer = await ready(talk)
        assert await producer.add(0, 1) == [NONE, NONE]
        assert await producer.write(0) == NONE
        assert await producer.end(commit=True) == NONE
        assert markers(talk) == []
        assert await producer.add(0) == [CONCURRENT]
        assert await producer.end(commit=True) == CONCURRENT
        assert await Producer(talk).start() == CONCURRENT
        await asyncio.sleep(MARKERS_S)
        assert markers(talk, 0) == markers(talk, 1) == [(True, 0)]
        assert await producer.end(commit=True) == NONE
        assert await producer.end(commit=False) == ErrorCode.INVALID_TXN_STATE
        assert await producer.add(0) == [NONE]

    talk(say)


def test_what_has_not_begun_cannot_end() -> None:
    async def say(talk: Talk) -> None:
        producer = await ready(talk)
        assert await producer.end(commit=True) == ErrorCode.INVALID_TXN_STATE
        assert await producer.end(commit=False) == ErrorCode.INVALID_TXN_STATE

    talk(say)


def test_partitions_are_added_all_or_none() -> None:
    async def say(talk: Talk) -> None:
        producer = await ready(talk)
        untried = ErrorCode.OPERATION_NOT_ATTEMPTED
        unknown = ErrorCode.UNKNOWN_TOPIC_OR_PARTITION
        assert await producer.add(0, 9) == [untried, unknown]
        assert await producer.end(commit=True) == ErrorCode.INVALID_TXN_STATE

    talk(say)


def test_records_outside_the_transaction_are_refused() -> None:
    async def say(talk: Talk) -> None:
        producer = await ready(talk)
        assert await producer.write() == ErrorCode.INVALID_TXN_STATE
        assert await producer.add(1) == [NONE]
        assert await producer.write(0) == ErrorCode.INVALID_TXN_STATE
        assert await producer.write(1) == NONE

    talk(say)


def test_a_new_start_aborts_an_open_transaction_and_has_to_wait_for_it() -> None:
    async def say(talk: Talk) -> None:
        old = await ready(talk)
        assert await old.add(0) == [NONE]
        assert await old.write() == NONE
        new = Producer(talk)
        assert await new.start() == CONCURRENT
        await asyncio.sleep(MARKERS_S)
        assert markers(talk) == [(False, 1)]
        assert await new.start() == NONE
        assert (new.id, new.epoch) == (old.id, 2)
        assert await old.write() == FENCED

    talk(say)


def test_a_transaction_that_lasts_too_long_is_aborted_and_its_producer_fenced() -> None:
    async def say(talk: Talk) -> None:
        producer = await ready(talk, timeout_ms=15_000)
        assert await producer.add(0) == [NONE]
        await asyncio.sleep(19)
        assert markers(talk) == []
        await asyncio.sleep(2)  # time-outs are looked for every ten seconds
        assert markers(talk) == [(False, 1)]
        assert await producer.add(0) == [FENCED]
        assert await producer.end(commit=True) == FENCED

    talk(say)


def test_offsets_hold_when_the_transaction_is_committed_and_not_before() -> None:
    async def say(talk: Talk) -> None:
        producer = await ready(talk)
        assert await producer.commit_offset(5) == ErrorCode.INVALID_TXN_STATE
        assert await producer.add_offsets() == NONE
        assert await producer.commit_offset(5) == NONE
        assert committed(talk) == []
        assert await producer.end(commit=True) == NONE
        await asyncio.sleep(MARKERS_S)
        assert committed(talk) == [5]
        assert await producer.add_offsets() == NONE
        assert await producer.commit_offset(9) == NONE
        assert await producer.end(commit=False) == NONE
        await asyncio.sleep(MARKERS_S)
        assert committed(talk) == [5]

    talk(say)


def test_an_offset_that_was_committed_later_is_not_overwritten_by_a_transaction() -> (
    None
):
    async def say(talk: Talk) -> None:
        producer = await ready(talk)
        assert await producer.add_offsets() == NONE
        assert await producer.commit_offset(5) == NONE
        where = [("t", [(0, 7, "")])]
        _ = await talk.ask(OffsetCommitRequest_v3("g", -1, "", -1, where))
        assert await producer.end(commit=True) == NONE
        await asyncio.sleep(MARKERS_S)
        assert committed(talk) == [7]

    talk(say)


def test_a_lost_marker_leaves_the_transaction_hanging_in_its_partition() -> None:
    async def say(talk: Talk) -> None:
        producer = await ready(talk)
        assert await producer.add(0, 1) == [NONE, NONE]
        assert await producer.write(0) == NONE
        talk.cluster.transactions.lose_marker("t", 0)
        assert await producer.end(commit=True) == NONE
        await asyncio.sleep(MARKERS_S)
        log = talk.cluster.topics.by_name["t"].partitions[0].log
        assert (markers(talk, 0), markers(talk, 1)) == ([], [(True, 0)])
        assert (log.last_stable_offset, log.end_offset) == (0, 1)
        assert await producer.add(0) == [NONE]  # the coordinator knows of nothing
        assert await producer.end(commit=True) == NONE
        await asyncio.sleep(MARKERS_S)
        assert log.last_stable_offset == log.end_offset == 2

    talk(say)


def test_a_marker_waits_for_a_leader_and_a_deleted_topic_needs_none() -> None:
    async def say(talk: Talk) -> None:
        cluster = talk.cluster
        producer = await ready(talk)
        assert await producer.add(0) == [NONE]
        assert await producer.add(0, topic="u") == [NONE]
        assert await producer.write() == NONE
        cluster.topics.delete("u")
        partition = cluster.topics.by_name["t"].partitions[0]
        leader = partition.leader
        partition.lead(None)
        assert await producer.end(commit=True) == NONE
        await asyncio.sleep(1)
        assert markers(talk) == []
        assert await producer.add(0) == [CONCURRENT]
        partition.lead(leader)
        await asyncio.sleep(0.2)
        assert markers(talk) == [(True, 0)]

    talk(say)


def test_an_epoch_that_is_used_up_gives_a_new_producer_id() -> None:
    async def say(talk: Talk) -> None:
        producer = await ready(talk)
        talk.cluster.transactions.by_id["x"].epoch = LAST_EPOCH - 1
        assert await producer.start() == NONE
        old = producer.id
        assert producer.epoch == LAST_EPOCH
        assert await producer.start() == NONE
        assert (producer.epoch, producer.id == old) == (0, False)

    talk(say)


def test_a_coordinator_that_has_moved_is_loading_for_a_moment() -> None:
    async def say(talk: Talk) -> None:
        cluster = talk.cluster
        producer = await ready(talk)
        assert await producer.add(0) == [NONE]
        old = cluster.transactions.coordinator_node("x") or 0
        cluster.nodes[old].up = False
        cluster.transactions.node_down(old)
        end = EndTxnRequest_v0("x", producer.id, producer.epoch, True)
        wrong = ErrorCode.NOT_COORDINATOR
        assert (await talk.ask(end, node=old)).error_code == wrong
        loading = ErrorCode.COORDINATOR_LOAD_IN_PROGRESS
        assert await producer.end(commit=True) == loading
        await asyncio.sleep(MARKERS_S)
        assert await producer.end(commit=True) == NONE

    talk(say)
