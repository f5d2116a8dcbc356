"""A fault of the campaign, and a run of it as the fault sees it."""

import asyncio
import time
from collections.abc import (
    Awaitable,
    Callable,
    Mapping,
    Sequence,
)
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Final, TypeAlias

from faults.judge.checks import WITHOUT_ZOMBIES, Check
from faults.judge.recovery import longest_gap_ms
from faults.judge.view import View
from faults.lab import Lab
from faults.load import RequestLoad
from faults.measurements import Bound
from faults.supervisor import Supervisor
from faults.waiting import eventually
from faults.watch import Watch
from testkit.broker import LocalCluster

CALM_S: Final = 6.0
_DRAIN_S: Final = 120.0

Action: TypeAlias = Callable[["FaultRun"], Awaitable[None]]
JudgedPart: TypeAlias = tuple[View, Sequence[Check]]
"""What is judged, and by which checks."""


@dataclass(frozen=True)
class Fault:
    """One line of the campaign."""

    number: int
    name: str
    """On the command line."""
    text: str
    """What is done, in half a sentence."""
    action: Action
    runs: int
    """In the whole campaign."""
    nodes: int = 1
    workers: int = 2
    rate: int = 500
    """Requests a second."""
    seconds: int = 60
    """Load that is made ready; a run ends earlier as a rule."""
    settings: Mapping[str, str] = field(default_factory=dict)
    """Of every worker."""
    properties: Mapping[str, str] = field(default_factory=dict)
    """Of the broker."""
    disk_mib: int | None = None
    """Size of a disk for the broker's log folder alone; None = the machine's."""
    length_s: int = 0
    """Of a fault whose length can be chosen."""
    checks: Sequence[Check] = WITHOUT_ZOMBIES
    within: Sequence[Bound] = ()
    """Bounds of what is measured in a run."""


class FaultRun:
    """What a fault works with: cluster, lab, load, workers, timeline."""

    def __init__(self, fault: Fault, seed: int, cluster: LocalCluster) -> None:
        self.fault = fault
        self.calm_s = CALM_S
        self.seed = seed
        self.cluster = cluster
        self.rng = Random(seed)  # noqa: S311 - moments, no secrets
        self.lab: Lab
        self.load: RequestLoad
        self.supervisor: Supervisor
        self.watch: Watch
        self.timeline: list[tuple[float, str]] = []
        self.found: list[str] = []
        """Problems that the fault itself found."""
        self.split: Callable[[View], Sequence[JudgedPart]] = lambda view: (
            (view, fault.checks),
        )
        """A fault that takes records away says what is left to be judged."""
        self.disk: Path | None = None
        """The broker's, if it has one of its own."""
        self.cut_off: list[tuple[int, int]] = []
        """From and until when, UTC ms, no worker could reach the broker."""
        self.began_ms = 0
        self.over_ms = 0
        self._start = time.monotonic()

    def start_clock(self) -> None:
        """Count the timeline from now."""
        self._start = time.monotonic()

    def note(self, text: str) -> None:
        """Write down that something happened now."""
        self.timeline.append((round(time.monotonic() - self._start, 2), text))

    def expect(self, holds: object, text: str) -> None:
        """Note a problem unless something holds."""
        if not holds:
            self.note(f"NOT: {text}")
            self.found.append(text)

    async def pass_s(self, seconds: float) -> None:
        """Let the load go on for a while."""
        await asyncio.sleep(seconds)

    async def some_moment(self) -> None:
        """Let the load go on until some moment of the next second."""
        await asyncio.sleep(self.rng.random())

    async def answers(self, more: int, deadline_s: float = 60.0) -> None:
        """Wait until so many more requests have been answered."""
        wanted = len(self.watch.answered) + more

        async def enough() -> bool:
            return len(self.watch.answered) >= wanted

        await eventually(enough, deadline_s)

    async def no_lag(self, deadline_s: float = _DRAIN_S) -> None:
        """Wait until what is in the input topic now is answered and committed."""
        await self.lab.caught_up(deadline_s)

    async def pause_ms(self, since_ms: int) -> int:
        """Longest time any partition with requests waiting went without a decision."""
        await self.watch.caught_up()
        return longest_gap_ms(self.load.sent, self.watch.heard, since_ms) or 0
