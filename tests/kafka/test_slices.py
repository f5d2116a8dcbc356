"""Slices of a poll: where they end, and when others get a turn between them."""

import asyncio

import pytest
from aiokafka import TopicPartition

from streams.kafka.slices import Slice, paced
from streams.records.record import Record
from testkit.fakes import FakeLog

pytestmark = pytest.mark.asyncio

P0 = TopicPartition("requests", 0)


def _records(count: int) -> list[Record]:
    log = FakeLog(lambda: 0)
    for _ in range(count):
        log.write(P0, b"{}")
    return [*log.records[P0]]


async def test_a_slice_ends_behind_its_last_record() -> None:
    assert Slice(P0, _records(3)[1:], 1, 0).end_offset == 3


async def test_outputs_get_a_turn_of_the_loop_within_a_long_poll_only() -> None:
    (record,) = _records(1)

    async def had_a_turn(lengths: list[int]) -> list[int]:
        """Return for which slices others had a turn before the poll was over."""
        found: list[int] = []
        pieces = paced([Slice(P0, [record] * length, 1, 0) for length in lengths])
        number = 0
        async for _ in pieces:
            asyncio.get_running_loop().call_soon(found.append, number)
            number += 1
        return found.copy()

    assert await had_a_turn([10] * 20) == []
    assert await had_a_turn([100] * 6) == [0, 1, 2]
    assert await had_a_turn([300, 1, 1]) == [0]
