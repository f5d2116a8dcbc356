"""The names by which the oracles know topics and group."""

from collections.abc import Mapping
from typing import Final, Literal, TypeAlias

import msgspec

from streams.families.fast_refund.topics import CODE, TOPICS
from streams.processing.topics import DEAD_LETTERS
from streams.settings import Settings

Role: TypeAlias = Literal["input", "decision", "letter", "notice", "fact"]

_FACTS: Final = (*TOPICS.facts, *TOPICS.shared_facts)


class Names(msgspec.Struct, frozen=True):
    """Topics and group of the fast refund in one installation."""

    prefix: str
    group: str
    partitions: int

    @property
    def input_topic(self) -> str:
        """Full name of the input topic."""
        return self.prefix + TOPICS.input.name

    def roles(self) -> Mapping[str, tuple[Role, str]]:
        """Full name of a topic -> its role, and its name without the prefix."""
        found: dict[str, tuple[Role, str]] = {}
        found[self.input_topic] = ("input", TOPICS.input.name)
        for row in TOPICS.outputs:
            if row == DEAD_LETTERS:
                role: Role = "letter"
            else:
                role = "decision" if "decision" in row.records else "notice"
            found[self.prefix + row.name] = (role, row.name)
        for row in _FACTS:
            found[self.prefix + row.name] = ("fact", row.name)
        return found


def names_of(settings: Settings) -> Names:
    """Return the names that a worker with these settings uses."""
    return Names(
        settings.topics.prefix, settings.group_of(CODE), settings.topics.partitions
    )
