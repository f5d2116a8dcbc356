"""The load of a run: requests at a rate, open loop, while facts change under them.

Every request has a moment at which it is meant to be sent. Late answers, a slow broker
or a stuck producer delay none of the moments, so latency is counted from them.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from random import Random
from typing import Final

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from faults.judge.view import Place
from faults.lab import DATED, Lab
from faults.lab_logs import now_ms, running
from faults.waiting import eventually
from testkit.rows import PARTITIONS, Row
from testkit.world import WAVES, MixedWorld, turned

_TICK_S: Final = 0.02
_TURN_S: Final = 1.0
_TURNED: Final = 100
"""Orders that change their status each second."""
_FIRST_TURN: Final = 10
"""Their version: above every version the world itself writes."""
_LARGEST: Final = 4_000_000
_BATCH: Final = 500_000


class RequestLoad:
    """Seeded requests, sent at ``rate`` a second for at most ``seconds``.

    Attributes
    ----------
    sent
        Place of every acknowledged request, with the moment it was meant for, UTC ms.
    unsure
        Requests that were not acknowledged: they may stand in the log or not.
    """

    def __init__(self, lab: Lab, seed: int, rate: int, seconds: int) -> None:
        self._lab = lab
        self._rng = Random(seed)  # noqa: S311 - a load, no secret
        self.world = MixedWorld(seed, rate * seconds, now_ms())
        lab.policies |= self.world.policies
        self.rows = [row for wave in self.world.requests for row in wave]
        self._later = _by_start(self.world)
        self._orders = [row for row in self.world.facts[0] if row.topic == "orders"]
        self._version = _FIRST_TURN
        self.changing = asyncio.Event()
        """Orders change their status while it is set."""
        self.changing.set()
        self.sent: dict[Place, int] = {}
        self.unsure = 0
        self._next = 0
        """Number of the row that is sent next."""
        self._pace = LoadPace(rate)
        self._held = rate
        self._lanes = [_Lane(number) for number in range(PARTITIONS)]

    async def prepare(self) -> None:
        """Write the facts that are there before the first request."""
        await self._lab.put(*self.world.facts[0])

    @asynccontextmanager
    async def coming_in(self) -> AsyncIterator[None]:
        """Send inside the block, facts fresh; at its end wait for acknowledgements."""
        async with (
            AIOKafkaProducer(
                bootstrap_servers=self._lab.settings.kafka.bootstrap_servers,
                enable_idempotence=True,
                max_batch_size=_BATCH,
                max_request_size=_LARGEST,
            ) as producer,
            self._lab.fresh(*DATED),
        ):
            async with running(self._turn()), running(self._tick()):
                lanes = [
                    asyncio.create_task(self._write(producer, lane))
                    for lane in self._lanes
                ]
                try:
                    yield
                finally:
                    for lane in self._lanes:
                        lane.over = True
                        lane.due.set()
            await asyncio.gather(*lanes)

    def pace(self, rate: int) -> None:
        """Send so many a second from now on."""
        self._pace = LoadPace(rate)

    async def hold(self) -> None:
        """Send nothing more; back when all that was meant for now is acknowledged."""
        self._held, self._pace = self._pace.rate, LoadPace(0)

        async def sent() -> bool:
            return not any(lane.rows or lane.sending for lane in self._lanes)

        await eventually(sent)

    def go_on(self) -> None:
        """Send again as before :meth:`hold`."""
        self.pace(self._held)

    def ahead(self, count: int) -> list[Row]:
        """Return requests that are sent next, beyond those of the next second."""
        first = self._next + self._pace.rate
        return self.rows[first : first + count]

    @contextmanager
    def again(self) -> Iterator[None]:
        """Inside the block send again, from the first, what was sent before it."""
        stood, self._next = self._next, 0
        try:
            yield
        finally:
            self._next = stood

    async def _tick(self) -> None:
        """Hand rows to their lanes when their moment has come."""
        self._pace = LoadPace(self._pace.rate)  # the first moment is now
        while True:
            await asyncio.sleep(_TICK_S)
            for meant_ms in self._pace.moments():
                number = self._next
                if number < len(self.rows):
                    self._next += 1
                    await self._hand_over(number, meant_ms)
            for lane in self._lanes:
                if lane.rows:
                    lane.due.set()

    async def _hand_over(self, number: int, meant_ms: int) -> None:
        if number in self._later:
            await self._put_anyhow(self._later.pop(number))
        row = self.rows[number]
        self._lanes[row.partition].rows.append((row, meant_ms))

    async def _put_anyhow(self, facts: list[Row]) -> None:
        """Write facts as a feed does: again and again until the broker has them."""
        while True:
            try:
                await self._lab.put(*facts)
            except KafkaError:
                await asyncio.sleep(_TURN_S)
            else:
                return

    async def _write(self, producer: AIOKafkaProducer, lane: "_Lane") -> None:
        topic = self._lab.input_topic
        while True:
            await lane.due.wait()
            lane.due.clear()
            while lane.rows:
                batch, moments = producer.create_batch(), []
                while lane.rows and _append(batch, lane.rows[0][0]):
                    moments.append(lane.rows.pop(0)[1])
                lane.sending = True
                try:
                    written = await (
                        await producer.send_batch(
                            batch, topic, partition=lane.partition
                        )
                    )
                except KafkaError:
                    self.unsure += len(moments)
                    continue
                finally:
                    lane.sending = False
                for place, meant_ms in enumerate(moments, written.offset):
                    self.sent[lane.partition, place] = meant_ms
            if lane.over:
                return

    async def _turn(self) -> None:
        """Ship some orders, or take that back, again and again."""
        while True:
            await asyncio.sleep(_TURN_S)
            await self.changing.wait()
            some = self._rng.sample(self._orders, min(_TURNED, len(self._orders)))
            try:
                await self._lab.put(*turned(some, self._version))
            except KafkaError:
                continue  # the broker is away
            self._version += 1


class LoadPace:
    """So many moments a second, from now on."""

    def __init__(self, rate: int) -> None:
        self.rate = rate
        self._began, self._began_ms = time.monotonic(), now_ms()
        self._told = 0

    def moments(self) -> list[int]:
        """Return the moments that came since this was asked last, UTC ms."""
        first, self._told = (
            self._told,
            int((time.monotonic() - self._began) * self.rate),
        )
        return [
            self._began_ms + number * 1000 // self.rate
            for number in range(first, self._told)
        ]


class _Lane:
    """Rows of one partition on their way."""

    def __init__(self, partition: int) -> None:
        self.partition = partition
        self.rows: list[tuple[Row, int]] = []
        self.due = asyncio.Event()
        self.over = False
        self.sending = False


def _append(batch: object, row: Row) -> bool:
    taken = batch.append(  # type: ignore[attr-defined]  # aiokafka ships no types
        key=row.key, value=row.value, headers=list(row.headers), timestamp=None
    )
    return taken is not None


def _by_start(world: MixedWorld) -> dict[int, list[Row]]:
    """Facts of later waves, by the number of the request before which they are written."""
    found: dict[int, list[Row]] = {}
    start = 0
    for wave in range(WAVES):
        if wave and world.facts[wave]:
            found[start] = world.facts[wave]
        start += len(world.requests[wave])
    return found
