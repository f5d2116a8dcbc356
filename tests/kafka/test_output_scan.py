"""Outputs read back: which offsets are answered, and what was decided first."""

import asyncio
from collections.abc import Sequence

import msgspec
import pytest
from aiokafka import TopicPartition
from aiokafka.errors import KafkaConnectionError

from faults.waiting import eventually
from streams.errors import FactsUnreadableError
from streams.families.fast_refund.decide import decide
from streams.families.fast_refund.decision_codec import encode_decision
from streams.families.fast_refund.family import FastRefundProcess
from streams.families.fast_refund.model import Decision, Facts, Request
from streams.families.fast_refund.policy import Policies
from streams.families.fast_refund.seen import see
from streams.families.fast_refund.topics import TOPICS
from streams.kafka.output_scan import AnsweredOffsets, OutputScan
from streams.kafka.topic_names import FamilyNames
from streams.records.dead_letters import dead_letter_headers
from streams.records.headers import SliceHeaders, event_source, event_types
from streams.records.notices import FOLLOW_UP_SUFFIX, Notice, encode_notice
from streams.records.record_format import Header
from streams.settings import load
from testkit.fakes import FakeConsumer, FakeLog, headers_in, turns
from testkit.samples import NOW, T
from tests.families.fast_refund.world import SITE

pytestmark = pytest.mark.asyncio

NAMES = FamilyNames(TOPICS, load({}, None, {"topics.prefix": ""}))
TYPES = event_types(("auto_approve", "manual_review", "superseded"))


def decision(
    refund_id: str = "r-1",
    outcome: str | None = "manual_review",
    version: int = 1,
    at_ms: int = NOW,
    action: str = "open",
) -> Decision:
    request = Request(
        refund_id=refund_id,
        refund_version=version,
        action=action,
        order_id="o-1",
        requested_at_ms=T,
    )
    found = decide(request, see(request, Facts(), None, at_ms), None, at_ms)
    return msgspec.structs.replace(found, outcome=outcome, decided_at_ms=at_ms)


class Bench:
    def __init__(self) -> None:
        self.log = FakeLog()
        self.consumer = FakeConsumer(self.log)
        self.asking = FakeConsumer(self.log, "read_uncommitted")
        process = FastRefundProcess(SITE, Policies())
        self.reader = OutputScan(self.consumer, self.asking, NAMES, process)
        self.states = {0: process.open(0), 1: process.open(1)}
        self.ledgers = {number: one.ledger for number, one in self.states.items()}

    def write(
        self,
        topic: str,
        value: Decision | bytes,
        offset: int,
        number: int = 0,
        source: str = "requests",
    ) -> int:
        block = SliceHeaders(TYPES, event_source("/x"), source, number, NOW).build(
            "manual_review", "FR:x", offset, ()
        )
        headers = headers_in(block)
        body = value if isinstance(value, bytes) else encode_decision(value)
        return self.log.write(TopicPartition(topic, number), body, b"k", headers)

    def bury(
        self, source: tuple[str, int, int], headers: Sequence[Header] = ()
    ) -> None:
        letter = dead_letter_headers(headers, source, ("decode", "e", "m"), NOW, "1")
        self.log.write(TopicPartition("dead-letters", 0), b"x", b"k", letter)

    async def read(
        self, committed: int = 0, *numbers: int
    ) -> dict[int, AnsweredOffsets]:
        wanted = numbers or (0,)
        return await self.reader.read(
            {number: self.states[number] for number in wanted},
            dict.fromkeys(wanted, committed),
        )


def offsets(answered: AnsweredOffsets) -> set[int]:
    return set(answered.inputs.offsets())


async def test_offsets_from_the_committed_one_on_that_have_an_output_are_answered() -> (
    None
):
    bench = Bench()
    bench.write("approvals", decision("r-4", "auto_approve"), 4)
    bench.write("reviews", decision("r-5"), 5)
    bench.write("skipped", decision("r-7", None), 7)
    found = await bench.read(5)
    assert offsets(found[0]) == {5, 7}
    # memory has no bound
    assert bench.ledgers[0].refund_ids() == ("r-4", "r-5", "r-7")


