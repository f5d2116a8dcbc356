"""The figures of a campaign, written into the page from its recorded verdicts."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final, get_args

import msgspec

from simulation.oracles.finding import Kind
from simulation.plan import PROFILES
from simulation.verdict import Verdict
from testkit.pages import rewrite, table

PAGE: Final = Path("docs") / "simulation.md"
_PART: Final = "figures"
_PROMISED: Final[tuple[Kind, ...]] = (
    "lost",
    "doubled",
    "contradictory",
    "unjust",
    "stuck",
)
"""Kinds of findings with a column of their own."""
_OTHER: Final = frozenset(get_args(Kind)) - frozenset(_PROMISED)
_HEAD: Final = (
    "profile",
    "universes",
    "without a finding",
    *_PROMISED,
    "other findings",
    "virtual hours",
    "ends of workers",
    "disturbed requests",
    "CPU s each",
)


def recorded(file: Path) -> list[Verdict]:
    """Read the verdicts of ``--record``; of a seed that was repeated the last one counts.

    Raises
    ------
    ValueError
        Naming the line that holds no verdict, or a file that holds none at all.
    """
    found: dict[tuple[str, int], Verdict] = {}
    with file.open("rb") as lines:
        for number, text in enumerate(lines, 1):
            try:
                verdict = msgspec.json.decode(text, type=Verdict)
            except msgspec.DecodeError as problem:
                raise ValueError(f"{file}, line {number}: {problem}") from None
            found[verdict.profile, verdict.seed] = verdict
    if not found:
        raise ValueError(f"{file} holds no verdict")
    return list(found.values())


def write_page(verdicts: Sequence[Verdict], page: Path) -> None:
    """Replace the table of figures of a page; the rest of it is written by hand.

    Raises
    ------
    ValueError
        The page lacks the marks between which the table stands.
    """
    by_profile = {
        profile: [one for one in verdicts if one.profile == profile]
        for profile in PROFILES
    }
    rows = [_row(profile, of) for profile, of in by_profile.items() if of]
    rewrite(page, _PART, table(_HEAD, [*rows, _row("**all**", verdicts)]))


def _row(name: str, verdicts: Sequence[Verdict]) -> tuple[str, ...]:
    return (
        name,
        f"{len(verdicts):,}",
        f"{sum(not one.findings for one in verdicts):,}",
        *(f"{_with(verdicts, (kind,)):,}" for kind in _PROMISED),
        f"{_with(verdicts, _OTHER):,}",
        f"{sum(one.virtual_s for one in verdicts) / 3600:,.1f}",
        f"{sum(one.restarts for one in verdicts):,}",
        f"{sum(one.disturbed for one in verdicts):,}",
        f"{sum(one.cpu_s for one in verdicts) / len(verdicts):.2f}",
    )


def _with(verdicts: Iterable[Verdict], kinds: Iterable[str]) -> int:
    """Return how many universes have a finding of one of these kinds."""
    wanted = frozenset(kinds)
    return sum(any(one.kind in wanted for one in each.findings) for each in verdicts)
