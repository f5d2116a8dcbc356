"""Slices in, offsets back, and what a rebalance does to both."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
from aiokafka import TopicPartition
from aiokafka.errors import (
    CommitFailedError,
    GroupAuthorizationFailedError,
    IllegalGenerationError,
    KafkaConnectionError,
    NodeNotReadyError,
    RebalanceInProgressError,
)

from faults.waiting import eventually
from streams.errors import SourceError, TopicsError
from streams.kafka.slices import Poll, Slice
from streams.kafka.source import Source, SourceLimits, Starts
from testkit.fakes import FakeConsumer, FakeLog, input_log, turns

pytestmark = pytest.mark.asyncio

P0 = TopicPartition("requests", 0)
P1 = TopicPartition("requests", 1)
OWNERSHIP_MS = 10_000


class Bench:
    """A source on a broker in memory."""

    def __init__(self, slice_max: int = 100, drain_timeout_ms: int = 5_000) -> None:
        self.ms = 1_000
        self.log = FakeLog(lambda: self.ms)
        self.consumer = FakeConsumer(self.log)
        self.slices: list[Slice] = []
        self.prepared: list[dict[TopicPartition, int]] = []
        self.prepare: Callable[[], Awaitable[None]] = turns
        self.deliver: Callable[[Poll], Awaitable[None]] = self._keep
        self.source = Source(
            self.consumer,
            input_log(self.log, self.consumer, "requests"),
            SourceLimits(
                commit_interval_ms=1,
                drain_timeout_ms=drain_timeout_ms,
                slice_max=slice_max,
                ownership_ms=OWNERSHIP_MS,
            ),
            self._deliver,
            self._prepare,
            lambda: self.ms,
        )
        self.consumer.subscribe(["requests"], self.source)

    async def _deliver(self, poll: Poll) -> None:
        await self.deliver(poll)

    async def _keep(self, poll: Poll) -> None:
        self.slices += poll

    async def _prepare(self, starts: Starts) -> None:
        self.prepared.append({where: one.offset for where, one in starts.items()})
        await self.prepare()

    def write(self, count: int, where: TopicPartition = P0) -> None:
        for _ in range(count):
            self.log.write(where, b"{}")

    async def assign(self, *partitions: TopicPartition) -> None:
        await self.consumer.rebalance(*partitions)
        await self.reading(*partitions)

    async def reading(self, *partitions: TopicPartition) -> None:
        async def ready() -> bool:
            return set(self.source.read_to) == set(partitions)

        await eventually(ready, 5)

    async def got(self, count: int) -> list[Slice]:
        async def enough() -> bool:
            return sum(len(piece.records) for piece in self.slices) >= count

        await eventually(enough, 5)
        return self.slices

    def offsets(self, where: TopicPartition = P0) -> list[int]:
        return [
            record.offset
            for piece in self.slices
            if piece.partition == where
            for record in piece.records
        ]


@contextlib.asynccontextmanager
async def running(bench: Bench) -> AsyncIterator["asyncio.Task[None]"]:
    task = asyncio.create_task(bench.source.run())
    try:
        yield task
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError, Exception):
            await task


async def test_a_poll_becomes_slices_of_one_partition_each_in_order() -> None:
    bench = Bench()
    bench.write(3, P0)
    bench.write(2, P1)
    await bench.assign(P0, P1)
    async with running(bench):
        slices = await bench.got(5)
    assert {piece.partition for piece in slices} == {P0, P1}
    assert (bench.offsets(P0), bench.offsets(P1)) == ([0, 1, 2], [0, 1])
    assert [piece.end_offset for piece in slices] == [3, 2]
    assert {piece.epoch for piece in slices} == {bench.source.epoch}
    assert bench.source.read_to == {P0: 3, P1: 2}


async def test_all_slices_of_a_poll_are_handed_over_at_once() -> None:
    bench = Bench()
    bench.write(3, P0)
    bench.write(2, P1)
    await bench.assign(P0, P1)
    polls: list[Poll] = []

    async def keep(poll: Poll) -> None:
        polls.append(poll)
        bench.slices += poll

    bench.deliver = keep
    async with running(bench):
        await bench.got(5)
    assert [len(poll) for poll in polls] == [2]


async def test_a_slice_is_never_longer_than_allowed() -> None:
    bench = Bench(slice_max=2)
    bench.write(5)
    await bench.assign(P0)
    async with running(bench):
        await bench.got(5)
    assert [len(piece.records) for piece in bench.slices] == [2, 2, 1]


async def test_reading_begins_at_the_committed_offset_else_at_the_start() -> None:
    bench = Bench()
    bench.log.committed[P0] = 2
    bench.log.starts[P1] = 7
    bench.write(4, P0)
    bench.write(1, P1)
    await bench.assign(P0, P1)
    assert bench.prepared == [{P0: 2, P1: 7}]
    async with running(bench):
        await bench.got(3)
    assert (bench.offsets(P0), bench.offsets(P1)) == ([2, 3], [7])


async def test_what_was_deleted_before_it_was_read_is_counted_and_told(
    caplog: pytest.LogCaptureFixture,
) -> None:
    bench = Bench()
    bench.log.committed |= {P0: 2, P1: 3}
    bench.write(8, P0)
    bench.write(4, P1)
    bench.log.starts[P0] = 5
    await bench.assign(P0, P1)
    async with running(bench):
        await bench.got(4)
    assert (bench.offsets(P0), bench.offsets(P1)) == ([5, 6, 7], [3])
    assert bench.source.deleted == 3
    told = [one.message for one in caplog.records if one.levelname == "ERROR"]
    assert len(told) == 1
    assert told[0].startswith("requests/0: offsets 2 to 4 were deleted")


async def test_what_is_deleted_under_a_reader_ends_the_run_and_is_counted_by_the_next() -> (
    None
):
    bench = Bench()
    bench.write(2)
    await bench.assign(P0)
    async with running(bench) as run:
        for piece in await bench.got(2):
            bench.source.offsets.track_slice(P0, piece.end_offset).release()
        bench.consumer.pause(P0)
        bench.write(3)
        bench.log.starts[P0] = 4
        bench.consumer.resume(P0)
        with pytest.raises(SourceError, match="deleted before they were read"):
            await asyncio.wait_for(asyncio.shield(run), 5)
    assert bench.source.deleted == 0
    await bench.assign(P0)  # what it had acknowledged was committed meanwhile
    assert (bench.source.deleted, bench.source.read_to) == (2, {P0: 4})


async def test_a_position_beyond_a_topic_made_anew_says_so_and_asks_for_a_person() -> (
    None
):
    bench = Bench()
    bench.write(5)
    await bench.assign(P0)
    async with running(bench) as run:
        await bench.got(5)
        bench.log.make_anew(P0)
        bench.write(2)
        with pytest.raises(TopicsError, match="recreated while in use"):
            await asyncio.wait_for(asyncio.shield(run), 5)


async def test_partitions_of_a_topic_made_anew_meanwhile_are_not_taken_over() -> None:
    """What this process knows to be done was done in the other one."""
    bench = Bench()
    bench.write(5)
    await bench.assign(P0)
    async with running(bench) as run:
        for piece in await bench.got(5):
            bench.source.offsets.track_slice(P0, piece.end_offset).release()
        await bench.consumer.rebalance()
        bench.log.make_anew(P0)
        bench.write(50)
        await bench.consumer.rebalance(P0)
        with pytest.raises(TopicsError, match="recreated while in use"):
            await asyncio.wait_for(asyncio.shield(run), 5)
    assert bench.source.read_to == {}


async def test_nothing_is_read_of_a_partition_before_it_is_prepared() -> None:
    bench = Bench()
    gate = asyncio.Event()

    async def wait() -> None:
        await gate.wait()

    bench.prepare = wait
    bench.write(1)
    await bench.consumer.rebalance(P0)
    async with running(bench):
        await turns(50)
        assert bench.slices == []
        assert not bench.source.first_assignment.is_set()
        gate.set()
        await bench.got(1)
    assert bench.source.first_assignment.is_set()


async def test_a_failure_to_prepare_ends_the_run() -> None:
    bench = Bench()

    async def fail() -> None:
        raise SourceError("no facts")

    bench.prepare = fail
    async with running(bench) as run:
        await bench.consumer.rebalance(P0)
        with pytest.raises(SourceError, match="no facts"):
            await asyncio.wait_for(asyncio.shield(run), 5)
    assert bench.slices == []


async def test_a_failure_to_read_committed_offsets_ends_the_run() -> None:
    bench = Bench()
    bench.consumer.fail("committed", GroupAuthorizationFailedError("g"))
    async with running(bench) as run:
        await bench.consumer.rebalance(P0)
        with pytest.raises(SourceError, match="finding the start of the input"):
            await asyncio.wait_for(asyncio.shield(run), 5)


async def test_a_failure_to_poll_ends_the_run() -> None:
    bench = Bench()
    bench.consumer.fail("getmany", KafkaConnectionError())
    with pytest.raises(SourceError, match="reading the input failed"):
        await asyncio.wait_for(bench.source.run(), 5)


async def test_a_rebalance_during_preparing_cancels_it_and_prepares_anew() -> None:
    bench = Bench()
    gate = asyncio.Event()
    ended: list[str] = []

    async def wait() -> None:
        try:
            await gate.wait()
            ended.append("done")
        except asyncio.CancelledError:
            ended.append("cancelled")
            raise

    bench.prepare = wait
    await bench.consumer.rebalance(P0, P1)
    await turns(20)
    await bench.consumer.rebalance(P1)
    await turns(20)
    gate.set()
    await bench.reading(P1)
    assert ended == ["cancelled", "done"]
    assert bench.prepared == [{P0: 0, P1: 0}, {P1: 0}]
    assert bench.source.rebalances == 2


async def test_revoking_waits_for_what_is_under_way_and_commits_it() -> None:
    bench = Bench()
    bench.write(3)
    await bench.assign(P0)
    async with running(bench):
        (piece,) = await bench.got(3)
        claim = bench.source.offsets.track_slice(P0, piece.end_offset)
        revoking = asyncio.create_task(bench.consumer.rebalance())
        await turns(50)
        assert not revoking.done()
        claim.release()
        await asyncio.wait_for(revoking, 5)
    assert bench.log.committed == {P0: 3}
    assert bench.source.read_to == {}
    assert bench.source.offsets.committable() == {}


async def test_revoking_waits_for_what_facts_called_for_too() -> None:
    """Else the next owner reads back, does not find it and writes it again."""
    bench = Bench()
    await bench.assign(P0)
    notice = bench.source.offsets.track_output(P0)
    revoking = asyncio.ensure_future(bench.consumer.rebalance())
    await turns(20)
    assert not revoking.done()
    notice.release()
    await asyncio.wait_for(revoking, 5)


async def test_a_partition_is_owned_from_the_moment_it_is_read_until_it_is_taken() -> (
    None
):
    bench = Bench()
    ready = asyncio.Event()

    async def for_a_while() -> None:
        await ready.wait()

    bench.prepare = for_a_while
    await bench.consumer.rebalance(P0)
    await turns(20)
    assert not await bench.source.owns(P0, bench.ms)
    ready.set()
    await bench.reading(P0)
    assert await bench.source.owns(P0, bench.ms)
    assert not await bench.source.owns(P1, bench.ms)
    await bench.consumer.rebalance()
    assert not await bench.source.owns(P0, bench.ms)


async def test_a_partition_taken_and_given_back_while_the_group_is_asked_is_owned(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Else what was to be noticed would be held after what is held was given again."""
    monkeypatch.setattr("streams.kafka.source._ASK_AGAIN_S", 0.5)
    bench = Bench()
    bench.write(1)
    await bench.assign(P0)
    bench.source.offsets.track_slice(P0, 1).release()
    polled_ms = bench.ms
    bench.ms += OWNERSHIP_MS + 1
    bench.consumer.fail("commit", *[RebalanceInProgressError()] * 2)
    asking = asyncio.ensure_future(bench.source.owns(P0, polled_ms))
    old = Slice(P0, [], bench.source.epoch, polled_ms)
    judging = asyncio.ensure_future(bench.source.still_ours(old))
    await turns(20)
    await bench.assign(P0)
    assert await asyncio.wait_for(asking, 5)
    assert not await asyncio.wait_for(judging, 5)  # what was read before is not


