"""A broker that goes and comes back under load: the worker goes on, or is started anew."""

import asyncio
from pathlib import Path

import pytest
from aiokafka.errors import KafkaError

from faults.judge.checks import WITHOUT_ZOMBIES
from faults.lab import DATED, Lab, laboratory
from faults.lab_logs import now_ms, running
from faults.waiting import eventually
from faults.workers import supervised
from testkit.broker import LocalCluster
from testkit.rows import Row
from testkit.world import MixedWorld

pytestmark = pytest.mark.asyncio

SEED = 13
CHUNK = 25


class Sender:
    """Sends what the broker takes: a chunk it does not acknowledge may be there twice."""

    def __init__(self, lab: Lab, rows: list[Row]) -> None:
        self._lab = lab
        self._rows = rows
        self.sent = 0

    async def send_all(self) -> None:
        while self.sent < len(self._rows):
            try:
                await self._lab.put(*self._rows[self.sent : self.sent + CHUNK])
                self.sent += CHUNK
            except KafkaError:
                continue  # the same again
            await asyncio.sleep(0.05)

    async def done(self) -> bool:
        return self.sent >= len(self._rows)


async def test_a_broker_restarted_under_load_leaves_neither_lag_nor_repeats(
    own_broker: LocalCluster, topics: str, tmp_path: Path
) -> None:
    async with laboratory(
        own_broker.bootstrap_servers,
        topics,
        tmp_path,
        REFUND_KAFKA__REQUEST_TIMEOUT_MS="5000",
        REFUND_WORKER__STALL_AFTER_MS="8000",
    ) as lab:
        world = MixedWorld(SEED, 4_000, now_ms())
        lab.policies |= world.policies
        await lab.put(*world.facts[0])
        rows = [row for wave in world.requests for row in wave]
        sender = Sender(lab, rows)
        first, second = await lab.started(), await lab.started()
        async with (
            lab.fresh(*DATED),
            lab.sampling(),
            supervised(first) as one,
            supervised(second) as other,
            running(sender.send_all()),
        ):
            for way in (own_broker.stop_node, own_broker.kill):
                await lab.written(await lab.count("reviews") + 100, "reviews")
                await asyncio.to_thread(way, 1)
                await asyncio.to_thread(own_broker.start_node, 1)
            await eventually(sender.done, 60)
            await lab.caught_up()
        view = await lab.checked(WITHOUT_ZOMBIES)
        assert len(view.inputs) >= len(rows)
        assert not {code for code in (*one.codes, *other.codes) if code != 1}
