"""Commits follow what is acknowledged, and tell whether the group still knows us.

How a source uses them around a rebalance is in ``test_source.py``.
"""

import asyncio

import pytest
from aiokafka import TopicPartition
from aiokafka.errors import (
    CommitFailedError,
    IllegalGenerationError,
    NodeNotReadyError,
    RebalanceInProgressError,
    UnknownMemberIdError,
)

from faults.waiting import eventually
from streams.kafka.commit_loop import CommitLoop
from streams.kafka.commit_marks import CommitMarks
from streams.kafka.offsets import Offsets
from streams.kafka.ownership import Ownership
from testkit.fakes import FakeConsumer, FakeLog

pytestmark = pytest.mark.asyncio

P0 = TopicPartition("requests", 0)
OWNERSHIP_MS = 10_000


class Member:
    """A group member that owns one partition, read from its beginning."""

    def __init__(self) -> None:
        self.ms = 1_000
        self.log = FakeLog(lambda: self.ms)
        self.consumer = FakeConsumer(self.log)
        self.consumer.assign([P0])
        self.progress = Offsets(lambda: self.ms)
        self.progress.start(P0, 0)
        self.ownership = Ownership(lambda: self.ms, OWNERSHIP_MS)
        self.commits = CommitLoop(
            self.consumer,
            self.progress,
            CommitMarks(lambda topic: f"{topic}-0"),
            self.ownership,
            1,
        )

    def acknowledge(self, end_offset: int) -> None:
        self.progress.track_slice(P0, end_offset).release()


@pytest.mark.parametrize(
    ("problem", "refused"),
    [
        (CommitFailedError("late"), True),
        (IllegalGenerationError(), True),
        (RebalanceInProgressError(), True),
        (UnknownMemberIdError(), True),
        (NodeNotReadyError(), False),
    ],
    ids=lambda given: type(given).__name__,
)
async def test_a_refused_commit_is_tried_again_and_nothing_is_lost(
    problem: Exception,
    refused: bool,  # noqa: FBT001 - a parameter of the test
) -> None:
    one = Member()
    one.acknowledge(5)
    one.consumer.fail("commit", problem)
    committing = asyncio.create_task(one.commits.forever())

    async def committed() -> bool:
        return one.log.committed == {P0: 5}

    await eventually(committed, 5)
    committing.cancel()
    assert one.consumer.commits == [{P0: 5}]  # and not again and again
    assert one.commits.refused.is_set() is refused  # the broker away is no refusal


async def test_a_commit_of_nothing_new_does_not_call_the_broker() -> None:
    one = Member()
    one.ms += 300
    await one.commits.commit()
    assert one.consumer.commits == []
    assert one.progress.commit_age_ms() == 0


async def test_the_group_is_asked_by_a_commit_of_what_it_has_already() -> None:
    one = Member()
    one.acknowledge(5)
    await one.commits.commit()
    assert await one.commits.confirm()
    assert one.consumer.commits == [{P0: 5}, {P0: 5}]


async def test_who_owns_nothing_learns_nothing() -> None:
    one = Member()
    one.progress.forget(P0)
    assert not await one.commits.confirm()
    assert one.consumer.commits == []


async def test_doubt_lasts_until_the_group_takes_a_commit() -> None:
    one = Member()
    one.ms += OWNERSHIP_MS + 1
    assert not one.ownership.trusted(one.ms)
    one.consumer.fail("commit", RebalanceInProgressError())
    assert not await one.commits.confirm()
    assert not one.ownership.trusted(one.ms)
    assert await one.commits.confirm()
    assert one.ownership.trusted(one.ms)


async def test_the_loop_notices_that_the_process_slept() -> None:
    one = Member()
    one.ms += OWNERSHIP_MS + 1
    committing = asyncio.create_task(one.commits.forever())

    async def doubted() -> bool:
        return not one.ownership.trusted(one.ms)

    await eventually(doubted, 5)
    committing.cancel()
