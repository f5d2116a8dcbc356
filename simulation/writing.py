"""Write the traffic of a universe straight into the logs, as producers elsewhere would.

A record counts as written once every replica in sync has it. What a fail-over takes away
before that is written again, as its producer would.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Iterable
from typing import Final

from typing_extensions import override

from simulation.timed import Timed
from testkit.simulated.cluster import Cluster
from testkit.simulated.logs.building import Plain, batch_of
from testkit.simulated.observer import NoObserver

_RETRY_S: Final = 0.05
_PIECE: Final = 200
"""Most records in one batch of those that are there from the beginning."""


class _Lane:
    """What is to be written into one partition, in order."""

    def __init__(self) -> None:
        self.waiting: deque[Timed] = deque()
        self.unsure: deque[tuple[int, list[Timed]]] = deque()
        """Base offset and rows of batches that not every replica is known to have."""


class Writer(NoObserver):
    """Appends rows at their moments.

    Parameters
    ----------
    whole
        Gives the name of a topic with its prefix.
    acknowledged
        Told partition and offset of each request that is written, and the moment, UTC ms.
    """

    def __init__(
        self,
        cluster: Cluster,
        whole: Callable[[str], str],
        acknowledged: Callable[[tuple[int, int], int], None],
    ) -> None:
        self._cluster = cluster
        self._whole = whole
        self._requests = whole("requests")
        self._acknowledged = acknowledged
        self._lanes: dict[tuple[str, int], _Lane] = {}

    @property
    def done(self) -> bool:
        """Whether everything is written and replicated."""
        self._settle()
        return not any(one.waiting or one.unsure for one in self._lanes.values())

    def begin(self, rows: Iterable[Timed]) -> None:
        """Write what is there at moment 0, and plan the rest."""
        loop = asyncio.get_running_loop()
        start_s = loop.time()
        moments: dict[tuple[str, int], None] = {}
        for timed in rows:
            where = self._whole(timed.row.topic), timed.row.partition
            self._lanes.setdefault(where, _Lane()).waiting.append(timed)
            if timed.at_us <= 0:
                moments.setdefault(where)
            else:
                loop.call_at(start_s + timed.at_us / 1_000_000, self._write, where)
        for where in moments:
            self._write(where)

    def _now_us(self) -> int:
        return round(asyncio.get_running_loop().time() * 1_000_000)

    def _write(self, where: tuple[str, int]) -> None:
        """Append what is due to a partition; try again later if nobody leads it."""
        lane = self._lanes[where]
        partition = self._cluster.topics.partition(*where)
        if partition is None:
            lane.waiting.clear()
            return
        self._settle_lane(where, lane)
        now_us = self._now_us()
        while lane.waiting and lane.waiting[0].at_us <= now_us:
            piece: list[Timed] = []
            while len(piece) < _PIECE and lane.waiting:
                if lane.waiting[0].at_us > now_us:
                    break
                piece.append(lane.waiting.popleft())
            result = None
            if partition.leader is not None:
                result = partition.append(_batch(piece, self._cluster.now_ms()))
            if result is None or result.refused:
                lane.waiting.extendleft(reversed(piece))
                loop = asyncio.get_running_loop()
                loop.call_later(_RETRY_S, self._write, where)
                return
            lane.unsure.append((result.base_offset, piece))
            self._settle_lane(where, lane)

    def _settle(self) -> None:
        for where, lane in self._lanes.items():
            self._settle_lane(where, lane)

    def _settle_lane(self, where: tuple[str, int], lane: _Lane) -> None:
        partition = self._cluster.topics.partition(*where)
        while lane.unsure and partition is not None:
            base, rows = lane.unsure[0]
            if partition.log.high_watermark < base + len(rows):
                return
            lane.unsure.popleft()
            if where[0] == self._requests:
                for offset in range(base, base + len(rows)):
                    self._acknowledged((where[1], offset), self._cluster.now_ms())

    @override
    def truncated(self, topic: str, partition: int, end: int) -> None:
        """Write again what a fail-over has taken away before every replica had it."""
        lane = self._lanes.get((topic, partition))
        if lane is None:
            return
        lost = [rows for base, rows in lane.unsure if base >= end]
        lane.unsure = deque(one for one in lane.unsure if one[0] < end)
        for rows in reversed(lost):
            lane.waiting.extendleft(reversed(rows))
        if lost:
            asyncio.get_running_loop().call_soon(self._write, (topic, partition))


def _batch(rows: list[Timed], now_ms: int) -> bytes:
    records = [Plain(one.row.key, one.row.value, one.row.headers) for one in rows]
    return batch_of(records, now_ms)
