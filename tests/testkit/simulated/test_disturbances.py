"""What aiokafka's clients do when a request is disturbed: each kind of disturbance."""

import asyncio

import pytest
from aiokafka.errors import (
    CorruptRecordException,
    NotLeaderForPartitionError,
    RequestTimedOutError,
)
from aiokafka.protocol.fetch import FetchResponse_v4
from aiokafka.protocol.group import JoinGroupResponse_v0

from testkit.simulated.faults import Disturbance, Reply, Spoilt
from testkit.simulated.spoiling import spoil
from tests.testkit.simulated.running_cluster import (
    FETCH,
    PRODUCE,
    Scene,
    Script,
    play,
    read,
    sent,
)

LOST = Disturbance(told="answer lost", reply=Reply.NOTHING)
NEVER_CAME = Disturbance(told="request lost", effect=False, reply=Reply.NOTHING)
RESET_AFTER = Disturbance(told="reset after", reply=Reply.RESET)
RESET_BEFORE = Disturbance(told="reset before", effect=False, reply=Reply.RESET)
REFUSED = Disturbance(told="no leader", effect=False, reply=Reply.ERROR, code=6)
TIMED_OUT = Disturbance(told="timed out", reply=Reply.ERROR, code=7)


@pytest.mark.parametrize(
    "disturbance",
    [LOST, NEVER_CAME, RESET_AFTER, RESET_BEFORE, REFUSED, TIMED_OUT],
    ids=lambda one: one.told,
)
def test_an_idempotent_producer_writes_once_whatever_it_heard(
    disturbance: Disturbance,
) -> None:
    script = Script(PRODUCE, disturbance)

    async def say(scene: Scene) -> None:
        producer = await scene.producer()
        assert await sent(producer, b"a") == 0
        assert await sent(producer, b"b") == 1
        assert scene.values == [b"a", b"b"]
        assert len(script.calls) == 3

    play(say, script)


@pytest.mark.parametrize(
    ("disturbance", "there"),
    [(RESET_AFTER, 2), (TIMED_OUT, 2), (RESET_BEFORE, 1), (REFUSED, 1)],
    ids=lambda one: getattr(one, "told", None),
)
def test_a_producer_that_repeats_itself_shows_what_had_its_effect(
    disturbance: Disturbance, there: int
) -> None:
    async def say(scene: Scene) -> None:
        producer = await scene.producer(enable_idempotence=False)
        await sent(producer, b"a")
        assert scene.values == [b"a"] * there

    play(say, Script(PRODUCE, disturbance))


@pytest.mark.parametrize(
    ("disturbance", "there"),
    [(LOST, 1), (NEVER_CAME, 0)],
    ids=lambda one: getattr(one, "told", None),
)
def test_a_producer_that_gives_up_does_not_know_what_had_its_effect(
    disturbance: Disturbance, there: int
) -> None:
    async def say(scene: Scene) -> None:
        producer = await scene.producer(enable_idempotence=False)
        with pytest.raises(RequestTimedOutError):
            await sent(producer, b"a")
        assert scene.values == [b"a"] * there

    play(say, Script(PRODUCE, disturbance))


def test_after_a_lost_answer_the_connection_answers_nothing_more() -> None:
    async def say(scene: Scene) -> None:
        producer = await scene.producer()
        before_s = scene.now_s()
        assert await sent(producer, b"a") == 0
        assert scene.now_s() - before_s >= 2.0, "the time-out of the request"

    play(say, Script(PRODUCE, LOST))


def test_after_a_reset_a_client_asks_again_at_once() -> None:
    async def say(scene: Scene) -> None:
        producer = await scene.producer()
        before_s = scene.now_s()
        assert await sent(producer, b"a") == 0
        assert scene.now_s() - before_s < 0.5

    play(say, Script(PRODUCE, RESET_AFTER))


def test_a_code_is_what_the_client_hears() -> None:
    script = Script(PRODUCE, *[REFUSED] * 500)

    async def say(scene: Scene) -> None:
        producer = await scene.producer(enable_idempotence=False)
        with pytest.raises(NotLeaderForPartitionError):
            await sent(producer, b"a")
        assert scene.values == []

    play(say, script)


@pytest.mark.parametrize(("late_ms", "requests"), [(700, 1), (2_500, 2)])
def test_a_late_answer_is_waited_for_until_the_time_out(
    late_ms: int, requests: int
) -> None:
    script = Script(PRODUCE, Disturbance(told="late", late_ms=late_ms))

    async def say(scene: Scene) -> None:
        producer = await scene.producer()
        before_s = scene.now_s()
        assert await sent(producer, b"a") == 0
        assert scene.now_s() - before_s >= min(late_ms, 2_000) / 1000
        assert len(script.calls) == requests
        assert scene.values == [b"a"]

    play(say, script)


def test_what_a_client_has_asked_for_is_done_though_it_is_gone() -> None:
    async def say(scene: Scene) -> None:
        producer = await scene.producer()
        scene.cluster.topics.slow(2)
        scene.cluster.topics.slow(3)
        sending = asyncio.create_task(sent(producer, b"a"))
        await asyncio.sleep(0.2)
        assert scene.values == [b"a"], "appended, and not yet on all replicas"
        scene.running.servers[scene.leader].reset()
        await asyncio.sleep(0.2)
        for node in (2, 3):
            scene.cluster.topics.catch_up(node)
        assert await sending == 0
        assert scene.values == [b"a"]

    play(say, Script(PRODUCE, Disturbance(told="late", late_ms=1)))


def test_a_fetch_that_is_cut_in_a_batch_loses_and_repeats_nothing() -> None:
    script = Script(FETCH, *[Disturbance(told="cut", spoilt=Spoilt.CUT)] * 3)

    async def say(scene: Scene) -> None:
        values = [b"%d" % number for number in range(30)]
        scene.put(*values)
        consumer = await scene.consumer()
        assert await read(consumer, 30) == values
        assert len(script.calls) >= 4

    play(say, script)


def test_a_fetch_of_one_batch_that_is_cut_is_asked_for_again() -> None:
    async def say(scene: Scene) -> None:
        scene.put(b"only one")
        consumer = await scene.consumer()
        assert await read(consumer, 1) == [b"only one"]

    play(say, Script(FETCH, Disturbance(told="cut", spoilt=Spoilt.CUT)))


def test_a_wrong_checksum_is_an_error_and_the_next_fetch_brings_the_records() -> None:
    async def say(scene: Scene) -> None:
        scene.put(b"a", b"b")
        consumer = await scene.consumer()
        found: list[bytes] = []
        with pytest.raises(CorruptRecordException):
            await read(consumer, 2, found)
        assert b"b" not in found, "the last batch is the one that is spoilt"
        assert await read(consumer, 2, found) == [b"a", b"b"]

    play(say, Script(FETCH, Disturbance(told="crc", spoilt=Spoilt.CHECKSUM)))


def test_an_answer_says_how_long_it_throttles() -> None:
    fetched = FetchResponse_v4(0, [("t", [(0, 0, 1, 1, [], b"")])])
    told = spoil(fetched, Disturbance(told="throttled", throttle_ms=70))
    assert told.throttle_time_ms == 70
    assert type(told).decode(told.encode()).throttle_time_ms == 70
    joined = JoinGroupResponse_v0(0, 1, "range", "m", "m", [])
    assert spoil(joined, Disturbance(told="throttled", throttle_ms=70)) is joined
