"""How long a partition rests after kill -9, by the ways there are to make that shorter.

``python -m faults.takeover`` measures; docs/reliability.md keeps what came out.
"""

import argparse
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from statistics import median
from typing import Final

import orjson
from rich.console import Console
from rich.table import Table

from faults.actions import workers
from faults.campaign import Campaign, runs_of
from faults.report import line
from faults.run import Action, Fault, FaultRun
from faults.verdict import RunVerdict
from streams.signals import until_ended
from testkit.jars import default_cache
from testkit.prepare import prepare
from testkit.rows import Row

_HASTY: Final = {"group.min.session.timeout.ms": "1000"}
"""Of the broker: by default it refuses less than 6 s."""
_MANY: Final = 400_000
_AT_ONCE: Final = 5_000
_PREPARED: Final = " loaded in "
"""In the line that says how long facts and outputs took."""


async def kill_for_good(run: FaultRun) -> None:
    """Kill a worker that nobody starts again."""
    await run.some_moment()
    worker = run.rng.choice(run.supervisor.workers)
    run.supervisor.kill_for_good(worker)
    run.note(f"{worker.name} killed for good")
    await run.pass_s(workers.SESSION_S * 2)


async def kill_with_many_facts(run: FaultRun) -> None:
    """Kill a worker for good whose partitions have many orders."""
    orders = [row for row in run.load.world.facts[0] if row.topic == "orders"]
    for begin in range(0, _MANY, _AT_ONCE):
        some = (orders[at % len(orders)] for at in range(begin, begin + _AT_ONCE))
        await run.lab.put(*(_renamed(row, begin + at) for at, row in enumerate(some)))
    run.note(f"{_MANY} orders more")
    await kill_for_good(run)
    for worker in run.supervisor.workers:
        lines = [text for text in worker.text().splitlines() if _PREPARED in text]
        run.note(f"{worker.name}: {lines[-1].partition('partitions ')[2]}")


def _renamed(row: Row, number: int) -> Row:
    fields = orjson.loads(row.value or b"{}") | {"order_id": f"many-{number}"}
    return replace(row, key=b"many-%d" % number, value=orjson.dumps(fields))


def _way(
    number: int, text: str, action: Action, session_ms: int, settings: Mapping[str, str]
) -> Fault:
    times = {
        "REFUND_KAFKA__SESSION_TIMEOUT_MS": str(session_ms),
        "REFUND_KAFKA__HEARTBEAT_INTERVAL_MS": str(min(500, session_ms // 4)),
    }
    return Fault(
        number,
        f"way-{number}",
        text,
        action,
        1,
        settings={**times, **settings},
        properties=_HASTY,
    )


_STATIC: Final = {"REFUND_KAFKA__GROUP_INSTANCE_ID": "set for each"}
WAYS: Final = (
    _way(1, "10 s, started again at once", workers.kill, 10_000, {}),
    _way(2, "6 s, started again at once", workers.kill, 6_000, {}),
    _way(3, "3 s, started again at once", workers.kill, 3_000, {}),
    _way(4, "1.5 s, started again at once", workers.kill, 1_500, {}),
    _way(5, "6 s, not started again", kill_for_good, 6_000, {}),
    _way(6, "10 s, static name, started again at once", workers.kill, 10_000, _STATIC),
    _way(7, "6 s, not started again, many orders", kill_with_many_facts, 6_000, {}),
)


def table(verdicts: Sequence[RunVerdict]) -> Table:
    """Return one row a way: the longest gap, median and each run."""
    found = Table("session time-out and membership", "longest gap ms", "runs", "judge")
    for way in WAYS:
        mine = [one for one in verdicts if one.name == way.name]
        gaps = [one.measured.longest_gap_ms or 0 for one in mine]
        if gaps:
            passed = all(one.passed for one in mine)
            found.add_row(
                way.text,
                f"{median(gaps):.0f}",
                " ".join(map(str, gaps)),
                "passed" if passed else "; ".join(mine[0].problems) or "FAILED",
            )
    return found


def main(arguments: Sequence[str]) -> int:
    """Measure; 0 when the judge found nothing either."""
    parser = argparse.ArgumentParser(prog="python -m faults.takeover")
    parser.add_argument("way", nargs="*", type=int, help="numbers (default: all)")
    parser.add_argument("--runs", type=int, default=3, metavar="N", help="of each way")
    given = parser.parse_args(arguments)
    console = Console()
    campaign = Campaign(
        prepare(default_cache(None, Path.home())),
        Path(tempfile.mkdtemp(prefix="takeover-")),
    )
    ways = [way for way in WAYS if not given.way or way.number in given.way]
    verdicts = campaign.run(
        runs_of(ways, given.runs, None),
        lambda one: console.print(line(one), markup=False, soft_wrap=True),
    )
    console.print(table(verdicts))
    return 0 if all(one.passed for one in verdicts) else 1


if __name__ == "__main__":
    sys.exit(until_ended(lambda: main(sys.argv[1:]), "takeover"))
