"""What the watch agent is to look at waits once, however often it is asked for."""

import asyncio

import pytest

from streams.processing.applied import Applied
from streams.processing.reconcile import ReconcileRequest
from streams.settings import load
from streams.worker.app import build_app
from streams.worker.reconcile_queue import DeadLettersOnly, ReconcileQueue
from testkit.samples import NOW

pytestmark = pytest.mark.asyncio


async def test_an_order_that_changes_often_waits_once_and_is_looked_at_after_each() -> (
    None
):
    handed: list[ReconcileRequest] = []
    gate = asyncio.Semaphore(0)

    async def put(wanted: ReconcileRequest) -> None:
        handed.append(wanted)
        await gate.acquire()

    reconcile_queue = ReconcileQueue(put)
    order = ReconcileRequest(3, groups=("o-1",))
    passing = asyncio.create_task(reconcile_queue.pass_on())
    for _ in range(1_000):
        reconcile_queue.at_applied(3, Applied(group="o-1"))
    reconcile_queue.at_applied(4, Applied(group="o-1"))  # of another partition
    assert reconcile_queue.waiting.qsize() == 2
    await asyncio.sleep(0)
    assert handed == [order]
    reconcile_queue.at_applied(3, Applied(group="o-1"))  # it changed after that
    assert reconcile_queue.waiting.qsize() == 2
    for _ in range(2):
        gate.release()
        await asyncio.sleep(0)
        await asyncio.sleep(0)
    assert handed == [order, ReconcileRequest(4, groups=("o-1",)), order]
    passing.cancel()
    await asyncio.wait({passing})


async def test_where_nobody_watches_only_bad_facts_are_looked_at() -> None:
    handed: list[ReconcileRequest] = []

    async def put(wanted: ReconcileRequest) -> None:
        handed.append(wanted)

    reconcile_queue = DeadLettersOnly(put)
    reconcile_queue.at_keys(3, ["r-1"])
    reconcile_queue.at_applied(3, Applied(key="r-1", group="o-1"))
    reconcile_queue.at_all(3, ("r-1", "r-2"))
    reconcile_queue.at(ReconcileRequest(4))
    assert [reconcile_queue.waiting.get_nowait() for _ in range(2)] == [
        ReconcileRequest(3),
        ReconcileRequest(4),
    ]
    assert reconcile_queue.waiting.empty()


@pytest.mark.parametrize(
    ("agents", "attached"),
    [("decide,watch", {"decide", "watch"}), ("decide", {"decide", "bury"})],
)
async def test_bad_facts_have_their_agent_with_and_without_watch(
    agents: str, attached: set[str]
) -> None:
    settings = load({}, None, {"worker.roles": agents, "web.port": "off"})
    app = build_app(settings, lambda: NOW)
    assert {name.rpartition(".")[2] for name in app.agents} == attached
