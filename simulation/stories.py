"""What comes in: scenarios at their moments, and what else is written meanwhile.

Numbers are those of the scenarios' ids (order ``o-000123-1``). An item that refers to a
story that is not in the plan does nothing, so any item can be left out.
"""

from typing import Literal, TypeAlias

import msgspec
from typing_extensions import override

from simulation.actions.base import At

Late = Literal["nothing", "orders", "buyers", "all"]
Change = Literal["limit", "ages", "pause", "resume"]


class Story(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag=True
):
    """One scenario of :mod:`testkit.scenarios`, spread over time."""

    number: int
    """Unique in its plan."""
    scenario: str
    facts_us: int
    """When its first facts are written; 0 = they are there when the universe begins."""
    late: Late = "nothing"
    """Facts that are written only ``late_us`` after its first request."""
    late_us: int = 0
    asks_us: int
    """When its first request is written."""
    gap_us: int = 0
    """Between its requests of one wave."""
    apart_us: int
    """From one wave to the next: facts change, and later requests follow."""
    again_us: tuple[int, ...] = ()
    """µs after its first request when that is delivered again, and again."""

    def told(self) -> str:
        """Return what it is, as one line for a person."""
        late = "" if self.late == "nothing" else f", {self.late} late"
        again = f", delivered {len(self.again_us) + 1} times" if self.again_us else ""
        return f"story {self.number} asks: {self.scenario}{late}{again}"


class TurnOrder(At, frozen=True, kw_only=True):
    """The order of a story ships (even version), or that is taken back (odd)."""

    number: int
    version: int
    """Above those that scenarios write."""

    @override
    def told(self) -> str:
        status = "paid" if self.version % 2 else "shipped"
        return f"the order of story {self.number} is {status} (version {self.version})"


class DropOrder(At, frozen=True, kw_only=True):
    """A tombstone for the order of a story."""

    number: int

    @override
    def told(self) -> str:
        return f"the order of story {self.number} is deleted"


class VetoOrder(At, frozen=True, kw_only=True):
    """An operator's veto on the order of a story, or its end."""

    number: int
    stands: bool = True

    @override
    def told(self) -> str:
        what = "vetoed" if self.stands else "no longer vetoed"
        return f"the order of story {self.number} is {what}"


class FailPayout(At, frozen=True, kw_only=True):
    """The payout of a story's first refund failed."""

    number: int

    @override
    def told(self) -> str:
        return f"the payout of story {self.number} fails"


class WriteUnreadable(At, frozen=True, kw_only=True):
    """A record that nobody can read."""

    topic: Literal["requests", "orders", "buyers", "outcomes"]
    partition: int
    which: int
    """Number of the value in the list of bad ones; goes round."""

    @override
    def told(self) -> str:
        return f"{self.topic}/{self.partition}: a record that nobody can read"


class ChangePolicy(At, frozen=True, kw_only=True):
    """The operator publishes a policy version, a pause, or its end."""

    what: Change
    version: int
    """Of a limit or of ages; unique in its plan."""
    from_us: int
    """Requests made from then on are judged by it: may be before the universe began. A
    pause holds from the moment at which it is read."""

    @override
    def told(self) -> str:
        told = {
            "limit": f"policy version {self.version} has a lower limit",
            "ages": f"policy version {self.version} finds facts stale after a second",
            "pause": "the operator pauses the service",
            "resume": "the operator resumes the service",
        }
        return told[self.what]


class Silence(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Feeds write no watermarks for a while."""

    from_us: int
    until_us: int


Extra: TypeAlias = (
    TurnOrder | DropOrder | VetoOrder | FailPayout | WriteUnreadable | ChangePolicy
)


class TrafficPlan(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True
):
    """Everything that is written into a universe."""

    stories: tuple[Story, ...]
    extras: tuple[Extra, ...] = ()
    policies_us: int = 0
    """When the policy versions are published; before, the shipped policy judges."""
    beat_ms: int = 500
    """Between watermarks of the feeds."""
    silences: tuple[Silence, ...] = ()
