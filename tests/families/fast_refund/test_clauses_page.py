"""``docs/clauses.md`` is true: complete, and everything it names is there."""

import ast
import importlib
import re
from pathlib import Path
from typing import Final

import pytest

from streams.families.fast_refund.rules import RULES, Check

ROOT: Final = Path(__file__).parents[3]
PAGE: Final = (ROOT / "docs" / "clauses.md").read_text(encoding="utf-8")
STATUSES: Final = {"done", "recorded", "measured", "partly", "not built"}

CLAUSES: Final = [
    "FR-1.1",
    "FR-1.2a",
    "FR-1.2b",
    "FR-1.3a",
    "FR-1.3b",
    "FR-1.3c",
    "FR-1.4",
    "FR-1.4a",
    "FR-1.4b",
    "FR-1.4c",
    "FR-1.5a",
    "FR-1.5b",
    "FR-1.5c",
    "FR-1.6a",
    "FR-1.6b",
    "FR-1.7(1)a",
    "FR-1.7(1)b",
    "FR-1.7(2)a",
    "FR-1.7(2)b",
    "FR-Q1",
    "FR-Q2",
    "FR-Q3",
    "FR-Q4",
    "FR-Q5",
]
READINGS: Final = [f"R-{number:02d}" for number in (*range(1, 13), 31, 34)]
RULINGS: Final = [f"E-{number}" for number in range(1, 39)]

HEADS: Final = ("Clause", "Reading", "Ruling", "Option", "Condition", "---")


def cells_of(line: str) -> list[str]:
    return [
        cell.strip() for cell in line.removeprefix("|").removesuffix("|").split("|")
    ]


ROWS: Final = {
    cells[0]: cells[1:]
    for line in PAGE.splitlines()
    if line.startswith("|") and (cells := cells_of(line))[0] not in HEADS
}


def named(cell: str) -> list[str]:
    return re.findall(r"`([^`]+)`", cell)


def found(dotted: str) -> object:
    """Import the longest module prefix, then walk the rest."""
    parts = dotted.split(".")
    for cut in range(len(parts), 0, -1):
        try:
            thing: object = importlib.import_module(".".join(["streams", *parts[:cut]]))
        except ModuleNotFoundError:
            continue
        for name in parts[cut:]:
            thing = getattr(thing, name)
        return thing
    raise AssertionError(dotted)


def functions_in(file: str) -> set[str]:
    tree = ast.parse((ROOT / "tests" / file).read_text(encoding="utf-8"))
    return {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}


def test_every_clause_reading_and_ruling_has_a_row() -> None:
    listed = [name for name in ROWS if re.fullmatch(r"(FR|R|E)-\S+", name)]
    assert listed == [*CLAUSES, *READINGS, *RULINGS]


@pytest.mark.parametrize("name", ROWS)
def test_what_a_row_names_is_there(name: str) -> None:
    code, tests, status, why = ROWS[name]
    for dotted in named(code):
        assert callable(found(dotted)), dotted
    for test in named(tests):
        file, _, function = test.partition("::")
        assert function in functions_in(file), test
    assert status in STATUSES
    if status != "done" or not named(code) or not named(tests):
        assert why.strip(), f"{name}: say why"


def test_every_rule_stands_behind_a_row() -> None:
    listed = {dotted for cells in ROWS.values() for dotted in named(cells[0])}
    wanted = {f"families.fast_refund.rules.{path(rule.check)}" for rule in RULES}
    assert wanted <= listed


def path(check: Check) -> str:
    module = check.__module__.rpartition(".")[2]
    return f"{module}.{check.__name__}"
