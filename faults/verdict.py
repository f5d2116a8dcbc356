"""How a run ended."""

import msgspec

from faults.measurements import Measurements


class NotRunError(Exception):
    """A machine lacks what a fault needs; nothing was tried."""


class RunVerdict(msgspec.Struct, frozen=True, kw_only=True):
    """The end of a run."""

    fault: int
    name: str
    seed: int
    problems: tuple[str, ...]
    timeline: tuple[tuple[float, str], ...]
    """Seconds from the start of the load, and what happened."""
    measured: Measurements = msgspec.field(name="figures")
    folder: str | None = msgspec.field(default=None, name="kept")
    """Of a failed run: logs of workers and brokers, topics as JSON lines."""
    not_run: str | None = None
    """Why nothing was tried; None = it was."""

    @property
    def passed(self) -> bool:
        """Whether it was tried and the judge found nothing."""
        return not self.problems and self.not_run is None


def not_run(number: int, name: str, seed: int, why: NotRunError) -> RunVerdict:
    """Return the verdict on a run that could not be."""
    return RunVerdict(
        fault=number,
        name=name,
        seed=seed,
        problems=(),
        timeline=(),
        measured=Measurements(),
        not_run=str(why),
    )
