"""Run one universe: cluster, workers, traffic, faults and oracles, from a plan to an outcome."""

import asyncio
import random
import time
from collections.abc import Callable, Sequence
from typing import Final, TypeAlias

from simulation.acting import Actor
from simulation.actions import Action
from simulation.assembly import cluster_of, payments_of, policies_of, settings_of
from simulation.changes import LastChange
from simulation.departure import Departure
from simulation.disturbing import PlannedFaults
from simulation.fleet import Fleet
from simulation.oracles import departures
from simulation.oracles.end import Allowances, Known
from simulation.oracles.everybody import Everybody
from simulation.oracles.names import names_of
from simulation.oracles.oracles import Oracles
from simulation.oracles.trace import TraceHash
from simulation.plan import Plan
from simulation.traffic import traffic_of
from simulation.verdict import Verdict
from simulation.watching import Teller
from simulation.worker_host import EXIT_CLEAN, EXIT_USAGE, WorkerHost, WorkerParts
from simulation.writing import Writer
from streams.families.registered import registered
from testkit.simulated import loop
from testkit.simulated.loop import EPOCH_MS, Ended, Setup
from testkit.simulated.numbered import NumberedTask
from testkit.simulated.running import RunningCluster

Tell: TypeAlias = Callable[[str, str], None]
"""Told who did what, when it happens."""

_PATIENCE_MS: Final = 600_000
"""Virtual time without an answer after which a record counts as stuck."""
_QUIET_S: Final = 120.0
"""Virtual time in which nothing changes, after which records that wait count as stuck, too.

Nothing is left then that could help them. The longest times of a worker are shorter: it
ends ``worker.stall_after_ms`` (30 s) after lag without progress and
``worker.load_timeout_ms`` (60 s in universes) after a load that does not end; metadata are
read again within 60 s, and requests fail within 30 s. Each of these that helps is a change:
a start, a generation, a commit or a record.
"""
_HOPELESS_S: Final = 20.0
"""How long to wait for answers in a universe that has gone wrong: whoever shrinks it
runs it often."""
_WAITS_ONLY: Final = "MessageAccumulator.close"
"""A stop of aiokafka's producer that was given up leaves this task: it waits for batches
that nobody sends any more, and does nothing else."""
_OF_A_FUTURE: Final = "NumberedFuture exception was never retrieved"
_LOOK_S: Final = 0.1
_GONE_S: Final = 0.005
"""After the end of a process, in which a task that was cancelled has its last steps."""
_SETTLE_S: Final = 0.5
"""How long everything must stay answered before the workers are asked to end."""
_LAST_LOOK_S: Final = 5.0
"""How long workers may go on where a log was replaced, before they are asked to end."""
_LEFT_OPEN: Final = "Unclosed AIOKafka"
"""What aiokafka says of a client or connection that is collected before it was closed."""
EXITS: Final = {"progress": {EXIT_CLEAN}, "code 2": {EXIT_CLEAN, EXIT_USAGE}}
"""By what a plan expects: exit codes at the end."""


