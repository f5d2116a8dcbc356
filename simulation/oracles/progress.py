"""Whether the workers get on: what has no answer yet, and since when."""

from typing import Final

import msgspec
from typing_extensions import override

from faults.judge.view import Place
from simulation.oracles.asked import Asked
from simulation.oracles.commits import Commits

PATIENCE_MS: Final = 600_000
"""So long a request may wait once the faults are over, virtual ms."""


class Lag(msgspec.Struct, frozen=True):
    """A request that waits."""

    place: Place
    waited_ms: int
    """For its answer, or since it was written."""
    answered: bool
    """Whether it waits for the commit only."""
    overdue: bool

    @override
    def __str__(self) -> str:
        what = "answered but not committed" if self.answered else "no answer"
        return f"{what} for {self.waited_ms // 1000} s"


class Progress:
    """Asks what waits.

    Parameters
    ----------
    asked, commits
        What there is to answer, and how far the group has got.
    """

    def __init__(self, asked: Asked, commits: Commits) -> None:
        self._asked = asked
        self._commits = commits
        self.owed_since_ms: int | None = None
        """When the faults ended; None = they have not."""

    def lagging(self, now_ms: int) -> list[Lag]:
        """Return requests without an answer, then those without a commit, one a partition.

        What the group has passed over is not waited for: it is lost.
        """
        found = [
            self._lag(place, since_ms, now_ms, answered=False)
            for place, since_ms in self._asked.waiting.items()
            if place[1] >= self._commits.offsets.get(place[0], 0)
        ]
        unanswered = {one.place[0] for one in found}
        for partition, last in self._asked.last().items():
            if partition in unanswered:
                continue
            committed = self._commits.offsets.get(partition, 0)
            if committed <= last.offset:
                place = (partition, last.offset)
                found.append(self._lag(place, last.timestamp_ms, now_ms, answered=True))
        return found

    def _lag(self, place: Place, since_ms: int, now_ms: int, *, answered: bool) -> Lag:
        owed = self.owed_since_ms
        late = owed is not None and now_ms - max(since_ms, owed) >= PATIENCE_MS
        return Lag(place, now_ms - since_ms, answered, late)