async def test_what_was_decided_comes_back_as_it_was_written() -> None:
    bench = Bench()
    written = decision("r-1", "auto_approve", 3)
    withdrawal = decision("r-2", None, 9, action="withdraw")
    bench.write("approvals", written, 0)
    bench.write("skipped", withdrawal, 1)
    await bench.read()
    entry = bench.ledgers[0].first("r-1", 3, withdraws=False)
    assert entry is not None
    assert entry.value == encode_decision(written)
    assert (entry.order_id, entry.outcome, entry.decided_at_ms) == (
        "o-1",
        "auto_approve",
        NOW,
    )
    assert entry.reason_codes == written.reason_codes
    assert bench.ledgers[0].first("r-2", 9, withdraws=True) is not None


async def test_of_one_version_the_first_input_offset_wins() -> None:
    bench = Bench()
    bench.write("reviews", decision(at_ms=NOW + 9), 9)
    bench.write("reviews", decision(at_ms=NOW + 2), 2)
    found = await bench.read()
    (row,) = bench.ledgers[0].of_group(None, "r-1")
    assert row.decided_at_ms == NOW + 2
    assert offsets(found[0]) == {2, 9}


async def test_the_order_over_topics_is_the_order_of_the_input() -> None:
    bench = Bench()
    bench.write("reviews", decision(version=1), 1)
    bench.write("reviews", decision(version=3), 3)
    bench.write("approvals", decision(version=2, outcome="auto_approve"), 2)
    bench.write("skipped", decision(version=0, outcome=None), 4)
    await bench.read()
    rows = bench.ledgers[0].of_group(None, "r-1")
    assert [row.refund_version for row in rows] == [0, 3, 2, 1]


async def test_of_two_answers_to_one_offset_the_approval_counts() -> None:
    """A worker that slept through its loss may have answered too; money moved."""
    for topics in (("approvals", "reviews"), ("reviews", "approvals")):
        bench = Bench()
        for topic in topics:
            outcome = "auto_approve" if topic == "approvals" else "manual_review"
            bench.write(topic, decision(outcome=outcome), 5)
        await bench.read()
        (row,) = bench.ledgers[0].of_group(None, "r-1")
        assert row.outcome == "auto_approve"


async def test_decisions_by_the_thousand_are_remembered_in_turns_with_other_work() -> (
    None
):
    bench = Bench()
    many = 5_000
    for number in range(many):
        bench.write("reviews", decision(f"r-{number}"), number)
    reading = asyncio.create_task(bench.read())
    seen = set()
    while not reading.done():
        seen.add(bench.ledgers[0].rows()["refunds"])
        await asyncio.sleep(0)
    assert seen >= {0, 2_000, 4_000}
    assert bench.ledgers[0].rows()["refunds"] == many


async def test_who_breaks_off_remembering_reads_again_what_is_not_remembered() -> None:
    bench = Bench()
    many = 5_000
    for number in range(many):
        bench.write("reviews", decision(f"r-{number}"), number)
    reading = asyncio.create_task(bench.read())
    while bench.ledgers[0].rows()["refunds"] < 2_000:  # noqa: ASYNC110 - asked, not told
        await asyncio.sleep(0)
    reading.cancel()
    await asyncio.wait({reading})
    assert reading.cancelled()
    found = await bench.read()
    assert bench.ledgers[0].rows()["refunds"] == many
    assert offsets(found[0]) == set(range(many))


async def test_partitions_are_kept_apart() -> None:
    bench = Bench()
    bench.write("reviews", decision("r-0"), 3, 0)
    bench.write("reviews", decision("r-1"), 4, 1)
    found = await bench.read(0, 0, 1)
    assert (offsets(found[0]), offsets(found[1])) == ({3}, {4})
    assert bench.ledgers[1].refund_ids() == ("r-1",)


async def test_dead_letters_answer_their_offset_and_are_not_buried_twice() -> None:
    bench = Bench()
    bench.bury(("requests", 0, 3))
    bench.bury(("requests", 0, 6))
    bench.bury(("requests", 1, 7))  # of another partition: not ours to skip
    bench.bury(("orders", 0, 8))
    found = await bench.read(5)
    assert offsets(found[0]) == {6}
    assert found[0].dead == {
        ("requests", 3),
        ("requests", 6),
        ("requests", 7),
        ("orders", 8),
    }


