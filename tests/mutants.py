"""Functions without one of their conditions: does any case notice?"""

import ast
import inspect
import textwrap
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, TypeAlias

Mutant: TypeAlias = tuple[str, Callable[..., Any]]
"""What was taken out, and the function without it."""


def without_a_condition(function: Callable[..., Any]) -> Iterator[Mutant]:
    """Yield a function once for each condition it asks, without that condition.

    A condition is an operand of ``or``, an operand of ``and`` in what is returned, one
    bound of a chain of comparisons, or the whole test of an ``if`` that returns. Without
    it the function says yes more often.
    """
    source = textwrap.dedent(inspect.getsource(function))
    places = range(sum(1 for _ in _conditions(ast.parse(source))))
    for place in places:
        tree = ast.parse(source)
        name, take_out = list(_conditions(tree))[place]
        take_out()
        made: dict[str, Any] = {}
        code = compile(ast.fix_missing_locations(tree), "<mutant>", "exec")
        exec(code, function.__globals__, made)  # noqa: S102 - our own source
        yield name, made[function.__name__]


def _conditions(tree: ast.AST) -> Iterator[tuple[str, Callable[[], None]]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.BoolOp) and isinstance(node.op, ast.Or):
            yield from _operands(node, value=False)
        elif isinstance(node, ast.Return) and isinstance(node.value, ast.BoolOp):
            if isinstance(node.value.op, ast.And):
                yield from _operands(node.value, value=True)
        elif isinstance(node, ast.Compare) and len(node.ops) > 1:
            for place in range(len(node.ops)):
                pair = [node.left, *node.comparators][place : place + 2]
                bound = ast.Compare(pair[0], [node.ops[place]], [pair[1]])
                yield (
                    f"{ast.unparse(bound)} of {ast.unparse(node)}",
                    partial(_without_bound, node, place),
                )
        elif isinstance(node, ast.If) and _returns(node):
            never = ast.Constant(value=False)
            yield f"if {ast.unparse(node.test)}", partial(setattr, node, "test", never)


def _returns(node: ast.If) -> bool:
    """Whether it is an ``if`` of its own, whose operands are not taken out already."""
    several = isinstance(node.test, ast.BoolOp) and isinstance(node.test.op, ast.Or)
    return isinstance(node.body[0], ast.Return) and not several


def _operands(
    node: ast.BoolOp, *, value: bool
) -> Iterator[tuple[str, Callable[[], None]]]:
    for place, operand in enumerate(node.values):
        gone = ast.Constant(value=value)
        yield ast.unparse(operand), partial(node.values.__setitem__, place, gone)


def _without_bound(node: ast.Compare, place: int) -> None:
    """Make one comparison of a chain always hold; the others stay what they are."""
    operands = [node.left, *node.comparators]
    if place == 0:
        node.left, node.comparators = operands[1], operands[2:]
        del node.ops[0]
    elif place == len(node.ops) - 1:
        del node.ops[-1], node.comparators[-1]
    else:
        # No amount is another object of its own value than None.
        node.ops[place] = ast.IsNot()
