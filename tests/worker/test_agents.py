"""Faust's agents hand their streams to what runs on them."""

from collections.abc import AsyncIterator

import faust
import pytest

from streams.kafka.slices import Poll
from streams.processing.reconcile import ReconcileRequest
from streams.worker.agents import agent_name, attach
from streams.worker.reconciler import DeadLetterWriter
from streams.worker.slice_driver import SliceDriver
from testkit.samples import NUMBER
from tests.families.fast_refund.stage import (
    ready,
)

pytestmark = pytest.mark.asyncio


async def test_the_agents_of_the_app_work_with_the_parts_they_wait_for() -> None:
    app = faust.App("test", broker="kafka://nowhere:9", autodiscover=False)
    async with ready() as stage:

        async def driver() -> SliceDriver:
            return stage.driver

        async def reconciler() -> DeadLetterWriter:
            return stage.reconciler

        attach(app, "decide", app.channel(), driver)
        attach(app, "watch", app.channel(), reconciler)
        agents = {name.rpartition(".")[2]: one for name, one in app.agents.items()}
        stage.ask(action="withdraw")
        await agents["decide"].fun(_stream([await stage.read()]))
        await agents["watch"].fun(_stream(ReconcileRequest(NUMBER, ("r-1",))))
        await stage.sink.flush()
        assert len(stage.records("refund.skipped")) == 1


async def _stream(
    item: Poll | ReconcileRequest,
) -> AsyncIterator[Poll | ReconcileRequest]:
    yield item


@pytest.mark.parametrize(
    ("role", "family", "expected"),
    [
        ("decide", "FR", "decide"),
        ("watch", "FR", "watch"),
        ("decide", "ST", "decide.ST"),
    ],
)
async def test_an_agent_of_the_first_family_has_the_name_of_its_role(
    role: str, family: str, expected: str
) -> None:
    assert agent_name(role, family) == expected
