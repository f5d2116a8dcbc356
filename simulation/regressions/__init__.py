"""Plans that found a defect, kept so that it stays mended: one JSON file for each.

A file holds the shrunk plan itself, not its seed alone: the seed means another universe
as soon as the drawing of plans changes.
"""

import re
from pathlib import Path
from typing import Annotated, Final

import msgspec

from simulation.plan import Plan

FOLDER: Final = Path(__file__).parent
_NAME: Final = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_Line = Annotated[str, msgspec.Meta(min_length=1, pattern=r"^[^\n]+$")]


class Regression(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A defect that a universe found."""

    name: str
    """Of the file, too: lower case, words joined by hyphens."""
    why: _Line
    """What was wrong, in one sentence."""
    seed: int
    """That found it, as it was drawn then; named in ``docs/reliability.md``."""
    signature: _Line
    """What the run said of it."""
    plan: Plan
    """Shrunk; it must not fail any more."""


def keep(regression: Regression, folder: Path = FOLDER) -> Path:
    """Write a regression into a folder; returns its file.

    Raises
    ------
    ValueError
        The name is no name for a file.
    FileExistsError
        There is one of that name: a kept plan is not replaced.
    """
    if _NAME.fullmatch(regression.name) is None:
        raise ValueError(
            f"{regression.name!r}: use lower-case words joined by hyphens, such as "
            "commit-before-answer"
        )
    path = folder / f"{regression.name}.json"
    with path.open("xb") as file:
        file.write(msgspec.json.format(msgspec.json.encode(regression), indent=1))
        file.write(b"\n")
    return path


def regressions(folder: Path = FOLDER) -> tuple[Regression, ...]:
    """Return all that are kept, by name.

    Raises
    ------
    ValueError
        Naming every file that holds no regression, or one of another name.
    """
    found: list[Regression] = []
    problems: list[str] = []
    for path in sorted(folder.glob("*.json")):
        try:
            one = msgspec.json.decode(path.read_bytes(), type=Regression)
        except msgspec.MsgspecError as problem:
            problems.append(f"{path.name}: {problem}")
            continue
        if one.name != path.stem:
            problems.append(f"{path.name}: its name is {one.name}; rename one of them")
        found.append(one)
    if problems:
        raise ValueError("; ".join(problems))
    return tuple(found)
