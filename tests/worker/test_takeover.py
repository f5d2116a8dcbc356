"""What happens to a partition between being assigned and being read."""

import asyncio

import msgspec
import pytest
from aiokafka import TopicPartition

from streams.errors import FactsUnreadableError
from streams.families.fast_refund.policy import Policies
from streams.kafka.input_log import Start
from streams.processing.policies.publication import PolicyRecord, as_fields
from streams.processing.reconcile import ReconcileRequest
from testkit import samples
from testkit.fakes import FakeLog, headers_in, turns
from testkit.samples import NOW, NUMBER
from tests.families.fast_refund.world import SHIPPED, World, policy
from tests.worker.family_bench import (
    APPROVALS,
    ME,
    OTHER,
    Bench,
    approved,
    built,
    fast_refund,
    offsets,
    settings,
)

pytestmark = pytest.mark.asyncio


async def test_a_new_partition_is_loaded_read_back_and_reconciled() -> None:
    log = FakeLog(lambda: NOW)
    approved(log)
    async with built(log) as bench:
        await bench.prepare(**{ME: 0})
        assert offsets(bench.engine.takeover.answered[NUMBER]) == {0}
        assert bench.engine.facts.loaded == {NUMBER}
        assert bench.told() == [
            ReconcileRequest(NUMBER),
            ReconcileRequest(NUMBER, ("r-1",)),
        ]


async def test_decisions_read_back_tell_of_policies_that_others_judged_by() -> None:
    log = FakeLog(lambda: NOW)
    approved(log)
    other = policy(version=1, paid_limit_fen=29_000)  # another file of the same name
    async with built(log, policies=Policies([other])) as bench:
        await bench.prepare(**{ME: 0})
        book = bench.engine.process.shared.book
        assert book.disagreed["decided"] == 1
        shown = bench.engine.process.shared.book.disagreements[0].text
        assert f"FR@1 (hash {SHIPPED.policy_hash})" in shown
    async with built(log, policies=Policies([SHIPPED])) as bench:
        await bench.prepare(**{ME: 0})
        assert set(bench.engine.process.shared.book.disagreed.values()) == {0}


async def test_the_file_does_not_take_the_place_of_a_version_that_was_lost() -> None:
    """The topic of policies was made anew; decisions remember a higher version."""
    log = FakeLog(lambda: NOW)
    world = World(SHIPPED, policy())
    (output,) = world.slice([world.record(samples.request())]).outputs
    headers = list(headers_in(output.record[2]))
    log.write(APPROVALS, output.value, output.record[0], headers)
    async with built(log) as bench:
        assert bench.engine.process.shared.policies.at(NOW) is SHIPPED
        await bench.prepare(**{ME: 0})
        assert bench.engine.process.shared.policies.at(NOW) is None
        assert bench.engine.process.shared.policies.missing() == (2,)


async def test_a_version_published_just_now_is_read_before_decisions_are_compared() -> (
    None
):
    log = FakeLog(lambda: NOW)
    world = World(SHIPPED, policy())
    judged = world.slice([world.record(samples.request())])
    async with built(log) as bench:
        await bench.prepare(**{f"p{OTHER}": 0})
        (output,) = judged.outputs
        headers = list(headers_in(output.record[2]))
        log.write(APPROVALS, output.value, output.record[0], headers)
        fields = as_fields(PolicyRecord(policy()))
        log.write(
            TopicPartition("refund.policies", 0), samples.encoded(fields), b"FR@2"
        )
        await bench.prepare(**{f"p{OTHER}": 0, ME: 0})
        assert set(bench.engine.process.shared.book.disagreed.values()) == {0}
        assert [one.name for one in bench.engine.process.shared.policies] == [
            "FR@1",
            "FR@2",
        ]


async def test_a_partition_that_stays_is_neither_read_back_nor_reconciled_again() -> (
    None
):
    log = FakeLog(lambda: NOW)
    approved(log)
    async with built(log) as bench:
        await bench.prepare(**{ME: 0})
        bench.told()
        bench.engine.takeover.answered[NUMBER].dead.add(("refund.orders", 3))
        await bench.prepare(**{ME: 0, f"p{OTHER}": 0})
        assert bench.told() == [ReconcileRequest(OTHER)]
        assert offsets(bench.engine.takeover.answered[NUMBER]) == {
            0
        }  # still to be skipped
        assert bench.engine.takeover.answered[NUMBER].dead == {("refund.orders", 3)}
        await bench.prepare(**{ME: 1, f"p{OTHER}": 0})
        assert offsets(bench.engine.takeover.answered[NUMBER]) == set()


async def test_preparing_that_a_rebalance_cut_short_is_made_good_by_the_next() -> None:
    """The tables are there already, but no notice of theirs was ever looked for."""
    log = FakeLog(lambda: NOW)
    approved(log)
    async with built(log) as bench:
        held = asyncio.Event()
        read = bench.engine.reader.read

        async def hold(*args: object) -> object:
            await held.wait()
            return await read(*args)  # type: ignore[arg-type]

        bench.engine.reader.read = hold  # type: ignore[method-assign,assignment]
        takeover = asyncio.create_task(bench.prepare(**{ME: 0, f"p{OTHER}": 0}))
        async with asyncio.timeout(5):
            await bench.engine.facts.until(lambda: NUMBER in bench.engine.facts.loaded)
        await turns()
        takeover.cancel()
        await asyncio.wait({takeover})
        assert bench.told() == []
        held.set()
        await bench.prepare(**{ME: 0})
        assert bench.told() == [
            ReconcileRequest(NUMBER),
            ReconcileRequest(NUMBER, ("r-1",)),
        ]


