"""Leave out as many of a row of things as possible: delta debugging."""

from collections.abc import Callable, Sequence
from typing import TypeVar

T = TypeVar("T")


def ddmin(
    whole: Sequence[T], still_fails: Callable[[tuple[T, ...]], bool]
) -> tuple[T, ...]:
    """Return a part of a row, in its order, that still fails, and no one of which can go.

    After Zeller and Hildebrandt, 2002, complements only: half of it is left out, then
    quarters, at last single ones. ``still_fails`` is not asked about the whole, which is
    known to fail.
    """
    left = tuple(whole)
    if left and still_fails(()):
        return ()
    parts = 2
    while len(left) > 1:
        size = -(-len(left) // parts)
        for start in range(0, len(left), size):
            without = left[:start] + left[start + size :]
            if without and still_fails(without):
                left = without
                parts = max(parts - 1, 2)
                break
        else:
            if size == 1:
                break
            parts = min(len(left), parts * 2)
    return left