async def test_revoking_does_not_wait_longer_than_allowed_nor_commit_what_is_open() -> (
    None
):
    bench = Bench(drain_timeout_ms=1)
    bench.write(2)
    await bench.assign(P0)
    bench.source.offsets.track_slice(P0, 1).release()
    bench.source.offsets.track_slice(P0, 2)
    await asyncio.wait_for(bench.consumer.rebalance(), 5)
    assert bench.log.committed == {P0: 1}
    assert bench.source.unsettled == {P0}


async def test_a_slice_from_before_a_rebalance_is_refused() -> None:
    bench = Bench()
    bench.write(1)
    await bench.assign(P0)
    async with running(bench):
        (piece,) = await bench.got(1)
    assert await bench.source.still_ours(piece)
    await bench.assign(P0)
    assert not await bench.source.still_ours(piece)
    await bench.consumer.rebalance()
    assert not await bench.source.still_ours(
        Slice(P0, piece.records, bench.source.epoch, bench.ms)
    )


async def test_what_a_rebalance_overtakes_in_a_poll_is_read_again_and_only_once() -> (
    None
):
    bench = Bench()
    bench.write(2, P0)
    bench.write(2, P1)
    await bench.assign(P0, P1)
    keep = bench.deliver

    async def rebalance_meanwhile(poll: Poll) -> None:
        bench.deliver = keep
        await keep(poll)
        await bench.consumer.rebalance(P0, P1)
        await bench.reading(P0, P1)

    bench.deliver = rebalance_meanwhile
    async with running(bench):
        await bench.got(8)  # each twice: the slices from before are stale
        await turns(50)
    now = [piece for piece in bench.slices if piece.epoch == bench.source.epoch]
    assert sorted((piece.partition, piece.end_offset) for piece in now) == [
        (P0, 2),
        (P1, 2),
    ]
    stale = [piece for piece in bench.slices if piece not in now]
    assert [await bench.source.still_ours(piece) for piece in stale] == [False, False]


