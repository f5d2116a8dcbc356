"""The source of the project as syntax trees, for tests of how the house is built."""

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[2]


class Module(NamedTuple):
    name: str
    """As it is imported."""
    path: Path
    tree: ast.Module

    @property
    def file(self) -> str:
        return self.path.relative_to(ROOT).as_posix()

    @property
    def lines(self) -> int:
        return len(self.path.read_text("utf-8").splitlines())


@cache
def modules(package: str) -> tuple[Module, ...]:
    """Return every module of a folder at the root of the project."""
    return tuple(_modules(package))


def _modules(package: str) -> Iterator[Module]:
    for path in sorted((ROOT / package).rglob("*.py")):
        parts = path.relative_to(ROOT).with_suffix("").parts
        name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        yield Module(name, path, ast.parse(path.read_text("utf-8")))


def named(node: ast.AST) -> str:
    """Return the last part of a name: ``errors.KafkaError`` -> ``KafkaError``."""
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else ""
