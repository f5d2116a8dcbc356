"""A group's offsets count only in the log that they were committed for."""

import asyncio

import pytest
from aiokafka import TopicPartition
from aiokafka.errors import KafkaConnectionError, UnknownTopicOrPartitionError

from streams.errors import TopicsError
from streams.kafka.commit_marks import CommitMarks, Mark, fingerprint, read_mark
from streams.kafka.incarnations import Expected, Incarnations
from streams.kafka.input_log import InputLog, Start
from testkit.fakes import FakeConsumer, FakeLog, FakeRecord, input_log
from testkit.samples import PARTITIONS

P0 = TopicPartition("requests", 0)
P1 = TopicPartition("requests", 1)
COMMAND = (
    "kafka-consumer-groups.sh --bootstrap-server HOST:PORT --group group "
    "--topic requests --reset-offsets --to-earliest --execute"
)


class Bench:
    """A log, and what is committed for it."""

    def __init__(self) -> None:
        self.log = FakeLog(lambda: 1_000)
        self.member = FakeConsumer(self.log)
        self.marks = CommitMarks(lambda topic: f"{topic}-{self.log.made[topic]}")

    def write(self, count: int, where: TopicPartition = P0, text: str = "a") -> None:
        for number in range(count):
            self.log.write(where, f"{text}{number}".encode(), b"k")

    def commit(self, offset: int, where: TopicPartition = P0) -> None:
        """Commit as we do, behind the records that are there."""
        self.marks.begin(where, None)
        for record in self.log.records[where][:offset]:
            self.marks.delivered(where, record)
        self.log.metadata[where] = self.marks.text(where, offset)
        self.log.committed[where] = offset

    def cut(self, end: int, where: TopicPartition = P0) -> None:
        """Let a broker lose the last records of a log."""
        del self.log.records[where][end:]
        self.log.ends[where] = end

    def input_log(self) -> InputLog:
        """Return what a process that starts now asks."""
        return input_log(self.log, self.member, "requests")

    async def start(self, done_to: int = 0) -> Start:
        return (await self.input_log().starts([P0], {P0: done_to}))[P0]

    async def refusal(self, *partitions: TopicPartition) -> tuple[str, ...]:
        with pytest.raises(TopicsError) as refused:
            await asyncio.wait_for(
                self.input_log().starts(partitions or [P0], {}), timeout=5
            )
        return refused.value.problems


# -- what is committed beside an offset ------------------------------------------------


def test_the_mark_of_an_offset_names_its_topic_and_the_last_record_before_it() -> None:
    bench = Bench()
    bench.write(5)
    bench.commit(3)
    last = bench.log.records[P0][2]
    assert read_mark(bench.log.metadata[P0], 3) == Mark(
        to=3, topic="requests-0", last=fingerprint(last)
    )


def test_a_mark_behind_a_gap_names_the_last_record_that_was_read() -> None:
    """Transaction markers have offsets, but are no records."""
    bench = Bench()
    bench.write(2)
    bench.marks.begin(P0, None)
    bench.marks.delivered(P0, bench.log.records[P0][1])
    mark = read_mark(bench.marks.text(P0, 7), 7)
    assert mark is not None
    assert mark.last == fingerprint(bench.log.records[P0][1])


def test_the_mark_of_an_offset_that_did_not_move_stays() -> None:
    bench = Bench()
    bench.write(2)
    bench.marks.begin(P0, fingerprint(bench.log.records[P0][1]))
    bench.marks.delivered(P0, FakeRecord("requests", 0, 9, None, b"later"))
    mark = read_mark(bench.marks.text(P0, 2), 2)
    assert mark is not None
    assert mark.last == fingerprint(bench.log.records[P0][1])


@pytest.mark.parametrize(
    "text", [None, "", "by hand", "{}", '{"v":2,"to":3}', '{"v":1,"to":2}', "\ud800"]
)
def test_what_others_keep_beside_an_offset_is_no_mark(text: str | None) -> None:
    assert read_mark(text, 3) is None


def test_records_with_other_keys_values_or_times_have_other_fingerprints() -> None:
    def of(
        key: bytes | None, value: bytes | None, timestamp: int = 1, offset: int = 1
    ) -> object:
        record = FakeRecord("requests", 0, offset, key, value, (), timestamp)
        return fingerprint(record)

    assert of(b"k", b"v") == of(b"k", b"v")
    others = [
        of(b"", b"kv"),
        of(b"kv", b""),
        of(None, b"kv"),
        of(b"kv", None),
        of(b"k", b"v", 2),
        of(b"k", b"v", 1, 2),
    ]
    assert len({of(b"k", b"v"), *others}) == 7


# -- where reading begins --------------------------------------------------------------


@pytest.mark.asyncio
async def test_an_offset_of_ours_is_where_reading_begins() -> None:
    bench = Bench()
    bench.write(5)
    bench.commit(3)
    assert await bench.start() == Start(
        first=0,
        due=3,
        committed=3,
        doubted=3,
        last=fingerprint(bench.log.records[P0][2]),
    )


@pytest.mark.asyncio
async def test_offsets_without_a_mark_from_an_older_version_stay_valid() -> None:
    bench = Bench()
    bench.write(5)
    bench.log.committed[P0] = 3
    start = await bench.start()
    assert (start.offset, start.doubted) == (
        3,
        0,
    )  # that they are answered is looked at


@pytest.mark.asyncio
async def test_an_offset_that_somebody_else_moved_is_doubted_from_where_we_were() -> (
    None
):
    bench = Bench()
    bench.write(9)
    bench.commit(3)
    bench.log.committed[P0] = 7  # and our string is still there
    start = await bench.start(done_to=4)
    assert (start.offset, start.doubted) == (7, 4)