async def test_acknowledged_work_is_not_read_again_though_the_group_refused_it() -> (
    None
):
    bench = Bench()
    bench.write(3)
    await bench.assign(P0)
    bench.source.offsets.track_slice(P0, 2).release()
    bench.consumer.fail("commit", CommitFailedError("rebalanced meanwhile"))
    await bench.assign(P0)
    assert bench.log.committed == {}
    assert bench.prepared[-1] == {P0: 2}
    async with running(bench):
        await bench.got(1)
        await bench.source.commits.commit()
    assert bench.offsets() == [2]
    assert bench.log.committed == {P0: 2}  # also if nothing new had come


async def test_stopping_commits_a_last_time() -> None:
    bench = Bench()
    await bench.assign(P0)
    bench.source.offsets.track_slice(P0, 5).release()
    await bench.source.stop()
    assert bench.log.committed == {P0: 5}


async def test_what_the_group_assigns_at_the_end_is_not_taken_over_any_more() -> None:
    bench = Bench()
    await bench.assign(P0)
    bench.source.close()
    await bench.source.stop()
    await bench.consumer.rebalance(P0, P1)
    await turns()
    assert len(bench.prepared) == 1
    assert bench.source.read_to == {}


async def test_stopping_ends_preparing() -> None:
    bench = Bench()

    async def for_ever() -> None:
        await asyncio.Event().wait()

    bench.prepare = for_ever
    await bench.consumer.rebalance(P0)
    await turns()
    await asyncio.wait_for(bench.source.stop(), 5)
    assert bench.source.read_to == {}