async def test_a_letter_that_died_twice_counts_where_it_died_last() -> None:
    bench = Bench()
    earlier = dead_letter_headers((), ("old", 3, 1), ("decode", "e", "m"), NOW, "1")
    bench.bury(("requests", 0, 6), earlier)
    found = await bench.read()
    assert found[0].dead == {("requests", 6)}


async def test_notices_and_follow_ups_are_known_by_their_id() -> None:
    bench = Bench()
    notice = Notice(
        notice_id="race:FR:r-1:1",
        kind="race_detected",
        decision_id="FR:r-1:1",
        refund_id="r-1",
        order_id="o-1",
        shop_id=None,
        noticed_at_ms=NOW,
    )
    follow_up = msgspec.structs.replace(
        decision(), decision_id="FR:r-1:1" + FOLLOW_UP_SUFFIX
    )
    bench.write("notices", encode_notice(notice), -1)
    bench.write("notices", b"no notice", -1)
    bench.write("reviews", follow_up, 2, source="outcomes")
    found = await bench.read()
    ledger = bench.ledgers[0]
    assert ledger.noted("race:FR:r-1:1")
    assert ledger.noted("FR:r-1:1" + FOLLOW_UP_SUFFIX)
    assert ledger.rows()["notices"] == 2
    assert offsets(found[0]) == set()
    assert bench.ledgers[0].refund_ids() == ()


async def test_records_of_others_are_counted_and_passed_over(
    caplog: pytest.LogCaptureFixture,
) -> None:
    bench = Bench()
    letters, reviews = (
        TopicPartition("dead-letters", 0),
        TopicPartition("reviews", 0),
    )
    bench.write("reviews", b"no decision", 1)
    bench.write("reviews", b"[" * 100_000, 1)
    bench.write("reviews", decision("r-1"), 2, source="other")
    bench.log.write(reviews, None)
    bench.log.write(reviews, encode_decision(decision("r-2")))
    odd: list[tuple[bytes, ...]] = [(b"x",), ("²".encode(),), (b"9" * 5000,), (b"-1",)]
    for (offset,) in odd:
        bench.log.write(
            reviews,
            encode_decision(decision("r-3")),
            None,
            [("source_topic", b"requests"), ("source_offset", offset)],
        )
        bench.log.write(
            letters,
            b"",
            None,
            [("refund_dlq_topic", b"requests"), ("refund_dlq_offset", offset)],
        )
    bench.log.write(letters, b"", None, [("refund_dlq_topic", b"requests")])
    found = await bench.read()
    assert found[0] == AnsweredOffsets()
    assert bench.ledgers[0].refund_ids() == ()
    assert bench.reader.foreign == 5 + 2 * len(odd) + 1
    told = [line for line in caplog.messages if "are not decisions" in line]
    assert len(told) == 1, "once a read, not once a record"


async def test_headers_without_a_value_do_no_harm() -> None:
    bench = Bench()
    none: list[tuple[str, bytes]] = [
        (name, None)  # type: ignore[misc]  # Kafka allows what our own type does not
        for name in (
            "source_topic",
            "source_offset",
            "refund_dlq_topic",
            "refund_dlq_offset",
        )
    ]
    bench.log.write(
        TopicPartition("reviews", 0), encode_decision(decision()), None, none
    )
    bench.log.write(TopicPartition("dead-letters", 0), b"", None, none)
    found = await bench.read()
    assert found[0] == AnsweredOffsets()
    assert bench.reader.foreign == 2


async def test_each_part_is_read_once_and_our_own_batches_are_not_read_back() -> None:
    bench = Bench()
    where = TopicPartition("reviews", 0)
    bench.write("reviews", decision("r-1"), 1)
    await bench.read()
    ours = bench.write("reviews", decision("r-2"), 2)
    bench.reader.written(where, ours, 1)
    bench.write("reviews", decision("r-3"), 3)
    found = await bench.read()
    assert offsets(found[0]) == {3}
    assert bench.ledgers[0].refund_ids() == ("r-1", "r-3")


