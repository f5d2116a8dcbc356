"""Slices in, acknowledged outputs out; nothing is committed before, nothing lost after."""

import pytest
from aiokafka.errors import KafkaTimeoutError

from streams.errors import OutputLostError
from testkit import samples
from testkit.fakes import turns
from testkit.samples import NUMBER
from tests.families.fast_refund.stage import (
    INPUT,
    ORDERS,
    OUTPUTS,
    ready,
)

pytestmark = pytest.mark.asyncio


async def test_outputs_go_to_the_partition_of_their_input_in_the_right_topic() -> None:
    async with ready() as stage:
        stage.ask()
        stage.ask(refund_id="r-2")
        stage.ask(refund_id="r-3", order_id=None)
        stage.ask(action="withdraw", refund_version=2)
        stage.log.write(INPUT, b"nonsense")
        await stage.decide()
        await stage.sink.flush()
        sizes = {name: len(stage.records(name)) for name in OUTPUTS}
        assert list(sizes.values()) == [1, 1, 2, 0, 1]  # r-1 was withdrawn meanwhile
        assert stage.source.offsets.to_commit() == {INPUT: 5}
        assert len(stage.counted.latencies_ms) == 5
        (judged,) = stage.counted.slices
        assert judged.dead == {"not_json": 1}


async def test_nothing_is_committed_before_every_output_is_acknowledged() -> None:
    async with ready(room=1) as stage:
        stage.producer.held = True
        for number in range(3):
            stage.ask(refund_id=f"r-{number}")
        await stage.decide()
        for _ in range(3):
            await turns()
            assert stage.source.offsets.to_commit() == {}
            assert stage.counted.latencies_ms == []
            stage.producer.acknowledge(1 if stage.producer.waiting[1:] else 9)
        await turns()
        stage.producer.acknowledge(9)
        await stage.sink.flush()
        assert stage.source.offsets.to_commit() == {INPUT: 3}


async def test_the_next_slice_does_not_wait_for_the_acknowledgements_of_the_last() -> (
    None
):
    async with ready() as stage:
        stage.producer.held = True
        stage.ask()
        await stage.decide()
        await turns()
        stage.ask(refund_id="r-2")
        await stage.decide()
        assert stage.source.offsets.unfinished(frozenset({INPUT})) == 2
        stage.producer.acknowledge(9)
        await turns()
        stage.producer.acknowledge(9)
        await stage.sink.flush()
        assert stage.source.offsets.to_commit() == {INPUT: 2}


async def test_a_lost_output_ends_the_agent_with_the_offset_where_it_was() -> None:
    async with ready(room=1) as stage:
        stage.producer.held = True
        stage.ask()
        await stage.decide()
        await turns()
        stage.producer.refuse(KafkaTimeoutError())
        await turns()
        stage.ask(refund_id="r-2")
        with pytest.raises(OutputLostError):
            await stage.decide()
        assert stage.source.offsets.to_commit() == {}


async def test_a_slice_of_an_assignment_that_is_over_is_left_alone() -> None:
    async with ready() as stage:
        stage.ask()
        piece = await stage.read()
        await stage.assign()
        await stage.driver.handle([piece])
        assert stage.counted.slices == []
        await stage.decide()  # it is read again
        await stage.sink.flush()
        assert len(stage.written("refund.approvals")) == 1


async def test_after_a_crash_between_produce_and_commit_nothing_is_decided_twice() -> (
    None
):
    async with ready() as first:
        first.ask()
        first.log.write(INPUT, b"nonsense")
        first.ask(refund_id="r-2")
        await first.decide()
        await first.sink.flush()
        log = first.log
    assert log.committed == {}
    log.write(ORDERS, samples.order(order_version=2, order_status="shipped"))
    before = {name: list(first.records(name)) for name in OUTPUTS}
    async with ready(log) as second:
        second.ask(refund_version=2)
        await second.decide()
        await second.sink.flush()
        (judged,) = second.counted.slices
        assert judged.answered == 3
        assert second.source.offsets.to_commit() == {INPUT: 4}
        assert len(second.answered[NUMBER].inputs) == 0
        newest = second.written("refund.reviews")[-1]
    assert "REQUEST_EDITED_AFTER_APPROVAL" in newest["reason_codes"]  # it remembers
    before["refund.reviews"].append(second.records("refund.reviews")[-1])
    assert before == {name: second.records(name) for name in OUTPUTS}


async def test_all_versions_of_a_refund_are_remembered_over_a_restart() -> None:
    """Only the newest would forget that an older one was approved (E-20, case 57)."""
    async with ready() as first:
        for version in (1, 2):
            first.ask(refund_version=version)
            await first.decide()
        await first.sink.flush()
        await first.source.stop()
        log = first.log
    approval = first.records("refund.approvals")[0].value
    async with ready(log) as second:
        second.ask(refund_version=3)
        second.ask(refund_version=1)
        await second.decide()
        await second.sink.flush()
        assert [one.value for one in second.records("refund.approvals")] == [
            approval,
            approval,
        ]
        found = second.written("refund.reviews")[-1]
        assert found["refund_version"] == 3
        assert found["reason_codes"] == ["REQUEST_EDITED_AFTER_APPROVAL"]
