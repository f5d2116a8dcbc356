"""Run one plan again, so that a person can follow it; a failing one is shrunk first."""

import argparse
import asyncio
from typing import Final

from rich.console import Console

from simulation.campaign import Task, prepare
from simulation.plan import Plan, encode
from simulation.shrinking import shrink
from simulation.timeline import Timeline, json_lines, show
from simulation.verdict import Verdict

_TRIES: Final = 150


def replay(
    plan: Plan, task: Task, given: argparse.Namespace, console: Console
) -> Verdict | None:
    """Run a plan and show its timeline; returns the verdict if something was found."""
    prepare()
    verdict = task.run(plan)
    if verdict.findings and not given.no_shrink:
        console.print(f"fails: {verdict.findings[0].text}; looking for less ...")
        shrunk = shrink(plan, lambda one: task.run(one).signature, most_tries=_TRIES)
        console.print(shrunk.told(), markup=False, highlight=False)
        plan = shrunk.plan
    timeline = Timeline(_now_us)
    verdict = task.run(plan, timeline.tell)
    if given.json:
        for line in json_lines(timeline.events):
            print(line)
    for line in plan.told():
        console.print(line, markup=False, highlight=False, soft_wrap=True)
    console.print()
    show(timeline.events, console.file)
    for finding in verdict.findings:
        text = f"{finding.kind} ({finding.rule}): {finding.text}"
        console.print(text, style="bold red", markup=False, highlight=False)
    console.print(f"trace {verdict.trace}", markup=False, highlight=False)
    if not verdict.findings:
        return None
    console.print("the plan, to be kept (simulation/regressions):", highlight=False)
    console.print(encode(plan).decode(), markup=False, highlight=False, soft_wrap=True)
    return verdict


def _now_us() -> int:
    return round(asyncio.get_running_loop().time() * 1_000_000)
