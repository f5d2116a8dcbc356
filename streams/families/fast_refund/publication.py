"""What a policy record says of its own publication: who, why, when, on what grounds.

None of it judges, so none of it is part of the policy or of its hash.
"""

from collections.abc import Mapping
from typing import Final

import msgspec

from streams.errors import PolicyError
from streams.families.fast_refund.policy import (
    FIELDS,
    Name,
    Policy,
    Span,
    Whole,
    parse_policy,
)


class Publication(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Beside the keys of the policy in its record; all of it may be absent."""

    author: Name | None = None
    """Who published it."""
    reason: Name | None = None
    """Why, in the author's words."""
    published_at_ms: Span | None = None
    """UTC ms."""
    backtest: Name | None = None
    """Id of the backtest report it was decided on."""
    allow: tuple[Name, ...] = ()
    """Keys whose values are meant although they are implausible."""
    overtakes: tuple[Whole, ...] = ()
    """Waiting versions that will never hold because of this one."""


KEYS: Final = {field.name: field for field in msgspec.structs.fields(Publication)}

NOT_SAID: Final = Publication()


class PolicyRecord(msgspec.Struct, frozen=True):
    """A policy version and its publication: one value of ``refund.policies``."""

    policy: Policy
    publication: Publication = NOT_SAID


def parse_record(fields: Mapping[str, object]) -> PolicyRecord:
    """Check a policy record, or a policy file that says what is meant in it.

    Raises
    ------
    PolicyError
        With one line for every problem found.
    """
    own = {key: value for key, value in fields.items() if key not in KEYS}
    said = {key: value for key, value in fields.items() if key in KEYS}
    problems: list[str] = []
    policy: Policy | None = None
    try:
        policy = parse_policy(own)
    except PolicyError as refused:
        problems += refused.problems
    values: dict[str, object] = {}
    for key, value in said.items():
        try:
            values[key] = msgspec.convert(value, KEYS[key].type)
        except msgspec.ValidationError as problem:
            problems.append(f"{key}: {problem}")
    allowed = values.get("allow", ())
    if isinstance(allowed, tuple):
        problems += [
            f"allow: {key} is no key of a policy; remove it"
            for key in allowed
            if key not in FIELDS
        ]
    if problems or policy is None:
        raise PolicyError(problems)
    return PolicyRecord(policy, msgspec.convert(values, Publication))


def as_fields(record: PolicyRecord) -> dict[str, object]:
    """Return the whole value of a record: every key of the policy, then its publication."""
    kept = msgspec.structs.asdict(record.policy)
    said: dict[str, object] = msgspec.to_builtins(record.publication)
    return {key: value for key, value in kept.items() if value is not None} | said
