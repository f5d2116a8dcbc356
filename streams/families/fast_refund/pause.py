"""The operator's pause (FR-Q3): a record of its own, on top of whatever version holds.

A pause is no policy version: it neither overtakes one that waits nor is overtaken by
one. It counts at the moment of the decision, not at that of the request.
"""

from collections.abc import Mapping
from typing import Final, Literal

import msgspec

from streams.errors import PolicyError
from streams.families.fast_refund.policy import Name, Span

PAUSE_KEY: Final = "FR:pause"
"""Key of the record on ``refund.policies``; the last one counts."""


class Pause(msgspec.Struct, frozen=True, kw_only=True):
    """The last word of the operators on whether the service runs."""

    family: Literal["FR"]
    paused: bool
    """False = resumed."""
    author: Name
    reason: Name
    published_at_ms: Span
    """UTC ms; names the pause in decisions."""
    from_ms: Span | None = None
    """UTC ms, inclusive; null = from the moment a worker reads it."""
    until_ms: Span | None = None
    """UTC ms, exclusive; null = until it is resumed."""

    def holds(self, at_ms: int) -> bool:
        """Whether the service is paused at a moment, UTC ms."""
        return (
            self.paused
            and (self.from_ms is None or self.from_ms <= at_ms)
            and (self.until_ms is None or at_ms < self.until_ms)
        )


KEYS: Final = frozenset(Pause.__struct_fields__)


def parse_pause(fields: Mapping[str, object]) -> Pause:
    """Check a pause record.

    Raises
    ------
    PolicyError
        With one line for every problem found.
    """
    problems = [f"{key}: unknown key; remove it" for key in fields if key not in KEYS]
    values: dict[str, object] = {}
    for field in msgspec.structs.fields(Pause):
        if field.name not in fields:
            if field.required:
                problems.append(f"{field.name}: required; add it")
            continue
        try:
            values[field.name] = msgspec.convert(fields[field.name], field.type)
        except msgspec.ValidationError as problem:
            problems.append(f"{field.name}: {problem}")
    begin, end = values.get("from_ms"), values.get("until_ms")
    if isinstance(begin, int) and isinstance(end, int) and end <= begin:
        problems.append(f"until_ms: {end} is not after from_ms {begin}")
    if problems:
        raise PolicyError(problems)
    return msgspec.convert(values, Pause)