class Universe:
    """Everything there is in one run.

    Parameters
    ----------
    tell
        Told who did what, for a timeline.
    """

    def __init__(self, plan: Plan, tell: Tell) -> None:
        self.plan = plan
        self.settings = settings_of(plan)
        self._start_s = asyncio.get_running_loop().time()
        self._tell = tell
        rng = random.Random(plan.seed)  # noqa: S311 - a universe, no secret
        self.cluster = cluster_of(plan.cluster, self.settings, rng)
        self.faults = PlannedFaults(plan.faults, self._now_us)
        self.running = RunningCluster(self.cluster, self.faults)
        self.names = names_of(self.settings)
        self.oracles = Oracles(
            self.cluster,
            self.names,
            drain_ms=self.settings.worker.drain_timeout_ms,
            tell=self._status,
        )
        self.trace = TraceHash(asyncio.get_running_loop().time)
        self.writer = Writer(self.cluster, self._whole, self.oracles.acknowledged)
        self.changes = LastChange(asyncio.get_running_loop().time)
        self.payments = payments_of(
            plan, self.settings, self.cluster, self.oracles.find
        )
        second = () if self.payments is None else (self.payments,)
        self.cluster.observer = Everybody(
            self.trace, self.oracles, Teller(tell), self.writer, self.changes, *second
        )
        self.fleet = Fleet(
            self._parts(),
            self.running,
            self._departed,
            static=plan.workers.static_members,
            restart_ms=plan.workers.restart_ms,
        )
        self.actor = Actor(self.running, self.fleet, self._whole, self.names.group)

    def _whole(self, topic: str) -> str:
        return self.settings.topics.prefix + topic

    def _now_us(self) -> int:
        now_s = asyncio.get_running_loop().time() - self._start_s
        return round(now_s * 1_000_000)

    def _parts(self) -> WorkerParts:
        return WorkerParts(
            settings=self.settings,
            families=tuple(registered(self.settings.worker.families)),
            policies=policies_of,
            now_ms=self.cluster.now_ms,
            tell=self._told_by_worker,
        )

    def _told_by_worker(self, who: str, what: str) -> None:
        self.changes.note_change()
        self._tell(who, what)

    def _status(self, partition: int) -> str:
        """Return what the workers say of a partition, one line."""
        told = []
        for worker in self.fleet.workers.values():
            if not worker.alive:
                told.append(f"{worker.name} is not there")
            for service in worker.services if worker.alive else ():
                why = "; ".join(service.processor.not_ready()) or "ready"
                told.append(f"{worker.name}: {why}")
        return f"partition {partition}: " + ", ".join(told)

    # -- the run ---------------------------------------------------------------

    async def run(self) -> None:
        """Let it happen; findings are in the oracles."""
        await self.running.start()
        traffic = traffic_of(self.plan, EPOCH_MS)
        self.writer.begin(traffic.rows)
        for number in range(1, self.plan.workers.count + 1):
            self.fleet.start(number)
        acting = [asyncio.ensure_future(self._act(one)) for one in self.plan.actions]
        await asyncio.sleep(self.plan.duration_ms / 1000)
        if acting:
            await asyncio.wait(acting)
            for task in acting:
                task.result()
        self._tell("universe", "all faults are over")
        self.faults.clear()
        self.oracles.faults_ended()
        if self.plan.expected == "progress":
            await self._progress()
        else:
            await asyncio.sleep(_LAST_LOOK_S)
        await self.fleet.end(self._look_at_exit)
        if self.payments is not None:
            self.payments.at_end(progress=self.plan.expected == "progress")
        self.oracles.at_end(
            self._allowances(),
            Known(policies=traffic.policies, codes=traffic.codes),
        )

    async def _act(self, action: Action) -> None:
        await asyncio.sleep(action.at_us / 1_000_000)
        self._tell("action", action.told())
        await self.actor.act(action)

    async def _progress(self) -> None:
        """Wait until everything is answered and committed, or nothing can change that.

        For ten minutes at most, and a few seconds where something was found already.
        """
        loop = asyncio.get_running_loop()
        began_s = loop.time()
        calm_since: float | None = None
        self.changes.note_change()
        while loop.time() < min(
            began_s + self._patience_s(), self.changes.at_s + _QUIET_S
        ):
            self.fleet.revive()
            now_s = loop.time()
            if self._all_done():
                calm_since = now_s if calm_since is None else calm_since
                if now_s - calm_since >= _SETTLE_S:
                    return
            else:
                calm_since = None
            await asyncio.sleep(_LOOK_S)

    def _all_done(self) -> bool:
        """Whether all is written, answered and committed, and nobody waits to start again."""
        if self.fleet.restarting or not self.writer.done:
            return False
        if self.payments is not None and self.payments.lagging():
            return False
        return not self.oracles.lagging(self.cluster.now_ms())

    def _patience_s(self) -> float:
        return _HOPELESS_S if self.oracles.findings else _PATIENCE_MS / 1000

    def _look_at_exit(self, worker: WorkerHost) -> None:
        code = worker.exit_codes[-1] if worker.exit_codes else EXIT_CLEAN
        allowed = EXITS[self.plan.expected]
        if code is not None and code not in allowed:
            text = f"ended with exit code {code}: {worker.last_words}"
            self.oracles.add("exit_code", "a_stop_is_clean", worker.name, text)
        elif EXIT_USAGE in worker.exit_codes and EXIT_USAGE not in allowed:
            text = "ended with exit code 2 once, though no person is needed"
            self.oracles.add("exit_code", "nobody_is_called", worker.name, text)

    def _departed(self, end: Departure) -> None:
        """Ask what a process leaves behind; told in its last step."""
        found = departures.exit_code(end, replaced=self.plan.expected != "progress")
        found += departures.in_time(end, self.settings.worker.drain_timeout_ms / 1000)
        found += departures.all_closed(end, loop.connections_of(end.host))
        self.oracles.find(found)
        own = asyncio.current_task()
        left = [task for task in loop.current().left_on(end.host) if task is not own]
        loop.current().call_later(_GONE_S, self._look_at_tasks, end, left)

    def _look_at_tasks(self, end: Departure, left: list[NumberedTask]) -> None:
        names = [task.whereabouts for task in left if not task.done()]
        names = [name for name in names if not name.startswith(_WAITS_ONLY)]
        self.oracles.find(departures.all_ended(end, names))

    def _allowances(self) -> Allowances:
        return Allowances(
            progress=self.plan.expected == "progress",
            calm=self.plan.profile == "calm",
        )


def nobody(who: str, what: str) -> None:
    """Keep no timeline."""


def run(plan: Plan, tell: Tell = nobody) -> Verdict:
    """Run a plan; ``tell`` is told who did what."""
    made: list[Universe] = []

    async def main() -> None:
        made.append(Universe(plan, tell))
        await made[0].run()

    began = time.process_time()
    network = plan.network
    ended = loop.run(
        main, Setup(seed=plan.seed, latency_us=(network.low_us, network.high_us))
    )
    return _verdict(plan, made[0], ended, time.process_time() - began)


def _verdict(plan: Plan, universe: Universe, ended: Ended, cpu_s: float) -> Verdict:
    oracles = universe.oracles
    if ended.problem is not None:
        text = f"{type(ended.problem).__name__}: {ended.problem}"
        oracles.add("crash", "the_run_ends", "universe", text)
    workers = universe.fleet.workers.values()
    killed = any(None in one.exit_codes for one in workers)
    for line in escaped(ended.unobserved, killed=killed):
        oracles.add("crash", "no_error_escapes", "universe", line)
    return Verdict(
        seed=plan.seed,
        profile=plan.profile,
        findings=tuple(oracles.findings),
        trace=universe.trace.hexdigest(),
        virtual_s=ended.virtual_s,
        steps=ended.steps,
        cpu_s=cpu_s,
        disturbed=universe.faults.hit,
        restarts=sum(len(one.exit_codes) for one in workers),
    )


def escaped(unobserved: Sequence[str], *, killed: bool) -> list[str]:
    """Return the errors that should not have been.

    Nobody closes what a killed process had. A bare future is a library's: aiokafka answers
    the batches of a producer that was given up, and nobody waits for them any more.
    """
    return [
        line
        for line in unobserved
        if not (killed and line.startswith(_LEFT_OPEN))
        and not line.startswith(_OF_A_FUTURE)
    ]