async def old_slice(bench: Bench, age_ms: int) -> Slice:
    await bench.assign(P0)
    piece = Slice(P0, [], bench.source.epoch, bench.ms)
    bench.ms += age_ms
    return piece


async def test_a_young_slice_is_judged_without_asking_the_group() -> None:
    bench = Bench()
    piece = await old_slice(bench, OWNERSHIP_MS)
    assert await bench.source.still_ours(piece)
    assert bench.consumer.commits == []


async def test_after_a_long_pause_a_commit_settles_whether_a_slice_is_ours() -> None:
    bench = Bench()
    piece = await old_slice(bench, OWNERSHIP_MS + 1)
    assert await bench.source.still_ours(piece)
    assert bench.consumer.commits == [{P0: 0}]


async def test_a_slice_is_not_dropped_because_one_commit_failed() -> None:
    """Dropped without being read again it would be lost: the offset goes past it."""
    bench = Bench()
    piece = await old_slice(bench, OWNERSHIP_MS + 1)
    bench.consumer.fail("commit", NodeNotReadyError(), RebalanceInProgressError())
    assert await asyncio.wait_for(bench.source.still_ours(piece), 5)


async def test_a_slice_is_left_alone_once_the_group_took_the_partition_away() -> None:
    bench = Bench()
    piece = await old_slice(bench, OWNERSHIP_MS + 1)
    bench.consumer.fail("commit", *[IllegalGenerationError() for _ in range(1000)])
    asking = asyncio.create_task(bench.source.still_ours(piece))
    await turns(50)
    assert not asking.done()
    await bench.consumer.rebalance()
    assert not await asyncio.wait_for(asking, 5)


