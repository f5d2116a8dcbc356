"""Defects planted into the product, to see whether the simulation finds them."""

import contextlib
from collections.abc import Callable, Iterator, Mapping
from typing import Final

DEFECTS: Final[Mapping[str, Callable[[], contextlib.AbstractContextManager[None]]]] = {}
"""Name -> plants it, for as long as the context is open."""


@contextlib.contextmanager
def planted(name: str | None) -> Iterator[None]:
    """Run with a defect of this name; None = with none."""
    if name is None:
        yield
        return
    with DEFECTS[name]():
        yield
