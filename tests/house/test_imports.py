"""No import circle, and none that is hidden."""

import ast
from pathlib import Path

import pytest

from tests.house.code import Module, modules
from tests.house.imports import Import, circle, imports

MODULES = {module.name: module for module in modules("streams")}
KNOWN = frozenset(MODULES)
IMPORTS = [one for module in MODULES.values() for one in imports(module, KNOWN)]


def module(text: str, name: str = "streams.some") -> Module:
    return Module(name, Path("some.py"), ast.parse(text))


def graph() -> dict[str, set[str]]:
    """Who imports whom, also for types only and inside functions."""
    found: dict[str, set[str]] = {name: set() for name in MODULES}
    for one in IMPORTS:
        if one.target in KNOWN and one.target != one.module:
            found[one.module].add(one.target)
    return found


def test_modules_do_not_import_each_other_in_a_circle() -> None:
    assert circle(graph()) == []


def test_nothing_is_imported_for_types_only() -> None:
    """What is hidden from the interpreter is hidden from the contracts, too."""
    found = {MODULES[one.module].file for one in IMPORTS if one.place == "typing"}
    assert not found


LATE = {
    "streams/cli.py": "each command: Faust and Kafka's client take a while to import",
    "streams/tools/broker.py": "the test broker is not in the wheel",
    "streams/tools/demo/machinery.py": "the test broker is not in the wheel",
    "streams/tools/capture_commands.py": "as cli.py; and Parquet, of an extra",
    "streams/tools/commands.py": "as cli.py",
    "streams/tools/policy_commands.py": "as cli.py",
    "streams/tools/traffic_commands.py": "as cli.py; and librdkafka, of an extra",
}
"""Modules that import inside functions, and why."""


def test_nothing_is_imported_inside_a_function_without_a_reason() -> None:
    found = {MODULES[one.module].file for one in IMPORTS if one.place == "function"}
    assert found == set(LATE)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("from streams.a import x", ("streams.a", "top")),
        ("from streams import a", ("streams.a", "top")),
        ("import streams.a", ("streams.a", "top")),
        ("if TYPE_CHECKING:\n    from streams.a import X", ("streams.a", "typing")),
        ("if typing.TYPE_CHECKING:\n    import streams.a", ("streams.a", "typing")),
        ("def f():\n    from streams.a import x", ("streams.a", "function")),
        (
            "class A:\n    def f(self):\n        import streams.a",
            ("streams.a", "function"),
        ),
        ("try:\n    import streams.a\nexcept E:\n    pass", ("streams.a", "top")),
    ],
)
def test_an_import_is_found_wherever_it_stands(
    text: str, expected: tuple[str, str]
) -> None:
    found = list(imports(module(text), frozenset({"streams.a", "streams.some"})))
    assert [(one.target, one.place) for one in found] == [expected]


def test_a_circle_is_found() -> None:
    assert circle({"a": {"b"}, "b": {"c"}, "c": {"a"}})
    assert circle({"a": {"b", "c"}, "b": {"c"}, "c": set()}) == []


def test_an_import_knows_its_line() -> None:
    assert list(imports(module("\nimport os"), KNOWN)) == [
        Import("streams.some", "os", "top", 2)
    ]
