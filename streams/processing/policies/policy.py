"""One version of a policy: what every family's has, its name, and its hash."""

import json
from hashlib import sha256
from typing import Annotated, Final, TypeVar

import msgspec

Whole = Annotated[int, msgspec.Meta(ge=1)]
"""A count, an amount or a span that means nothing at zero."""
Span = Annotated[int, msgspec.Meta(ge=0)]
"""A span or moment in ms; zero is allowed."""
Name = Annotated[str, msgspec.Meta(min_length=1)]

HASH_DIGITS: Final = 12
"""48 bits: enough to notice a mistake, and short enough to be read out."""


class AnyPolicy(msgspec.Struct, frozen=True, eq=False, kw_only=True):
    """What one version of any family's policy says; a family adds its own keys.

    Two policies are equal only when they are the same object, so that what is
    derived from a policy can be kept per policy at no cost.
    """

    family: str
    """Rule family; each family is a policy of its own."""
    version: Whole
    """Raised by every change; with the family it names the policy in decisions."""
    effective_from_ms: Span
    """R-08, E-15: UTC ms; in force for requests made at or after it."""

    @property
    def name(self) -> str:
        """``FR@1``: how decisions name this policy."""
        return f"{self.family}@{self.version}"

    @property
    def policy_hash(self) -> str:
        """Return twelve hex digits that tell this policy from any other of its name.

        The beginning of the SHA-256 of :func:`canonical_bytes`; decisions carry it
        beside the name. Computed anew at each call.
        """
        return sha256(canonical_bytes(self)).hexdigest()[:HASH_DIGITS]


P = TypeVar("P", bound=AnyPolicy)


def canonical_bytes(policy: AnyPolicy) -> bytes:
    """Return the one spelling of a policy: JSON, keys sorted, every value that is not off.

    An option that is off (false or null) is left out. So a later version of this
    program can bring a new option without changing the hash of a policy that does not
    use it, and records written before it can still be verified.
    """
    kept = {
        key: value
        for key, value in msgspec.structs.asdict(policy).items()
        if value is not None and value is not False
    }
    text = json.dumps(kept, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return text.encode()


def full_name(name: str, policy_hash: str | msgspec.UnsetType | None) -> str:
    """Return ``FR@7 (hash 1234567890ab)``, or the name alone where no hash is recorded."""
    return f"{name} (hash {policy_hash})" if isinstance(policy_hash, str) else name
