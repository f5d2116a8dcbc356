"""Defects of timers; the second family has some."""

from typing import Any

from simulation.defects.planting import Planting, put
from simulation.plan import Plan
from streams.processing.keyed_process import KeyedProcess


def timer_fired_twice() -> Planting:
    """A take-over does not read back which timers have fired: they fire again."""
    right = vars(KeyedProcess)["restore"]

    def restore(self: KeyedProcess[Any, Any], topic: str, value: bytes) -> Any:  # noqa: ANN401
        found = right(self, topic, value)
        return "" if isinstance(found, str) else found

    return put(KeyedProcess, "restore", restore)


def has_timers(plan: Plan) -> bool:
    """Whether a family with timers runs in it."""
    return plan.second_family is not None
