"""One run: load, fault, load, drain, judge."""

import asyncio
import shutil
import time
from collections.abc import (
    AsyncIterator,
    Awaitable,
    Callable,
    Iterator,
    Mapping,
    Sequence,
)
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from random import Random
from typing import Final, TypeAlias

from aiokafka.errors import KafkaError

from faults.artifacts import keep
from faults.judge.checks import WITHOUT_ZOMBIES, Check, problems
from faults.judge.recovery import longest_gap_ms
from faults.judge.view import View
from faults.lab import Lab, laboratory, now_ms
from faults.load import Load
from faults.measurements import Bound, Measurements, figures_of
from faults.supervisor import Crew
from faults.verdict import Verdict
from faults.waiting import eventually
from faults.watch import Watch
from testkit.broker import LocalCluster

CALM_S: Final = 6.0
_DRAIN_S: Final = 120.0
_TOLD: Final = 12
"""Problems of a run that are told; the rest is in its folder."""
THREE: Final = {
    "REFUND_TOPICS__REPLICATION_FACTOR": "3",
    "REFUND_TOPICS__MIN_INSYNC_REPLICAS": "2",
}

Act: TypeAlias = Callable[["Run"], Awaitable[None]]
SliceResult: TypeAlias = tuple[View, Sequence[Check]]
"""What is judged, and by what."""


@dataclass(frozen=True)
class Fault:
    """One line of the campaign."""

    number: int
    name: str
    """As it is asked for on the command line."""
    text: str
    """What is done, in half a sentence."""
    act: Act
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
    """Of a fault that lasts as long as it is told to."""
    checks: Sequence[Check] = WITHOUT_ZOMBIES
    within: Sequence[Bound] = ()
    """What the figures of a run must keep to."""


class Run:
    """What a fault can get hold of."""

    def __init__(self, fault: Fault, seed: int, cluster: LocalCluster) -> None:
        self.fault = fault
        self.calm_s = CALM_S
        self.seed = seed
        self.cluster = cluster
        self.rng = Random(seed)  # noqa: S311 - moments, no secrets
        self.lab: Lab
        self.load: Load
        self.crew: Crew
        self.watch: Watch
        self.timeline: list[tuple[float, str]] = []
        self.found: list[str] = []
        """What the fault itself saw go wrong."""
        self.split: Callable[[View], Sequence[SliceResult]] = lambda view: (
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


async def play(run: Run, folder: Path) -> Verdict:
    """Play a run against its running cluster; ``folder`` is kept only if it fails.

    Raises
    ------
    NotRunError
        This machine lacks what the fault needs.
    """
    await asyncio.to_thread(folder.mkdir, parents=True, exist_ok=True)
    began = time.monotonic()
    view: View | None = None
    figures = Measurements()
    try:
        async with _set(run, folder):
            await _story(run)
            # A judge that does not come to an end leaves the story, at least.
            keep(folder, run.timeline, ("not judged",), None)
            view = await _seen(run)
        figures = figures_of(
            view, (run.began_ms, run.over_ms), run.load.unsure, time.monotonic() - began
        )
        found = [*run.found, *_problems(run, view, figures)]
    except (AssertionError, TimeoutError, OSError, KafkaError) as problem:
        found = [*run.found, f"{type(problem).__name__}: {problem}"]
    if found:
        keep(folder, run.timeline, found, view)
    else:
        await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)
    return Verdict(
        fault=run.fault.number,
        name=run.fault.name,
        seed=run.seed,
        problems=tuple(found[:_TOLD]),
        timeline=tuple(run.timeline),
        figures=figures,
        kept=str(folder) if found else None,
    )


async def _seen(run: Run) -> View:
    return replace(
        await run.lab.view(),
        facts=run.watch.facts,
        sent=run.load.sent,
        heard=run.watch.heard,
        cut_off=run.cut_off,
    )


def _problems(run: Run, view: View, figures: Measurements) -> Iterator[str]:
    for part, checks in run.split(view):
        yield from problems(part, checks)
    for bound in run.fault.within:
        told = bound(figures)
        if told is not None:
            yield told


@asynccontextmanager
async def _set(run: Run, folder: Path) -> AsyncIterator[None]:
    """Lab, load, crew and watch, in place and in order."""
    fault = run.fault
    prefix = f"f{fault.number}-{run.seed}-{now_ms() % 10_000_000}."
    settings = dict(fault.settings)
    if fault.nodes > 1:
        settings |= THREE
    async with AsyncExitStack() as stack:
        run.lab = await stack.enter_async_context(
            laboratory(run.cluster.bootstrap_servers, prefix, folder, **settings)
        )
        run.load = await asyncio.to_thread(
            Load, run.lab, run.seed, fault.rate, fault.seconds
        )
        await run.load.prepare()
        run.crew = Crew(run.lab)
        await stack.enter_async_context(run.crew.watching())
        run.watch = Watch(run.lab, run.crew.alive)
        await stack.enter_async_context(run.watch.watching())
        yield


async def _story(run: Run) -> None:
    static = "REFUND_KAFKA__GROUP_INSTANCE_ID" in run.fault.settings
    for number in range(run.fault.workers):
        # A fixed name of its own for each: two with the same one would fight.
        own = {"REFUND_KAFKA__GROUP_INSTANCE_ID": f"w{number}"} if static else {}
        run.crew.hire(**own)
    await run.crew.ready()
    async with run.load.coming_in():
        run._start = time.monotonic()  # noqa: SLF001 - the story's own clock
        await run.pass_s(run.calm_s)
        run.note("fault begins")
        run.began_ms = now_ms()
        await run.fault.act(run)
        run.over_ms = now_ms()
        run.note("fault is over")
        await run.pass_s(run.calm_s)
        await run.no_lag()
        run.note("no lag")
        await run.pass_s(run.calm_s)
    await run.no_lag()
    await run.watch.caught_up()
    run.note(f"drained; exit codes {run.crew.codes}")
    run.expect(not run.crew.given_up, f"{run.crew.given_up} asked for a person")
