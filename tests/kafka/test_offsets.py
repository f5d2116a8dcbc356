"""Offsets that may be committed: in order, and never past what is not acknowledged."""

import asyncio

import pytest
from aiokafka import TopicPartition

from streams.kafka.offsets import Offsets
from testkit.fakes import turns

P0 = TopicPartition("requests", 0)
P1 = TopicPartition("requests", 1)


class Clock:
    def __init__(self) -> None:
        self.ms = 1_000

    def __call__(self) -> int:
        return self.ms


def started(clock: Clock | None = None) -> Offsets:
    progress = Offsets(clock or Clock())
    progress.start(P0, 10)
    progress.start(P1, 0)
    return progress


def test_nothing_may_be_committed_before_anything_is_acknowledged() -> None:
    progress = started()
    progress.track_slice(P0, 15)
    assert progress.to_commit() == {}
    assert progress.committable() == {P0: 10, P1: 0}


def test_a_claim_waits_for_its_holder_and_for_every_batch() -> None:
    progress = started()
    claim = progress.track_slice(P0, 15)
    claim.hold()
    claim.hold()
    claim.release()
    claim.release()
    assert progress.to_commit() == {}
    claim.release()
    assert progress.to_commit() == {P0: 15}


def test_a_slice_without_outputs_advances_when_its_holder_lets_go() -> None:
    progress = started()
    progress.track_slice(P0, 11).release()
    assert progress.to_commit() == {P0: 11}


def test_a_later_slice_that_is_done_first_waits_for_the_earlier_one() -> None:
    progress = started()
    first, second, third = (progress.track_slice(P0, end) for end in (11, 12, 13))
    second.release()
    assert progress.to_commit() == {}
    first.release()
    assert progress.to_commit() == {P0: 12}
    third.release()
    assert progress.to_commit() == {P0: 13}


def test_partitions_do_not_wait_for_each_other() -> None:
    progress = started()
    progress.track_slice(P0, 11)
    progress.track_slice(P1, 1).release()
    assert progress.to_commit() == {P1: 1}


def test_what_was_committed_is_not_committed_again() -> None:
    progress = started()
    progress.track_slice(P0, 11).release()
    progress.committed({P0: 11})
    assert progress.to_commit() == {}
    progress.committed({P0: 5})  # an answer that comes late takes nothing back
    assert progress.to_commit() == {}
    assert progress.committable() == {P0: 11, P1: 0}


def test_on_done_runs_once_when_all_is_acknowledged() -> None:
    progress = started()
    claim = progress.track_slice(P0, 11)
    done: list[dict[TopicPartition, int]] = []
    claim.on_done = lambda: done.append(progress.to_commit())
    claim.hold()
    claim.release()
    assert done == []
    claim.release()
    assert done == [{}]  # before the offset moves


def test_a_partition_that_is_gone_is_not_moved_by_late_acknowledgements() -> None:
    progress = started()
    late = progress.track_slice(P0, 15)
    progress.forget(P0)
    progress.forget(P0)
    assert progress.unfinished(frozenset({P0})) == 0
    progress.start(P0, 10)
    late.release()
    assert progress.to_commit() == {}
    progress.committed({TopicPartition("requests", 9): 4})
    assert progress.committable() == {P0: 10, P1: 0}


def test_idle_times_are_told_of_partitions_with_work_only() -> None:
    clock = Clock()
    progress = started(clock)
    first = progress.track_slice(P0, 11)
    progress.track_slice(P0, 12)
    clock.ms += 700
    assert progress.idle_ms() == {P0: 700}
    first.release()
    assert progress.idle_ms() == {P0: 0}
    assert progress.stood_ms(P0) == 0
    assert progress.stood_ms(TopicPartition("requests", 9)) == 0
    assert progress.unfinished(frozenset({P0, P1})) == 1


def test_the_age_of_the_last_commit_is_told() -> None:
    clock = Clock()
    progress = started(clock)
    clock.ms += 250
    assert progress.commit_age_ms() == 250
    progress.committed({})
    assert progress.commit_age_ms() == 0


@pytest.mark.asyncio
async def test_waiting_for_the_end_of_some_partitions_leaves_others_alone() -> None:
    progress = started()
    mine, other = progress.track_slice(P0, 11), progress.track_slice(P1, 1)
    second = progress.track_slice(P0, 12)
    waiting = asyncio.ensure_future(progress.finished(frozenset({P0})))
    await turns()
    mine.release()
    await turns()
    assert not waiting.done()
    second.release()
    await asyncio.wait_for(waiting, 5)
    assert other.waiting == 1


@pytest.mark.asyncio
async def test_an_errand_is_waited_for_and_moves_no_offset() -> None:
    progress = started()
    notice = progress.track_output(P0)
    progress.track_slice(P0, 11).release()
    assert progress.to_commit() == {P0: 11}
    assert progress.unfinished(frozenset({P0})) == 1
    assert progress.idle_ms() == {}  # nothing to be stuck at
    waiting = asyncio.ensure_future(progress.finished(frozenset({P0})))
    await turns()
    assert not waiting.done()
    notice.release()
    await asyncio.wait_for(waiting, 5)
    assert progress.to_commit() == {P0: 11}


def test_offsets_without_a_record_are_passed_once_all_before_them_is_done() -> None:
    progress = started()
    claim = progress.track_slice(P0, 12)
    assert not progress.skip(P0, 12, 15)  # unfinished
    claim.release()
    assert not progress.skip(P0, 13, 15)  # 12 was delivered to nobody's claim yet
    assert progress.committable()[P0] == 12
    assert progress.skip(P0, 12, 15)
    assert progress.to_commit() == {P0: 15}
    assert not progress.skip(TopicPartition("requests", 9), 0, 5)


def test_the_oldest_record_is_that_of_the_first_slice_that_is_not_acknowledged() -> (
    None
):
    progress = started()
    assert progress.oldest_ms(P0) is None
    progress.delivered(P0, 15, 100)
    progress.delivered(P0, 20, 200)
    progress.delivered(P0, 25, -1)  # its sender gave no timestamp
    claims = [progress.track_slice(P0, end) for end in (15, 20, 25)]
    assert progress.oldest_ms(P0) == 100
    claims[1].release()
    assert progress.oldest_ms(P0) == 100
    claims[0].release()
    assert progress.oldest_ms(P0) is None
    assert progress.behind(P0, 30) == (20, 10)
    progress.committed({P0: 20})
    assert progress.behind(P0, 30) == (10, 10)
    claims[2].release()
    assert progress.skip(P0, 25, 30)
    assert progress.behind(P0, 30) == (10, 0)
    progress.forget(P0)
    assert (progress.oldest_ms(P0), progress.behind(P0, 30)) == (None, (0, 0))
