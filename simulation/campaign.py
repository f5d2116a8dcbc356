"""Many seeds, on all cores: verdicts as they come."""

import gc
import logging
import multiprocessing
import os
import warnings
from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from itertools import islice
from typing import Final

import msgspec

from simulation import universe
from simulation.defects import planted
from simulation.drawing import plan_of
from simulation.plan import Plan, Profile
from simulation.verdict import Verdict

_CHUNK: Final = 8
"""Seeds that a process takes at a time."""
_COLLECT_EVERY: Final = 4
"""Universes between two collections of garbage; their loops are full of cycles."""


class Task(msgspec.Struct, frozen=True):
    """What is done to each seed."""

    profile: Profile | None = None
    """Replaces the one that is drawn."""
    defect: str | None = None
    """Planted into the product; None = the product as it is."""

    def plan_of(self, seed: int) -> Plan:
        """Return the plan of a seed."""
        return plan_of(seed, self.profile)

    def run(self, plan: Plan, tell: universe.Tell = universe.nobody) -> Verdict:
        """Run a plan."""
        with planted(self.defect):
            return universe.run(plan, tell)


def prepare() -> None:
    """Set a process up to run universes and nothing else."""
    logging.disable(logging.CRITICAL)
    warnings.simplefilter("ignore", ResourceWarning)
    gc.collect()
    gc.freeze()
    gc.disable()


def run_chunk(seeds: Sequence[int], task: Task) -> list[Verdict]:
    """Run some seeds in this process."""
    found = []
    for number, seed in enumerate(seeds):
        found.append(task.run(task.plan_of(seed)))
        if number % _COLLECT_EVERY == _COLLECT_EVERY - 1:
            gc.collect()
    gc.collect()
    return found


def verdicts(seeds: Iterator[int], task: Task, jobs: int) -> Iterator[Verdict]:
    """Yield the verdicts on seeds as they come, from ``jobs`` processes.

    Closing the iterator ends the processes after the seeds they have.
    """
    if jobs == 1:
        prepare()
        for seed in seeds:
            yield from run_chunk([seed], task)
        return
    # Forked, so that every process has the string hashes of this one.
    context = multiprocessing.get_context("fork")
    with ProcessPoolExecutor(jobs, context, prepare) as pool:
        running: dict[Future[list[Verdict]], None] = {}
        try:
            while True:
                while len(running) < jobs * 2:
                    chunk = list(islice(seeds, _CHUNK))
                    if not chunk:
                        break
                    running[pool.submit(run_chunk, chunk, task)] = None
                if not running:
                    return
                done, _ = wait(running, return_when=FIRST_COMPLETED)
                for one in done:
                    del running[one]
                    yield from one.result()
        finally:
            for one in running:
                one.cancel()


def cores() -> int:
    """Return the number of cores this process may use."""
    return len(os.sched_getaffinity(0))
