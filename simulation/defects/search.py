"""How many seeds are needed until a planted defect is found, and a plan that shows it."""

from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import Final

import msgspec

from simulation.campaign import Task, run_chunk
from simulation.defects import DEFECTS
from simulation.page import PAGE
from simulation.plan import Plan
from simulation.shrinking import shrink
from simulation.verdict import Verdict
from testkit.pages import rewrite, table

FIRST_SEEDS: Final = (1, 10_001, 20_001)
"""Where the ranges of seeds begin."""
MOST: Final = 1_000
"""Seeds of a range within which a defect must be found."""
_TRIES: Final = 20
_FOLDER: Final = Path(__file__).parent
PLANS: Final = _FOLDER / "plans"
_COUNTS: Final = _FOLDER / "seeds.json"
_HEAD: Final = (
    "defect",
    "what is wrong",
    "what it breaks",
    "found as",
    "seeds needed (median)",
    "in each range",
)


class Kept(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A universe in which a planted defect shows."""

    defect: str
    seed: int
    """As it was drawn then."""
    signature: str
    """What the run says of it."""
    plan: Plan
    """Shrunk."""


def shows(defect: str, plan: Plan) -> str | None:
    """Return the finding by which a plan shows a defect; None = it does not show it.

    It is expected of the defect, and without the defect there is none like it.
    """
    found = _expected(defect, Task(defect=defect).run(plan))
    if not found:
        return None
    without = {one.signature for one in Task().run(plan).findings}
    return next((one for one in found if one not in without), None)


def _expected(defect: str, verdict: Verdict) -> list[str]:
    expected = DEFECTS[defect].expected
    return [one.signature for one in verdict.findings if one.signature in expected]


def _shows_alone(defect: str, plan: Plan) -> str | None:
    """Return what shows the defect in a plan that has no finding without it."""
    found = _expected(defect, Task(defect=defect).run(plan))
    return None if not found or Task().run(plan).findings else found[0]


def first_seed(defect: str, seeds: Sequence[int]) -> tuple[int, int] | None:
    """Return how many of these seeds are needed, and the one that shows the defect."""
    task = Task(defect=defect)
    for count, seed in enumerate(seeds, 1):
        if not DEFECTS[defect].matters(task.plan_of(seed)):
            continue
        (verdict,) = run_chunk([seed], task)
        if _expected(defect, verdict) and shows(defect, task.plan_of(seed)):
            return count, seed
    return None


def search(defect: str) -> list[int | None]:
    """Search each range for a defect, and keep counts and a plan; returns the counts."""
    counts: list[int | None] = []
    for first in FIRST_SEEDS:
        found = first_seed(defect, range(first, first + MOST))
        counts.append(None if found is None else found[0])
        if found is not None and not _plan_file(defect).exists():
            _keep(defect, found[1])
    known = {**seeds_needed(), defect: counts}
    text = msgspec.json.encode(dict(sorted(known.items())))
    _COUNTS.write_bytes(msgspec.json.format(text, indent=1) + b"\n")
    return counts


def _keep(defect: str, seed: int) -> None:
    plan = Task().plan_of(seed)
    if _shows_alone(defect, plan) is None:
        return  # something is wrong there without it, too; another range has another seed
    shrunk = shrink(plan, lambda one: _shows_alone(defect, one), most_tries=_TRIES)
    kept = Kept(defect=defect, seed=seed, signature=shrunk.signature, plan=shrunk.plan)
    text = msgspec.json.format(msgspec.json.encode(kept), indent=1)
    _plan_file(defect).write_bytes(text + b"\n")


def _plan_file(defect: str) -> Path:
    return PLANS / f"{defect}.json"


def kept(defect: str) -> Kept:
    """Return the universe that is kept for a defect."""
    return msgspec.json.decode(_plan_file(defect).read_bytes(), type=Kept)


class Replayed(msgspec.Struct, frozen=True):
    """What comes of a kept universe: signatures with its defect, and without it."""

    defect: str
    found: list[str]
    without: list[str]


def replayed(defect: str) -> Replayed:
    """Run the universe that is kept for a defect, with the defect and without it."""
    plan = kept(defect).plan
    found, without = (
        sorted({one.signature for one in Task(defect=planted).run(plan).findings})
        for planted in (defect, None)
    )
    return Replayed(defect, found, without)


def seeds_needed() -> dict[str, list[int | None]]:
    """Return the counts of the last searches, by defect; None = more than there were."""
    if not _COUNTS.exists():
        return {}
    return msgspec.json.decode(_COUNTS.read_bytes(), type=dict[str, list[int | None]])


def write_page(page: Path = PAGE) -> None:
    """Replace the table of defects of a page.

    Raises
    ------
    ValueError
        The page lacks the marks between which the table stands.
    """
    rewrite(page, "defects", found_table())


def found_table() -> str:
    """Return the published table, of the last searches."""
    return table(_HEAD, [_row(*found) for found in seeds_needed().items()])


def _row(name: str, counts: Sequence[int | None]) -> tuple[str, ...]:
    defect = DEFECTS[name]
    middle = median([MOST + 1 if count is None else count for count in counts])
    return (
        f"`{name}`",
        defect.wrong,
        defect.breaks,
        f"`{kept(name).signature}`",
        f"{middle:,.0f}" if middle <= MOST else "not found",
        ", ".join("not found" if one is None else f"{one:,}" for one in counts),
    )