async def test_our_own_batches_answer_if_their_slices_were_left_unfinished() -> None:
    bench = Bench()
    where = TopicPartition("reviews", 0)
    bench.write("reviews", decision("r-1"), 1)
    await bench.read()
    ours = bench.write("reviews", decision("r-2"), 2)
    bench.reader.written(where, ours, 1)
    bench.reader.rewind([0])
    assert offsets((await bench.read())[0]) == {2}
    bench.reader.rewind([0])  # nothing was written since
    assert offsets((await bench.read())[0]) == set()


async def test_a_batch_after_somebody_elses_is_read_back_because_of_the_gap() -> None:
    bench = Bench()
    where = TopicPartition("reviews", 0)
    await bench.read()
    bench.write("reviews", decision("r-zombie"), 1)
    ours = bench.write("reviews", decision("r-1"), 2)
    bench.reader.written(where, ours, 1)
    bench.reader.written(where, -1, 1)  # an offset the broker did not say
    found = await bench.read()
    assert offsets(found[0]) == {1, 2}


async def test_a_partition_that_is_forgotten_is_read_from_its_beginning() -> None:
    bench = Bench()
    bench.write("reviews", decision("r-1"), 1)
    await bench.read()
    bench.reader.forget([0])
    found = await bench.read()
    assert offsets(found[0]) == {1}
    assert len(bench.ledgers[0].of_group(None, "r-1")) == 1


async def test_a_topic_that_begins_late_or_ends_in_a_gap_is_read_to_its_end() -> None:
    bench = Bench()
    bench.log.starts[TopicPartition("skipped", 0)] = 40
    bench.write("reviews", decision("r-1"), 1)
    bench.log.skip(TopicPartition("reviews", 0), 2)
    assert offsets((await bench.read())[0]) == {1}


async def test_outputs_are_read_to_their_end_and_not_only_to_an_open_transaction(
    caplog: pytest.LogCaptureFixture,
) -> None:
    bench = Bench()
    where = TopicPartition("approvals", 0)
    bench.log.write(where, b"foreign")
    bench.write("approvals", decision("r-1", "auto_approve"), 1)
    bench.log.unstable[where] = 0
    reading = asyncio.create_task(bench.read())

    async def held_back() -> bool:
        return bench.reader.held_back == {where: (0, 2)}

    await eventually(held_back, 5)
    await turns(50)
    assert not reading.done()
    (told,) = [one for one in caplog.messages if "open transaction" in one]
    assert told.startswith("approvals/0: an open transaction of another producer")
    del bench.log.unstable[where]
    found = await asyncio.wait_for(reading, 5)
    assert offsets(found[0]) == {1}
    assert set(bench.ledgers[0].refund_ids()) == {"r-1"}
    assert bench.reader.held_back == {}


async def test_an_output_topic_that_was_made_anew_is_read_from_its_beginning() -> None:
    bench = Bench()
    for number in range(3):
        bench.write("reviews", decision(f"r-{number}"), number)
    await bench.read()
    bench.log.make_anew(TopicPartition("reviews", 0))
    bench.write("reviews", decision("r-9"), 3)
    assert offsets((await bench.read())[0]) == {3}


async def test_nothing_to_read_is_answered_with_nothing() -> None:
    assert await Bench().reader.read({}, {}) == {}


async def test_what_is_written_meanwhile_is_left_for_the_next_time() -> None:
    bench = Bench()
    bench.write("reviews", decision("r-1"), 1)
    ends = bench.asking.end_offsets

    async def and_then_more(partitions: list[TopicPartition]) -> object:
        found = await ends(partitions)
        bench.write("reviews", decision("r-2"), 2)
        return found

    bench.asking.end_offsets = and_then_more  # type: ignore[method-assign,assignment]
    assert offsets((await bench.read())[0]) == {1}
    assert offsets((await bench.read())[0]) == {2}


@pytest.mark.parametrize("method", ["getmany", "end_offsets", "position"])
async def test_outputs_that_cannot_be_read_end_the_process(method: str) -> None:
    bench = Bench()
    bench.write("reviews", decision(), 1)
    consumer = bench.asking if method == "end_offsets" else bench.consumer
    consumer.fail(method, KafkaConnectionError())
    with pytest.raises(FactsUnreadableError, match="reading back outputs failed"):
        await bench.read()
