"""One policy version: the keys that all families have, its name and its hash."""

import json
from hashlib import sha256
from typing import Annotated, Final, TypeVar

import msgspec

Whole = Annotated[int, msgspec.Meta(ge=1)]
"""A count, an amount or a duration that must not be zero."""
Span = Annotated[int, msgspec.Meta(ge=0)]
"""A span or moment in ms; zero is allowed."""
Name = Annotated[str, msgspec.Meta(min_length=1)]

HASH_DIGITS: Final = 12
"""48 bits: enough to notice a mistake, and short enough to be read out."""


class AnyPolicy(msgspec.Struct, frozen=True, eq=False, kw_only=True):
    """One version of any family's policy; a family adds its own keys.

    Two policies are equal only when they are the same object, so that values derived
    from a policy can be cached per policy at no cost.
    """

    family: str
    """Code of the rule family; each family has its own policy."""
    version: Whole
    """Each change has a higher one; family and version name the policy in decisions."""
    effective_from_ms: Span
    """R-08, E-15: UTC ms; in force for requests made at or after it."""

    @property
    def name(self) -> str:
        """``FR@1``: how decisions name this policy."""
        return f"{self.family}@{self.version}"

    @property
    def policy_hash(self) -> str:
        """Return twelve hex digits that distinguish this policy from others of the same name.

        The beginning of the SHA-256 of :func:`canonical_bytes`; decisions carry it
        beside the name. Computed anew at each call.
        """
        return sha256(canonical_bytes(self)).hexdigest()[:HASH_DIGITS]


P = TypeVar("P", bound=AnyPolicy)


def canonical_bytes(policy: AnyPolicy) -> bytes:
    """Return the canonical form of a policy: JSON, keys sorted, without options that are off.

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
