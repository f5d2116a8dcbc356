"""Fault 31: histories far longer than an order, a refund or a buyer ever has."""

from collections.abc import Iterator
from typing import Final

from faults.actions.workers import rebalances
from faults.lab_logs import now_ms
from faults.run import FaultRun
from testkit.rows import Row
from testkit.scenarios.script import Script

_CROWD: Final = 8_000
_CHUNK: Final = 500
_FAR: Final = 900_000
"""Number of the first scenario here; the world's own are below."""
_PART_FEN: Final = 100
"""Asked back by each refund of the order: many fit into what was paid."""


async def crowds(run: FaultRun) -> None:
    """31: 8,000 refunds of one order, and 8,000 versions of one refund, among good traffic."""
    refunds, versions = Script(_FAR, now_ms()), Script(_FAR + 1, now_ms())
    for script in (refunds, versions):
        script.buyer()
        script.order()
        await run.lab.put(*(found for _, found in script.facts))
    before = await rebalances(run)
    await _ask(run, "refunds of an order", _refunds(refunds))
    await _ask(run, "versions of a refund", _versions(versions))
    await run.no_lag()
    run.note("all of them have an answer")
    run.expect(await rebalances(run) == before, "the group was rebalanced")
    run.expect(not run.supervisor.codes, f"workers ended: {run.supervisor.codes}")


async def _ask(run: FaultRun, what: str, rows: Iterator[Row]) -> None:
    found = list(rows)
    for begin in range(0, len(found), _CHUNK):
        await run.lab.put(*found[begin : begin + _CHUNK])
    run.note(f"{len(found)} {what} asked for")


def _refunds(script: Script) -> Iterator[Row]:
    """Refunds of one order, each of a part of it."""
    for number in range(1, _CROWD + 1):
        script.request(None, number, refund_fen=_PART_FEN)
    return (found for _, found in script.requests)


def _versions(script: Script) -> Iterator[Row]:
    """Versions of one refund, as its buyer edits it again and again."""
    for version in range(1, _CROWD + 1):
        script.request(None, refund_version=version, action="edit")
    return (found for _, found in script.requests)