async def test_a_partition_that_left_and_came_back_is_new() -> None:
    log = FakeLog(lambda: NOW)
    approved(log)
    async with built(log) as bench:
        await bench.prepare(**{ME: 0})
        bench.told()
        await bench.prepare(**{f"p{OTHER}": 0})
        assert set(bench.engine.takeover.answered) == {OTHER}
        await bench.prepare(**{ME: 0, f"p{OTHER}": 0})
        assert bench.told()[1:] == [
            ReconcileRequest(NUMBER),
            ReconcileRequest(NUMBER, ("r-1",)),
        ]
        assert offsets(bench.engine.takeover.answered[NUMBER]) == {0}


async def test_requests_that_an_offset_of_others_passes_over_are_counted_once() -> None:
    log = FakeLog(lambda: NOW)
    approved(log)
    requests = TopicPartition("refund.requests", NUMBER)
    for number in range(1, 4):
        log.write(requests, samples.request(refund_id=f"r-{number}"), b"r-1")
    async with built(log) as bench:
        start = Start(first=0, due=3, committed=3, doubted=0)
        await bench.engine.prepare({requests: start})
        assert bench.engine.passed_over.unanswered == 2  # r-1 is answered
        assert offsets(bench.engine.takeover.answered[NUMBER]) == set()
        assert bench.engine.passed_over.deleted == 0


async def test_requests_deleted_before_there_was_an_offset_are_counted_once() -> None:
    log = FakeLog(lambda: NOW)
    approved(log)
    requests = TopicPartition("refund.requests", NUMBER)
    start = Start(first=4, due=4, committed=None, doubted=4)
    async with built(log) as bench:
        for _ in range(2):
            await bench.engine.prepare({requests: start})
        assert bench.engine.passed_over.deleted == 3  # the first is answered


async def test_the_breaker_counts_what_was_approved_before_this_worker_came() -> None:
    guarded = policy(
        breaker_shop_max_count=1, breaker_window_ms=60_000, effective_from_ms=0
    )
    log = FakeLog(lambda: NOW)
    approved(log)
    async with built(log, policies=Policies([guarded])) as bench:
        await bench.prepare(**{ME: 0})
        admit = fast_refund(bench).breaker.admit
        assert admit("FR:r-1:1", "s-1", 1, NOW, guarded) is None  # counted already
        assert admit("FR:r-2:1", "s-1", 1, NOW, guarded) == "shop"


@pytest.mark.parametrize(("decided_ms", "then"), [(NOW, "shop"), (NOW - 1, None)])
async def test_the_breaker_counts_nothing_again_that_was_approved_before_a_reset(
    decided_ms: int, then: str | None
) -> None:
    guarded = policy(
        breaker_shop_max_count=1, breaker_window_ms=60_000, effective_from_ms=0
    )
    log = FakeLog(lambda: NOW)
    world = World()
    world.now_ms = decided_ms
    (output,) = world.slice([world.record(samples.request())]).outputs
    headers = list(headers_in(output.record[2]))
    log.write(APPROVALS, output.value, output.record[0], headers)
    said = {"author": "li", "reason": "why", "published_at_ms": NOW}
    reset = {"family": "FR", "scope": "all", "from_ms": NOW, **said}
    log.write(
        TopicPartition("refund.policies", 0), samples.encoded(reset), b"FR:breaker"
    )
    async with built(log, policies=Policies([guarded])) as bench:
        await bench.prepare(**{ME: 0})
        admit = fast_refund(bench).breaker.admit
        assert admit("FR:r-2:1", "s-1", 1, NOW, guarded) == then
        assert admit("FR:r-3:1", "s-1", 1, NOW, guarded) == "shop"
        # Without any request: the gauge shows what a reset closed.
        breakers_open = fast_refund(bench).breakers_open
        book = bench.engine.process.shared.book
        assert breakers_open(NOW) == {"global": 0, "shop": 1}
        assert book.apply(b"FR:breaker", samples.encoded(reset), NOW) is None
        assert breakers_open(NOW) == {"global": 0, "shop": 0}


async def test_facts_that_do_not_come_end_the_process() -> None:
    using = settings()
    using = msgspec.structs.replace(
        using, worker=msgspec.structs.replace(using.worker, load_timeout_ms=20)
    )
    bench = Bench(FakeLog(), using, Policies([SHIPPED]))  # nobody reads facts
    with pytest.raises(FactsUnreadableError, match="not loaded after"):
        await bench.prepare(**{ME: 0})


async def test_input_waits_for_a_policy_that_is_on_its_way() -> None:
    async with built(policies=Policies()) as bench:
        takeover = asyncio.create_task(bench.prepare(**{ME: 0}))
        async with asyncio.timeout(5):
            await bench.engine.facts.until(lambda: NUMBER in bench.engine.facts.loaded)
        await turns(50)
        assert not takeover.done()
        bench.log.write(
            TopicPartition("refund.policies", 0),
            samples.encoded(
                {"family": "FR", "version": 1, "effective_from_ms": samples.T}
            ),
            b"FR",
        )
        await asyncio.wait_for(takeover, 5)
