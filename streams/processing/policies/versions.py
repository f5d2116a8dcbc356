"""The versions of one policy: find those in force and those missing."""

from collections.abc import Iterable
from itertools import islice
from typing import Final, Generic, Literal, Self, TypeAlias

import msgspec

from streams.processing.policies.policy import P

MISSING_MAX: Final = 10
"""Most missing version numbers that are listed."""

State: TypeAlias = Literal["in_force", "waiting", "overtaken", "past"]
"""``waiting`` = will be in force, ``overtaken`` = announced, but a higher version will
be in force by then, ``past`` = not in force, or no longer."""


class Policies(tuple[P, ...], Generic[P]):  # noqa: SLOT001 - a tuple takes no named slots
    """Versions of one family, lowest first; of equal versions, the one given later wins.

    Their numbers have no gap. A missing version may be in force since any moment, so
    below it no policy is known to be in force.

    Parameters
    ----------
    known_to
        The highest version that is known to exist, available or not; 0 = none but those
        given.
    """

    newest: P | None
    """The highest version; None when there is none, or a higher one is missing."""
    known_to: int

    def __new__(cls, versions: Iterable[P] = (), known_to: int = 0) -> Self:
        """Sort the versions; each number counts once."""
        by_version = {policy.version: policy for policy in versions}
        found = super().__new__(cls, (by_version[one] for one in sorted(by_version)))
        highest = max(by_version, default=0)
        found.known_to = max(highest, known_to)
        found.newest = found[-1] if found and found.known_to == highest else None
        return found

    def at(self, at_ms: int) -> P | None:
        """R-08, E-15: return the highest version in force at a moment, UTC ms.

        The moment of a request is ``requested_at_ms``, or ``decided_at_ms`` without one
        (E-14). None = no version was in force yet, or a missing higher one may have
        been: unknown is never approved.
        """
        next_version = self.known_to + 1
        for policy in reversed(self):
            if policy.version + 1 < next_version:
                return None
            if policy.effective_from_ms <= at_ms:
                return policy
            next_version = policy.version
        return None

    def state_of(self, policy: P, at_ms: int) -> State:
        """Return the state of a version for requests made at a moment, UTC ms."""
        if policy is self.at(at_ms):
            return "in_force"
        if policy.effective_from_ms <= at_ms:
            return "past"
        for other in self:
            if (
                other.version > policy.version
                and other.effective_from_ms <= policy.effective_from_ms
            ):
                return "overtaken"
        return "waiting"

    def missing(self) -> tuple[int, ...]:
        """Return the missing numbers between the lowest version and the highest known one.

        At most :data:`MISSING_MAX` of them: the highest.
        """
        lowest = self[0].version if self else self.known_to
        held = {policy.version for policy in self}
        numbers = (one for one in range(self.known_to, lowest, -1) if one not in held)
        found = tuple(islice(numbers, MISSING_MAX))
        if not self and self.known_to:
            found = (self.known_to, *found)
        return found[::-1]

    def named(self, name: str, policy_hash: str | msgspec.UnsetType | None) -> P | None:
        """Return exactly the policy that a decision names; None when it is not available.

        Parameters
        ----------
        name, policy_hash
            As in the decision record. Records of version 0.1.0 have no hash: the name
            is enough.
        """
        for policy in self:
            if policy.name == name and policy_hash in (
                policy.policy_hash,
                msgspec.UNSET,
            ):
                return policy
        return None
