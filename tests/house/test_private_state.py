"""Nobody reaches into what a partition remembers: it could not be stored elsewhere."""

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

import streams
from streams.families.fast_refund.decision_history import RefundHistory
from streams.families.fast_refund.policy import Policies
from streams.families.fast_refund.shared_tables import SharedTables
from streams.families.fast_refund.tables import PartitionTables
from streams.processing.state import MemoryState, MemoryTable
from streams.processing.timers import Timers

ROOT: Final = Path(streams.__file__).parent
STATE: Final = (
    PartitionTables(0, 1),
    SharedTables(Policies(()), 1),
    RefundHistory(),
    MemoryState[int](),
    MemoryTable[int]({}),
    Timers("TF", MemoryState[int]().noted),
)
CONTAINERS: Final = (dict, set, list)


def containers(of: object) -> dict[str, object]:
    return {
        name: value for name, value in vars(of).items() if isinstance(value, CONTAINERS)
    }


PRIVATE: Final = {name for one in STATE for name in containers(one)}


def reaches(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Yield where an object asks another one for a container of its own."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and node.attr in PRIVATE:
            owner = node.value
            if not (isinstance(owner, ast.Name) and owner.id == "self"):
                yield node.lineno, node.attr


@pytest.mark.parametrize("one", STATE, ids=lambda one: type(one).__name__)
def test_what_holds_state_shows_no_dict_and_no_set(one: object) -> None:
    found = containers(one)
    assert found
    assert [name for name in found if not name.startswith("_")] == []


def test_no_module_reaches_into_the_containers_of_another() -> None:
    assert {"_orders", "_vetoes", "_notices", "_refunds", "_rows", "_heap"} <= PRIVATE
    found = [
        f"{path.relative_to(ROOT)}:{line}: {name}"
        for path in ROOT.rglob("*.py")
        for line, name in reaches(ast.parse(path.read_text("utf-8")))
    ]
    assert found == []


def test_reaching_in_is_seen_wherever_it_stands() -> None:
    reaching = "def f(tables):\n    return tables.ledger._vetoes.get('o-1')"
    assert list(reaches(ast.parse(reaching))) == [(2, "_vetoes")]
    assert list(reaches(ast.parse("self._vetoes[1] = 2"))) == []
