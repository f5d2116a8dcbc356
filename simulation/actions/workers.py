"""Actions on workers, numbered from 1 in the order of their first start."""

from typing import Literal, TypeAlias

from typing_extensions import override

from simulation.actions.base import At, back, span

Signal = Literal["SIGTERM", "SIGINT", "SIGHUP"]


class _OfWorker(At, frozen=True, kw_only=True, tag=True):
    worker: int


class KillWorker(_OfWorker, frozen=True, kw_only=True):
    """``kill -9``: tasks vanish at whatever await they are, connections drop."""

    back_ms: int | None
    """ms until it is started again; None = never."""

    @override
    def told(self) -> str:
        return f"worker {self.worker} is killed, {back(self.back_ms)}"


class LoseMachine(_OfWorker, frozen=True, kw_only=True):
    """The machine loses its power: no connection is closed, brokers hear nothing more."""

    back_ms: int | None

    @override
    def told(self) -> str:
        return f"the machine of worker {self.worker} is lost, {back(self.back_ms)}"


class StopWorker(_OfWorker, frozen=True, kw_only=True):
    """A signal that asks the worker to end in order."""

    signal: Signal
    again_ms: int | None
    """ms until the same signal comes once more, in the middle of the drain."""
    back_ms: int | None
    """ms until it is started again, at the earliest when it has ended; None = never."""

    @override
    def told(self) -> str:
        twice = "" if self.again_ms is None else f", again after {span(self.again_ms)}"
        return f"worker {self.worker} gets {self.signal}{twice}, {back(self.back_ms)}"


class PauseWorker(_OfWorker, frozen=True, kw_only=True):
    """``SIGSTOP``, later ``SIGCONT``: it runs no step, its connections stay open."""

    for_ms: int

    @override
    def told(self) -> str:
        return f"worker {self.worker} is suspended for {span(self.for_ms)}"


class CancelStart(_OfWorker, frozen=True, kw_only=True):
    """The worker is killed, started at once, and told to end while it starts."""

    after_us: int
    """µs from the start to SIGTERM."""
    back_ms: int

    @override
    def told(self) -> str:
        return (
            f"worker {self.worker} is started anew and gets SIGTERM after "
            f"{self.after_us} µs, {back(self.back_ms)}"
        )


class AddWorker(_OfWorker, frozen=True, kw_only=True):
    """One worker more than at the start."""

    @override
    def told(self) -> str:
        return f"worker {self.worker} is added"


WorkerAction: TypeAlias = (
    KillWorker | LoseMachine | StopWorker | PauseWorker | CancelStart | AddWorker
)
