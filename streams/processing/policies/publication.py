"""Policy records: a version, its publication (author, reason, ...), and a refusal.

The publication does not affect decisions, so it is no part of the policy or its hash.
"""

from collections.abc import Mapping
from typing import Any, Final, Generic

import msgspec

from streams.errors import PolicyError
from streams.processing.policies.policy import Name, P, Span, Whole
from streams.processing.policies.policy_type import PolicyType
from streams.records.dead_letters import PolicyRefused, UnreadableError


class Publication(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The keys of a policy record beside those of the policy; all are optional."""

    author: Name | None = None
    """The person who published it."""
    reason: Name | None = None
    """The author's reason."""
    published_at_ms: Span | None = None
    """UTC ms."""
    backtest: Name | None = None
    """Id of the backtest report that the change is based on."""
    allow: tuple[Name, ...] = ()
    """Keys whose implausible values are intended."""
    overtakes: tuple[Whole, ...] = ()
    """Waiting versions that will never be in force because of this one."""


KEYS: Final = {field.name: field for field in msgspec.structs.fields(Publication)}

NOT_SAID: Final = Publication()


class PolicyRecord(msgspec.Struct, Generic[P], frozen=True):
    """A policy version and its publication: one value of the topic ``policies``."""

    policy: P
    publication: Publication = NOT_SAID


class Version(msgspec.Struct, Generic[P], frozen=True):
    """A version in use, and its origin."""

    policy: P
    publication: Publication = NOT_SAID
    written_ms: int | None = None
    """Timestamp of its record, UTC ms; None = from a file."""


class Refusal(msgspec.Struct, frozen=True):
    """A policy record that was refused."""

    name: str
    """``FR@7``, or the key of the record when the content names no version."""
    error: UnreadableError | PolicyRefused
    problems: tuple[str, ...]
    written_ms: int


def parse_record(kind: PolicyType[P], fields: Mapping[str, object]) -> PolicyRecord[P]:
    """Check a policy record, or a policy file with publication keys.

    Raises
    ------
    PolicyError
        With one line for every problem found.
    """
    own = {key: value for key, value in fields.items() if key not in KEYS}
    said = {key: value for key, value in fields.items() if key in KEYS}
    problems: list[str] = []
    policy: P | None = None
    try:
        policy = kind.parse(own)
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
            f"allow: {key} is not a key of a policy; remove it"
            for key in allowed
            if key not in kind.fields
        ]
    if problems or policy is None:
        raise PolicyError(problems)
    return PolicyRecord(policy, msgspec.convert(values, Publication))


def as_fields(record: PolicyRecord[Any]) -> dict[str, object]:
    """Return the value of a record: every key of the policy, then those of its publication."""
    kept = msgspec.structs.asdict(record.policy)
    said: dict[str, object] = msgspec.to_builtins(record.publication)
    return {key: value for key, value in kept.items() if value is not None} | said
