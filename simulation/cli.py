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
from simulation.page import PAGE, recorded, write_page
from simulation.plan import PROFILES, Plan, decode
from simulation.replaying import replay
from simulation.report import Progress, findings_table, summary
from simulation.verdict import Verdict

_EXIT_FAILED: Final = 1
_EXIT_USAGE: Final = 2
_SEEDS: Final = 1_000
_NO_END_S: Final = float("inf")


def parser() -> argparse.ArgumentParser:
    """Return the command line."""
    found = argparse.ArgumentParser(
        prog="python -m simulation",
        description="Runs the workers in simulated universes, and asks oracles what went wrong.",
    )
    add = found.add_argument
    add("--seeds", type=_positive, metavar="N", help=f"how many (default: {_SEEDS:,})")
    add("--first", type=int, default=1, metavar="N", help="the first (default: 1)")
    add("--minutes", type=_positive, metavar="N", help="as many as there is time for")
    add("--seed", type=int, metavar="N", help="only this one, with its timeline")
    add("--plan", type=Path, metavar="FILE", help="a kept plan, with its timeline")
    add("--profile", choices=PROFILES, help="faults of one sort only")
    add("--defect", choices=sorted(DEFECTS), help="planted: is it found?")
    add("--jobs", type=_positive, default=cores(), metavar="N", help="processes")
    add("--stop", action="store_true", help="end with the first finding")
    add("--no-shrink", action="store_true", help="show a failing seed as it is")
    add("--json", action="store_true", help="verdicts, or events, as JSON lines")
    add("--record", type=Path, metavar="FILE", help="append verdicts to FILE")
    add(
        "--write-docs", type=Path, metavar="FILE", help=f"write {PAGE} from such a file"
    )
    return found


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text}: at least 1 is needed")
    return number


def main(arguments: Sequence[str]) -> int:
    """Do what the command line says; 0 nothing was found, 1 something was, 2 wrong usage."""
    given = parser().parse_args(arguments)
    console = Console(stderr=given.json)
    task = Task(given.profile, given.defect)
    try:
        if given.write_docs is not None:
            write_page(recorded(given.write_docs), PAGE)
            return 0
        plan = _single(given, task)
        if given.record is not None:
            given.record.open("ab").close()
    except (ValueError, OSError) as problem:
        print(f"simulation: {problem}", file=sys.stderr)
        return _EXIT_USAGE
    if plan is None:
        return _campaign(given, task, console)
    return _EXIT_FAILED if replay(plan, task, given, console) else 0


def _single(given: argparse.Namespace, task: Task) -> Plan | None:
    """Return the one plan that is asked for; None = a campaign is."""
    if given.plan is not None:
        return _read(given.plan)
    return None if given.seed is None else task.plan_of(given.seed)


def _campaign(given: argparse.Namespace, task: Task, console: Console) -> int:
    seeds: Iterator[int] = itertools.count(given.first)
    if given.seeds is not None or given.minutes is None:
        seeds = itertools.islice(seeds, given.seeds or _SEEDS)
    until_s = _NO_END_S
    if given.minutes is not None:
        until_s = time.monotonic() + given.minutes * 60
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
    try:
        kept = msgspec.json.decode(text)
        if isinstance(kept, dict) and "plan" in kept:
            text = msgspec.json.encode(kept["plan"])
        return decode(text)
    except msgspec.DecodeError as problem:
        raise ValueError(f"{path} holds no plan: {problem}") from None
