"""Put a defect in the place of a method or function, for as long as a context is open."""

import contextlib
from collections.abc import Callable, Iterator
from typing import Any, TypeAlias

import msgspec

from simulation.plan import Plan

Planting: TypeAlias = contextlib.AbstractContextManager[None]
"""The defect is there for as long as it is open."""


def anywhere(plan: Plan) -> bool:
    """Whatever the plan is."""
    return True


class Defect(msgspec.Struct, frozen=True, kw_only=True):
    """A defect that somebody could really write."""

    plant: Callable[[], Planting]
    """Its docstring says what is wrong."""
    breaks: str
    """The guarantee that does not hold any more."""
    expected: frozenset[str]
    """Signatures of findings that show it; others may come first."""
    matters: Callable[[Plan], bool] = anywhere
    """Whether it can show in a plan at all; other plans count, but are not run."""

    @property
    def wrong(self) -> str:
        """What is wrong, as one sentence."""
        return " ".join((self.plant.__doc__ or "").split())


@contextlib.contextmanager
def put(owner: Any, name: str, wrong: Any) -> Iterator[None]:  # noqa: ANN401 - of any class or module
    """Put ``wrong`` in the place of an attribute of a class or module."""
    right = vars(owner)[name]
    setattr(owner, name, wrong)
    try:
        yield
    finally:
        setattr(owner, name, right)