async def test_a_partition_is_complete_when_all_was_read_and_done() -> None:
    bench = Bench()
    assert bench.source.complete_until_ms(P0) is None
    bench.write(2)
    await bench.assign(P0)
    assert bench.source.complete_until_ms(P0) is None  # the broker has not answered yet
    async with running(bench):
        (piece,) = await bench.got(2)
        assert bench.source.complete_until_ms(P0) is None  # it waits for its agent
        claim = bench.source.offsets.track_slice(P0, piece.end_offset)
        assert bench.source.complete_until_ms(P0) is None
        claim.release()
        assert bench.source.complete_until_ms(P0) == bench.ms


async def test_a_partition_with_more_to_read_is_not_complete() -> None:
    bench = Bench(slice_max=1)
    bench.write(2)
    await bench.assign(P0)
    blocked = asyncio.Event()

    async def block(poll: Poll) -> None:
        bench.slices += poll
        await blocked.wait()

    bench.deliver = block
    async with running(bench):
        await bench.got(1)
        assert bench.source.complete_until_ms(P0) is None
        assert bench.source.lag() == {P0: (2, 2)}
        blocked.set()


async def test_lag_counts_what_is_not_committed_and_what_is_not_acknowledged() -> None:
    """Whether it was polled or not: what waits for the agent is lag."""
    bench = Bench()
    bench.write(2)
    await bench.assign(P0, P1)
    assert bench.source.lag() == {P0: (0, 0), P1: (0, 0)}  # nothing heard yet
    async with running(bench):
        (piece,) = await bench.got(2)
        assert bench.source.lag() == {P0: (2, 2), P1: (0, 0)}
        bench.source.offsets.track_slice(P0, piece.end_offset).release()
        assert bench.source.lag()[P0] == (2, 0)
        await bench.source.commits.commit()
        assert bench.source.lag()[P0] == (0, 0)


