"""Workers that are told to end while the broker is cut off end in time, all the same."""

import asyncio
import time
from pathlib import Path
from typing import Final

import pytest

from faults.lab import Lab, laboratory
from faults.lab_logs import now_ms
from faults.waiting import eventually
from faults.workers import WorkerProcess
from testkit.broker import LocalCluster
from testkit.world import MixedWorld

pytestmark = pytest.mark.asyncio

DRAIN_S: Final = 2
TO_END_S: Final = 5
"""What a process may take around its drain time, on a busy machine."""
SEED: Final = 17
NOISE: Final = (
    "Traceback",
    "Task was destroyed",
    "Unclosed",
    "ResourceWarning",
    "never retrieved",
    "Cancelled",
)


async def _asked(lab: Lab) -> None:
    world = MixedWorld(SEED, 100, now_ms())
    lab.policies |= world.policies
    await lab.put(*world.facts[0])
    await lab.mark("orders", "buyers", "shops", "catalog", "outcomes")
    await lab.put(*[row for wave in world.requests for row in wave])


async def _ends(worker: WorkerProcess) -> None:
    """Ask a worker to end; it has its drain time, and closes everything quietly."""
    began = time.monotonic()
    worker.terminate()
    assert await worker.exit_code(60) == 0, worker.tail()
    took_s = time.monotonic() - began
    assert took_s < DRAIN_S + TO_END_S, worker.tail()
    assert not [word for word in NOISE if word in worker.text()], worker.tail()


async def test_workers_that_end_while_the_broker_is_away_close_everything_in_time(
    own_broker: LocalCluster, topics: str, tmp_path: Path
) -> None:
    """Frozen: connections stay, nobody answers. Killed: fetches wait in their back-off."""
    async with laboratory(
        own_broker.bootstrap_servers,
        topics,
        tmp_path,
        REFUND_WORKER__DRAIN_TIMEOUT_MS=str(DRAIN_S * 1000),
        REFUND_WORKER__ROLES="decide,watch,ingest",
    ) as lab:
        await _asked(lab)
        first, second = await asyncio.gather(lab.started(), lab.started())
        await lab.caught_up()
        await asyncio.to_thread(own_broker.pause, 1)
        await _ends(first)
        await asyncio.to_thread(own_broker.resume, 1)
        await asyncio.to_thread(own_broker.kill, 1)

        async def fetches_failed() -> bool:
            return "Failed fetch messages" in second.text()

        await eventually(fetches_failed, 60)
        await _ends(second)
        await asyncio.to_thread(own_broker.start_node, 1)
