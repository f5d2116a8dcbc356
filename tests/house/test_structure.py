"""Modules stay short, nothing is handed around in bags, and each module of worker/ is tested."""

import ast
from collections.abc import Iterator, Mapping
from pathlib import Path
from statistics import median

import pytest

from tests.house.code import ROOT, Module, modules, named

MEDIAN_LINES = 120
MOST_LINES = 500
MOST_FIELDS = 8

LONG_LEFT: dict[str, int] = {}
"""Modules that are longer, with their lines today; to become empty."""

BAGS_LEFT: dict[str, int] = {}
"""Bags that are larger, with their fields today; to become empty."""

UNTESTED_LEFT = {
    "ingesting": "connects and starts; tests/kafka run it, its work is in ingest_role",
    "processor": "the base of family_processor and ingesting, tested as these",
}
"""Modules of worker/ without a test file of their own, and why; to become empty."""


# -- sizes -----------------------------------------------------------------------------


def test_half_of_the_modules_have_at_most_so_many_lines() -> None:
    assert median(module.lines for module in modules("streams")) <= MEDIAN_LINES


def test_no_module_is_longer_than_one_can_keep_in_mind() -> None:
    found = {
        one.file: one.lines for one in modules("streams") if one.lines > MOST_LINES
    }
    assert found.keys() == LONG_LEFT.keys()
    assert all(lines <= LONG_LEFT[file] for file, lines in found.items())


# -- bags ------------------------------------------------------------------------------

DATA_BASES = frozenset(
    {"Struct", "NamedTuple", "TypedDict", "Enum", "IntEnum", "StrEnum", "Flag"}
)
VALUES = frozenset({"Secret"})
"""Classes with methods that are a value all the same."""
BAG_NAMES = ("Parts", "Inputs", "Services", "Context")
DOING = frozenset({"Callable", "Awaitable", "Coroutine"})


def classes(found: Mapping[str, ast.Module]) -> Iterator[tuple[str, ast.ClassDef]]:
    for file, tree in found.items():
        for node in ast.walk(tree):
            if isinstance(node, ast.ClassDef):
                yield file, node


def data_classes(found: Mapping[str, ast.Module]) -> frozenset[str]:
    """Return the names of classes that hold values: structs, dataclasses, enums."""
    data = set(DATA_BASES)
    before = -1
    while len(data) > before:  # a struct may be based on another one
        before = len(data)
        for _, node in classes(found):
            marks = [named(one) for one in node.bases]
            marks += [named(getattr(d, "func", d)) for d in node.decorator_list]
            if data & set(marks) or "dataclass" in marks:
                data.add(node.name)
    return frozenset(data)


def bags(found: Mapping[str, ast.Module]) -> dict[str, int]:
    """Return what has more than so many collaborators, with how many fields it has.

    A record of data may be as wide as what it describes: its fields are numbers, texts,
    and other records. A bag has a field that does something: a function, or an object of
    a class with methods that is no record. One named as a bag is one; so is a class whose
    ``__init__`` takes too much.
    """
    data = data_classes(found)
    acting = {node.name for _, node in classes(found)} - data - VALUES
    large: dict[str, int] = {}
    for file, node in classes(found):
        fields = [one for one in node.body if isinstance(one, ast.AnnAssign)]
        held = {named(part) for one in fields for part in ast.walk(one.annotation)} & (
            acting | DOING
        )
        is_bag = bool(held) or node.name.endswith(BAG_NAMES)
        size = len(fields) if is_bag and node.name in data else 0
        size = max(size, *(_taken(one) for one in node.body), 0)
        if size > MOST_FIELDS:
            large[f"{file}: {node.name}"] = size
    return large


def _taken(node: ast.stmt) -> int:
    """Return how many arguments an ``__init__`` takes."""
    if not isinstance(node, ast.FunctionDef) or node.name != "__init__":
        return 0
    given = node.args
    return len(given.posonlyargs) + len(given.args) + len(given.kwonlyargs) - 1


def test_nothing_is_handed_around_in_a_large_bag() -> None:
    found = bags({module.file: module.tree for module in modules("streams")})
    assert found.keys() == BAGS_LEFT.keys()
    assert all(size <= BAGS_LEFT[name] for name, size in found.items())


FIELDS = "\n".join(f"    a{number}: int" for number in range(9))


@pytest.mark.parametrize(
    "text",
    [
        f"class A(Struct):\n{FIELDS}\n    f: Callable[[], int]",
        f"class AParts(msgspec.Struct):\n{FIELDS}",
        f"class Does:\n    def f(self): ...\nclass A(Struct):\n{FIELDS}\n    d: Does",
        f"class Does: ...\n@dataclass(frozen=True)\nclass A:\n{FIELDS}\n    d: list[Does]",
        "class A:\n    def __init__(self, a, b, c, d, e, f, g, h, *, i): ...",
    ],
)
def test_a_bag_is_found(text: str) -> None:
    assert len(bags({"f": ast.parse(text)})) == 1


@pytest.mark.parametrize(
    "text",
    [
        f"class A(Struct):\n{FIELDS}",
        f"class B(Struct): ...\nclass C(B): ...\nclass A(C):\n{FIELDS}\n    b: B",
        f"class A(Struct):\n{FIELDS}\n    def f(self): ...",
        "class AParts(Struct):\n    f: Callable[[], int]",
        "class A:\n    def __init__(self, a, b, c, d, e, f, g, h): ...",
    ],
)
def test_a_wide_record_of_data_is_no_bag(text: str) -> None:
    assert not bags({"f": ast.parse(text)})


# -- tests of worker/ ------------------------------------------------------------------


def untested(found: tuple[Module, ...], folder: Path) -> set[str]:
    there = {path.stem for path in folder.glob("test_*.py")}
    names = {one.path.stem for one in found if one.path.stem != "__init__"}
    return {name for name in names if f"test_{name}" not in there}


def test_each_module_of_the_worker_has_a_test_file() -> None:
    worker = tuple(
        one for one in modules("streams") if one.name.startswith("streams.worker.")
    )
    assert worker
    assert untested(worker, ROOT / "tests/worker") == UNTESTED_LEFT.keys()