@pytest.mark.asyncio
async def test_an_offset_moved_back_below_what_is_done_is_not_doubted() -> None:
    bench = Bench()
    bench.write(9)
    bench.log.committed[P0] = 2
    start = await bench.start(done_to=4)
    assert (start.offset, start.doubted) == (4, 4)


# -- another log under the name --------------------------------------------------------


@pytest.mark.asyncio
@pytest.mark.parametrize("count", [0, 2, 3, 50])
async def test_an_offset_of_a_topic_made_anew_is_refused_however_long_the_new_one_is(
    count: int,
) -> None:
    bench = Bench()
    bench.write(5)
    bench.commit(3)
    held, text = bench.log.committed[P0], bench.log.metadata[P0]
    bench.log.make_anew(P0)
    bench.log.committed[P0], bench.log.metadata[P0] = (
        held,
        text,
    )  # as a live worker does
    bench.write(count, text="b")
    (problem,) = await bench.refusal()
    assert problem.startswith(
        "requests: deleted and recreated since the group group committed its offsets "
        "(its id was requests-0, now requests-1)"
    )
    assert problem.endswith(COMMAND)


@pytest.mark.asyncio
async def test_an_offset_beyond_the_end_is_refused_whoever_committed_it() -> None:
    bench = Bench()
    bench.write(2)
    bench.log.committed[P0] = 3
    (problem,) = await bench.refusal()
    assert (
        "requests/0: the group group has committed 3, and the log ends at 2" in problem
    )
    assert problem.endswith(COMMAND)


@pytest.mark.asyncio
@pytest.mark.parametrize("count", [1, 2, 50])
async def test_an_offset_of_a_log_that_lost_records_is_refused_when_it_has_outgrown_it_too(
    count: int,
) -> None:
    bench = Bench()
    bench.write(5)
    bench.commit(4)
    bench.cut(3)
    bench.write(count, text="b")
    (problem,) = await bench.refusal()
    assert problem.startswith("requests/0: at offset 3, before the one that the group")


@pytest.mark.asyncio
async def test_a_last_record_that_retention_deleted_cannot_be_compared_and_is_no_fault() -> (
    None
):
    bench = Bench()
    bench.write(9)
    bench.commit(3)
    bench.log.starts[P0] = 5
    start = await bench.start()
    assert (start.due, start.first, start.offset) == (3, 5, 5)


@pytest.mark.asyncio
async def test_every_partition_that_is_wrong_is_named() -> None:
    bench = Bench()
    bench.write(2, P0)
    bench.write(2, P1)
    bench.log.committed |= {P0: 3, P1: 9}
    problems = await bench.refusal(P0, P1)
    assert [problem[:10] for problem in problems] == ["requests/0", "requests/1"]


# -- while a process runs --------------------------------------------------------------


class Watched:
    """Topics that are looked at."""

    def __init__(self) -> None:
        self.ms = 1_000
        self.log = FakeLog(lambda: self.ms)
        expected = Expected(partitions=PARTITIONS, advice="do it")
        self.incarnations = Incarnations(
            self.log.topics_now,
            {"requests": expected, "orders": expected},
            lambda: self.ms,
        )

    async def problems(self) -> tuple[str, ...]:
        with pytest.raises(TopicsError) as refused:
            await self.incarnations.look()
        return refused.value.problems


@pytest.mark.asyncio
async def test_topics_that_stay_what_they_are_are_found_unchanged() -> None:
    watched = Watched()
    await watched.incarnations.look()
    watched.ms += 500
    await watched.incarnations.look()
    assert watched.incarnations.looked_ms == watched.ms
    assert watched.incarnations.id_of("orders") == "orders-0"


@pytest.mark.asyncio
async def test_topics_made_anew_or_with_other_partitions_are_all_named() -> None:
    watched = Watched()
    await watched.incarnations.look()
    watched.log.make_anew(TopicPartition("orders", 0))
    watched.log.partitions["requests"] = PARTITIONS + 1
    first, second = await watched.problems()
    assert first == (
        f"requests: {PARTITIONS + 1} partitions now, {PARTITIONS} when this worker began "
        "(adding partitions moves keys); do it"
    )
    assert second == (
        "orders: deleted and recreated while in use (its id was orders-0, now "
        "orders-1); do it"
    )


@pytest.mark.asyncio
async def test_a_topic_that_is_missing_for_a_moment_is_no_change_and_for_long_is_gone() -> (
    None
):
    watched = Watched()
    await watched.incarnations.look()
    looked_ms = watched.incarnations.looked_ms
    watched.log.partitions["orders"] = 0
    for passed_ms in (0, 10_000):
        watched.ms += passed_ms
        with pytest.raises(UnknownTopicOrPartitionError, match="orders"):
            await watched.incarnations.look()
    assert (
        watched.incarnations.looked_ms == looked_ms
    )  # nobody has vouched for it since
    watched.ms += 1
    assert await watched.problems() == ("orders: deleted while in use; do it",)


@pytest.mark.asyncio
async def test_who_must_know_asks_until_a_broker_answers(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("streams.kafka.incarnations._ASK_AGAIN_S", 0)
    watched, ask = Watched(), FakeLog().topics_now
    answers = iter([KafkaConnectionError(), KafkaConnectionError(), None])

    async def first_nobody(names: object) -> object:
        problem = next(answers)
        if problem is not None:
            raise problem
        return await ask(names)  # type: ignore[arg-type]

    watched.incarnations._ask = first_nobody  # type: ignore[assignment]  # noqa: SLF001
    await asyncio.wait_for(watched.incarnations.look_patiently(), 5)
    assert next(answers, "asked three times") == "asked three times"
