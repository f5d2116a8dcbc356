"""Requests before the place where reading begins that no output answers are told of."""

import pytest
from aiokafka import TopicPartition
from aiokafka.errors import KafkaConnectionError

from streams.errors import FactsUnreadableError
from streams.families.fast_refund.request_marks import mark_of
from streams.kafka.input_log import Start
from streams.kafka.passed_over import PassedOver, ranges_of
from streams.processing.answers import mark_of_letter
from streams.records.unread import Unread, bounded
from testkit import samples
from testkit.fakes import FakeConsumer, FakeLog
from tests.families.fast_refund.world import BOUNDS, answers_to

pytestmark = pytest.mark.asyncio

P0 = TopicPartition("refund.requests", 0)


class Bench:
    """A log of requests, some of which have an answer."""

    def __init__(self, requests: int, answered: int) -> None:
        self.log = FakeLog()
        for number in range(requests):
            self.log.write(P0, samples.request(refund_id=f"r-{number}"), b"k")
        self.answers = answers_to(*self.log.records[P0][:answered])
        self.answers.end = answered
        self.consumer = FakeConsumer(self.log)
        self.passed = PassedOver(self.consumer, BOUNDS, mark_of)

    async def look(self, committed: int, doubted: int = 0) -> int:
        start = Start(first=0, due=committed, committed=committed, doubted=doubted)
        await self.passed.look(P0, start, self.answers)
        return self.passed.unanswered

    def look_at_deleted(self, first: int, committed: int | None = None) -> int:
        due = first if committed is None else committed
        start = Start(first=first, due=due, committed=committed, doubted=due)
        self.passed.look_at_deleted(P0, start, self.answers)
        return self.passed.deleted


async def test_requests_that_an_offset_moved_forward_passes_over_are_told_and_counted(
    caplog: pytest.LogCaptureFixture,
) -> None:
    bench = Bench(100, 40)
    assert await bench.look(80) == 40
    (told,) = caplog.messages
    assert told.startswith(
        "refund.requests/0: 40 requests before the committed offset 80 have no answer in "
        "the outputs, at offsets 40 to 79"
    )


async def test_a_request_that_was_too_large_to_be_read_is_answered_by_its_cut_letter() -> (
    None
):
    bench = Bench(1, 1)
    value = samples.request(reason="x" * 2_000_000)
    large = bench.log.write(P0, value, b"r-1")
    (kept,) = bounded([bench.log.records[P0][large]], BOUNDS)
    assert isinstance(kept, Unread)
    left = kept.remains
    bench.answers.add(large, mark_of_letter(left.key, left.value))
    assert await bench.look(2) == 0


async def test_an_offset_behind_the_last_answer_passes_over_nothing(
    caplog: pytest.LogCaptureFixture,
) -> None:
    bench = Bench(100, 80)
    assert await bench.look(80) == 0
    assert caplog.messages == []


async def test_transaction_markers_are_no_requests() -> None:
    bench = Bench(10, 10)
    bench.log.skip(P0, 5)
    assert await bench.look(15) == 0


async def test_answers_to_other_records_at_these_offsets_are_none() -> None:
    """A topic made anew and then an offset moved forward: outputs of the old one stay."""
    bench = Bench(20, 20)
    bench.log.make_anew(P0)
    for number in range(20):
        bench.log.write(P0, samples.request(refund_id=f"new-{number}"), b"k")
    assert await bench.look(20) == 20
    assert bench.answers.unfit == set()  # those that are judged are counted there


async def test_the_look_goes_back_until_there_is_an_answer(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("streams.kafka.passed_over._WINDOW", 5)
    bench = Bench(200, 40)
    read = bench.consumer.seek
    sought: list[int] = []

    def seek(where: TopicPartition, offset: int) -> None:
        sought.append(offset)
        read(where, offset)

    bench.consumer.seek = seek  # type: ignore[method-assign]
    assert await bench.look(180) == 140
    assert sought == [175, 125, 0]


async def test_the_look_goes_back_no_further_than_asked() -> None:
    bench = Bench(200, 0)
    assert await bench.look(180, doubted=150) == 30


async def test_a_broker_that_refuses_ends_the_process() -> None:
    bench = Bench(10, 0)
    bench.consumer.fail("getmany", KafkaConnectionError())
    with pytest.raises(FactsUnreadableError, match=r"reading refund\.requests back"):
        await bench.look(5)


async def test_records_deleted_before_there_was_an_offset_are_told_and_counted(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """A timestamp of 0 is older than any retention: the record goes at once."""
    bench = Bench(5, 0)
    assert bench.look_at_deleted(2) == 2
    (told,) = caplog.messages
    assert told.startswith("refund.requests/0: offsets 0 to 1 were deleted before")


async def test_deleted_records_that_have_an_answer_are_not_missed() -> None:
    bench = Bench(5, 3)
    assert bench.look_at_deleted(3) == 0
    assert bench.look_at_deleted(4) == 1


async def test_where_there_is_an_offset_the_source_counts_what_was_deleted() -> None:
    assert Bench(5, 0).look_at_deleted(3, committed=1) == 0


async def test_offsets_are_told_as_ranges_and_not_without_end() -> None:
    assert ranges_of([3]) == "3"
    assert ranges_of([3, 4, 5, 9, 11, 12]) == "3 to 5, 9, 11 to 12"
    assert ranges_of(range(0, 60, 2)).endswith("36, 38 and 10 more ranges")
