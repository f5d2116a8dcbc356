"""What the watch agent is to look at waits once, however often it is asked for."""

import asyncio

import pytest

from streams.agents.watch import Glance
from streams.app.build import build_app
from streams.app.glancing import DeadOnly, Glances
from streams.decision.ledger import Ledger
from streams.kafka.tables import Applied
from streams.settings import load
from tests.samples import NOW

pytestmark = pytest.mark.asyncio


async def test_an_order_that_changes_often_waits_once_and_is_looked_at_after_each() -> (
    None
):
    handed: list[Glance] = []
    gate = asyncio.Semaphore(0)

    async def put(glance: Glance) -> None:
        handed.append(glance)
        await gate.acquire()

    glances = Glances(put)
    order = Glance(3, order_ids=("o-1",))
    passing = asyncio.create_task(glances.pass_on())
    for _ in range(1_000):
        glances.at_applied(3, Applied(order_id="o-1"))
    glances.at_applied(4, Applied(order_id="o-1"))  # of another partition
    assert glances.waiting.qsize() == 2
    await asyncio.sleep(0)
    assert handed == [order]
    glances.at_applied(3, Applied(order_id="o-1"))  # it changed after that
    assert glances.waiting.qsize() == 2
    for _ in range(2):
        gate.release()
        await asyncio.sleep(0)
        await asyncio.sleep(0)
    assert handed == [order, Glance(4, order_ids=("o-1",)), order]
    passing.cancel()
    await asyncio.wait({passing})


async def test_where_nobody_watches_only_bad_facts_are_looked_at() -> None:
    handed: list[Glance] = []

    async def put(glance: Glance) -> None:
        handed.append(glance)

    glances = DeadOnly(put)
    glances.at_decided(3, ["r-1"])
    glances.at_applied(3, Applied(refund_id="r-1", order_id="o-1"))
    glances.at_all(3, Ledger())
    glances.at(Glance(4))
    assert [glances.waiting.get_nowait() for _ in range(2)] == [Glance(3), Glance(4)]
    assert glances.waiting.empty()


@pytest.mark.parametrize(
    ("agents", "attached"),
    [("decide,watch", {"decide", "watch"}), ("decide", {"decide", "bury"})],
)
async def test_bad_facts_have_their_agent_with_and_without_watch(
    agents: str, attached: set[str]
) -> None:
    settings = load({}, None, {"worker.agents": agents, "web.port": "off"})
    app = build_app(settings, lambda: NOW)
    assert {name.rpartition(".")[2] for name in app.agents} == attached
