"""Arguments in, verdicts out; an exit code as other programs have it."""

import argparse
import itertools
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

import msgspec
from rich.console import Console

from simulation.campaign import Task, cores, verdicts
from simulation.defects import DEFECTS
from simulation.plan import PROFILES, Plan, decode
from simulation.replaying import replay
from simulation.report import Progress, findings_table, summary
from simulation.verdict import Verdict

_EXIT_FAILED: Final = 1
_EXIT_USAGE: Final = 2
_SEEDS: Final = 1_000


def parser() -> argparse.ArgumentParser:
    """Return the command line."""
    found = argparse.ArgumentParser(
        prog="python -m simulation",
        description="Runs the workers in simulated universes, and asks oracles what went wrong.",
    )
    add = found.add_argument
    add("--seeds", type=int, metavar="N", help=f"how many (default: {_SEEDS:,})")
    add("--first", type=int, default=1, metavar="N", help="the first (default: 1)")
    add("--minutes", type=int, metavar="N", help="as many seeds as there is time for")
    add("--seed", type=int, metavar="N", help="only this one, with its timeline")
    add("--plan", type=Path, metavar="FILE", help="a kept plan, with its timeline")
    add("--profile", choices=PROFILES, help="faults of one sort only")
    add("--defect", choices=sorted(DEFECTS), help="planted: is it found?")
    add("--jobs", type=int, default=cores(), metavar="N", help="processes")
    add("--stop", action="store_true", help="end with the first finding")
    add("--no-shrink", action="store_true", help="show a failing seed as it is")
    add("--json", action="store_true", help="verdicts as JSON lines on standard output")
    add("--record", type=Path, metavar="FILE", help="append verdicts to FILE")
    return found


def main(arguments: Sequence[str]) -> int:
    """Do what the command line says; 0 nothing was found, 1 something was, 2 wrong usage."""
    given = parser().parse_args(arguments)
    console = Console(stderr=given.json)
    task = Task(given.profile, given.defect)
    try:
        if given.seed is not None or given.plan is not None:
            plan = task.plan_of(given.seed) if given.plan is None else _read(given.plan)
            return _EXIT_FAILED if replay(plan, task, given, console) else 0
        return _campaign(given, task, console)
    except (ValueError, OSError) as problem:
        print(f"simulation: {problem}", file=sys.stderr)
        return _EXIT_USAGE


def _campaign(given: argparse.Namespace, task: Task, console: Console) -> int:
    seeds: Iterator[int] = itertools.count(given.first)
    if given.seeds is not None or given.minutes is None:
        seeds = itertools.islice(seeds, given.seeds or _SEEDS)
    until_s = time.monotonic() + (given.minutes or 10**6) * 60
    seeds = itertools.takewhile(lambda _: time.monotonic() < until_s, seeds)
    failed: list[Verdict] = []
    with Progress(console, given.seeds if given.minutes is None else None) as progress:
        for verdict in verdicts(seeds, task, given.jobs):
            progress.add(verdict)
            if given.json:
                print(msgspec.json.encode(verdict).decode(), flush=True)
            if given.record:
                with given.record.open("ab") as sink:
                    sink.write(msgspec.json.encode(verdict) + b"\n")
            if verdict.findings:
                failed.append(verdict)
                if given.stop:
                    break
    console.print(summary(progress), markup=False, highlight=False)
    if failed:
        console.print(findings_table(failed))
    return _EXIT_FAILED if failed else 0


def _read(path: Path) -> Plan:
    """Read a plan, or a regression that holds one."""
    text = path.read_bytes()
    kept = msgspec.json.decode(text)
    if isinstance(kept, dict) and "plan" in kept:
        text = msgspec.json.encode(kept["plan"])
    return decode(text)
