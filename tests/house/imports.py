"""Who imports whom, wherever in a module the import stands."""

import ast
from collections.abc import Iterator, Mapping
from graphlib import CycleError, TopologicalSorter
from typing import Literal, NamedTuple

from tests.house.code import Module, named

Place = Literal["top", "typing", "function"]


class Import(NamedTuple):
    """One import."""

    module: str
    target: str
    """A module; of a name in a module, the module."""
    place: Place
    line: int


def imports(module: Module, known: frozenset[str]) -> Iterator[Import]:
    """Yield all imports of a module; ``known`` are the modules of the project."""
    yield from _below(module.tree, module.name, known, "top")


def _below(
    node: ast.AST, module: str, known: frozenset[str], place: Place
) -> Iterator[Import]:
    for child in ast.iter_child_nodes(node):
        match child:
            case ast.Import(names=names):
                for one in names:
                    yield Import(module, one.name, place, child.lineno)
            case ast.ImportFrom(module=str(source), names=names):
                for one in names:
                    inner = f"{source}.{one.name}"
                    target = inner if inner in known else source
                    yield Import(module, target, place, child.lineno)
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.Lambda():
                yield from _below(child, module, known, "function")
            case ast.If(test=test) if named(test) == "TYPE_CHECKING":
                yield from _below(child, module, known, "typing")
            case _:
                yield from _below(child, module, known, place)


def circle(graph: Mapping[str, set[str]]) -> list[str]:
    """Return the modules of a circle, the first one twice; empty = there is none."""
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as found:
        modules: list[str] = found.args[1]
        return modules[::-1]
    return []