async def test_what_holds_no_record_is_no_lag_for_long() -> None:
    bench = Bench()
    bench.write(2)
    await bench.assign(P0, P1)
    async with running(bench):
        (piece,) = await bench.got(2)
        bench.log.skip(P0, 3)
        bench.source.offsets.track_slice(P0, piece.end_offset).release()

        async def passed() -> bool:
            bench.ms += 1
            await bench.source.commits.commit()
            return bench.source.lag()[P0] == (0, 0)

        await eventually(passed, 5)
    assert await bench.source.positions() == {P0: 5, P1: 0}


async def test_a_partition_that_goes_away_while_it_is_measured_is_left_out() -> None:
    bench = Bench()
    await bench.assign(P0)
    bench.consumer.assign([])
    assert await bench.source.positions() == {}
    assert bench.source.lag() == {}
    assert bench.source.complete_until_ms(P0) is None


async def test_of_a_poll_that_begins_too_early_only_what_is_due_is_delivered() -> None:
    bench = Bench()
    bench.write(4, P0)
    bench.write(2, P1)
    await bench.assign(P0)
    polled = {
        where: list(bench.log.records[where]) for where in (P0, P1)
    }  # P1 is not ours
    bench.source.read_to[P0] = 2
    hand_out: Callable[[object], Awaitable[None]] = bench.source._hand_out  # type: ignore[assignment]  # noqa: SLF001
    await hand_out(polled)
    await hand_out(polled)
    await hand_out({P0: []})
    assert bench.offsets() == [2, 3]
    assert len(bench.slices) == 1


async def test_a_process_that_slept_asks_the_group_before_it_judges_anything(
    caplog: pytest.LogCaptureFixture,
) -> None:
    bench = Bench()
    await bench.assign(P0)
    committing = asyncio.create_task(bench.source.commits.forever())
    await turns()
    bench.ms += OWNERSHIP_MS + 1

    async def noticed() -> bool:
        return "suspended" in caplog.text

    await eventually(noticed, 5)
    committing.cancel()
    piece = Slice(P0, [], bench.source.epoch, bench.ms)  # polled after waking up
    assert await bench.source.still_ours(piece)
    assert bench.consumer.commits == [{P0: 0}]
    assert await bench.source.still_ours(piece)
    assert len(bench.consumer.commits) == 1  # confirmed once is enough


async def test_offsets_without_a_record_are_passed_when_all_before_is_acknowledged() -> (
    None
):
    """Else a transaction's marker at the end would be lag for ever."""
    bench = Bench()
    bench.write(2)
    await bench.assign(P0)
    async with running(bench):
        (piece,) = await bench.got(2)
        bench.log.skip(P0, 3)
        claim = bench.source.offsets.track_slice(P0, piece.end_offset)
        for _ in range(3):
            bench.ms += 1
            await turns(20)
        assert bench.source.read_to == {P0: 2}
        claim.release()

        async def passed() -> bool:
            bench.ms += 1
            return bench.source.read_to == {P0: 5}

        await eventually(passed, 5)
    assert bench.source.offsets.to_commit() == {P0: 5}
    assert bench.source.complete_until_ms(P0) is not None
    bench.write(1)
    async with running(bench):
        await bench.got(3)
    assert bench.offsets() == [0, 1, 5]


async def test_positions_of_an_assignment_that_is_over_pass_nothing() -> None:
    bench = Bench()
    bench.write(1)
    await bench.assign(P0)
    ask = bench.consumer.position

    async def and_rebalance(_where: TopicPartition) -> int:
        bench.consumer.position = ask  # type: ignore[method-assign]
        await bench.consumer.rebalance()
        return 100

    bench.consumer.position = and_rebalance  # type: ignore[method-assign,assignment]
    await bench.source._pass_gaps()  # noqa: SLF001 - one turn of run()
    assert bench.source.offsets.committable() == {}
    assert bench.source.read_to == {}
