"""Faults 29 and 30: outputs that cannot be read yet, offsets that somebody has moved."""

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from faults.judge.checks import WITHOUT_ZOMBIES, commits_stay_behind
from faults.judge.observer import nobody_is_stuck
from faults.judge.view import View
from faults.run import FaultRun, JudgedPart
from faults.topic_changes import foreign_transaction, set_committed
from faults.waiting import eventually

_TOGETHER_S: Final = 4.0
"""Load before and after a change, so that both sides of it hold something."""


async def open_transaction(run: FaultRun) -> None:
    """29: somebody else's transaction is open on outputs while a worker is killed."""
    worker, *_ = run.supervisor.workers
    async with foreign_transaction(run.lab, "approvals"):
        with run.load.again():  # what was decided comes again
            run.note("a foreign transaction is open on approvals")
            await run.pass_s(_TOGETHER_S)
            run.supervisor.kill(worker)
            run.note("a worker is killed")

            async def waits() -> bool:
                pages = [await one.says("readyz") for one in run.supervisor.workers]
                return any("open transaction" in page for page in pages)

            await eventually(waits, 60)
            run.note("a worker waits, and says so")
            await run.pass_s(_TOGETHER_S)
    run.note("the transaction is aborted")
    await run.supervisor.ready(90)

    def split(view: View) -> Sequence[JudgedPart]:
        """Leave out what the reader, which reads uncommitted, heard of the foreign one."""
        ours = [one for one in view.heard if one.source or one.topic != "approvals"]
        return [(replace(view, heard=ours), run.fault.checks)]

    run.split = split


async def reset_forward(run: FaultRun) -> None:
    """30: the group's offsets are set past requests that nobody has decided, and back."""
    await run.load.hold()
    await run.no_lag()
    for worker in run.supervisor.workers:
        run.expect(
            await run.supervisor.stop(worker) == 0, "a worker did not stop with 0"
        )
    stood = await run.lab.committed()
    run.load.go_on()
    await run.pass_s(_TOGETHER_S)
    await run.load.hold()
    ends = {
        number: end for (_, number), end in (await run.lab.ends("requests")).items()
    }
    left = sum(ends[number] - stood[number] for number in ends)
    await set_committed(run.lab, ends)
    run.note(f"offsets are set forward past {left} requests")
    for worker in run.supervisor.workers:
        run.supervisor.start(worker)
    await run.supervisor.ready(90)
    pattern = re.compile(r": (\d+) requests before the committed offset")
    named = sum(
        int(count)
        for worker in run.supervisor.workers
        for count in set(pattern.findall(worker.text()))
    )
    run.expect(named >= left, f"{named} of {left} requests were named in the log")
    for worker in run.supervisor.workers:
        run.expect(
            await run.supervisor.stop(worker) == 0, "a worker did not stop with 0"
        )
    await set_committed(run.lab, stood)
    run.note("offsets are set back")
    for worker in run.supervisor.workers:
        run.supervisor.start(worker)
    await run.supervisor.ready(90)
    run.load.go_on()

    def split(view: View) -> Sequence[JudgedPart]:
        left_out = (commits_stay_behind, nobody_is_stuck)
        return [(view, [one for one in WITHOUT_ZOMBIES if one not in left_out])]

    run.split = split
