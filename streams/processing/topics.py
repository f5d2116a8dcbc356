"""The topic registry: one row per topic, from which every list of topics derives."""

from collections.abc import Iterable, Iterator
from typing import Final, Literal, TypeAlias

import msgspec

_DAY_MS: Final = 86_400_000

Kind: TypeAlias = Literal["input", "fact", "shared_fact", "output", "dead_letters"]
"""``input``: judged, one answer per record. ``fact``: partitioned like the input and
read with it. ``shared_fact``: read completely by every worker. ``output``: answers,
written to the partition number of the input record."""


class Retention(msgspec.Struct, frozen=True):
    """How long records of a topic stay."""

    cleanup: Literal["delete", "compact"]
    kept_ms: int | None = None
    """For ``delete``: retention, ms. For ``compact``: how long no record of a key is
    removed, ms; None = the broker may compact at once."""


KEPT_14_DAYS: Final = Retention("delete", 14 * _DAY_MS)
KEPT_30_DAYS: Final = Retention("delete", 30 * _DAY_MS)
KEPT_180_DAYS: Final = Retention("delete", 180 * _DAY_MS)
COMPACTED: Final = Retention("compact")
COMPACTED_NEVER: Final = Retention("compact", (1 << 63) - 1)
"""Readers need only the last record per key, but no record is ever removed."""


class Topic(msgspec.Struct, frozen=True, kw_only=True):
    """One topic: its purpose and its required configuration."""

    name: str
    """Name without the prefix of the settings; for a topic that is not ours, its
    default name."""
    setting: str | None = None
    """Key of ``[topics]`` that holds the full name of a topic that is not ours."""
    kind: Kind
    family: str | None
    """Code of the family that owns it; None = all families share it."""
    key: str
    """Meaning of the record key, in Markdown, for pages."""
    partition_key: str | None
    """The field whose hash chooses the partition; None = the topic has one partition."""
    retention: Retention
    records: tuple[str, ...]
    """Schema names of its records, as in ``docs/schemas``."""
    written_by: tuple[str, ...]
    """Worker roles and others that write it."""
    read_by: tuple[str, ...] = ()
    """Worker roles that read it."""
    letter_bytes: int | None = None
    """``max.message.bytes``, where records of other topics must fit; None = the
    broker's default."""


DEAD_LETTERS: Final = Topic(
    name="dead-letters",
    kind="dead_letters",
    family=None,
    key="as it came",
    partition_key="the partition of the record",
    retention=KEPT_30_DAYS,
    records=(),
    written_by=("decide", "watch", "ingest"),
    read_by=("decide",),
    letter_bytes=4_194_304,
)
"""Above the largest record of a topic with default limits (1 MiB) and its headers."""

POLICIES: Final = Topic(
    name="policies",
    kind="shared_fact",
    family=None,
    key="`CODE@VERSION`, `CODE:pause`, `CODE:breaker`",
    partition_key=None,
    retention=COMPACTED_NEVER,
    records=("policy", "pause", "breaker-reset"),
    written_by=("operator",),
    read_by=("decide", "watch"),
)
"""Compaction would keep the last record of a version, which may be a refused one, and
remove the one that judged. The records are few, so none is removed."""


class FamilyTopics(msgspec.Struct, frozen=True, kw_only=True):
    """The topics that one family reads and writes."""

    input: Topic
    facts: tuple[Topic, ...] = ()
    """Fact topics, partitioned like the input."""
    shared_facts: tuple[Topic, ...] = ()
    """Fact topics that every worker reads completely; ``policies`` is the last."""
    outputs: tuple[Topic, ...]
    """Output topics; ``dead-letters`` is the last."""
    dated: str | None = None
    """Name of the fact topic whose last read to its end is recorded, because there the
    absence of a fact permits something."""
    audited: str | None = None
    """Name of the fact topic whose rows are checked after the load."""

    def __post_init__(self) -> None:
        """Refuse rows that contradict each other.

        Raises
        ------
        ValueError
            A programming error.
        """
        for row in self.facts:
            if row.partition_key != self.input.partition_key:
                raise ValueError(
                    f"{row.name} is read with {self.input.name}, but goes by "
                    f"{row.partition_key}, not by {self.input.partition_key}"
                )
        if self.outputs[-1:] != (DEAD_LETTERS,):
            raise ValueError(f"{self.input.name}: dead-letters is no last output")
        if self.shared_facts[-1:] != (POLICIES,):
            raise ValueError(f"{self.input.name}: policies is no last shared fact")

    def rows(self) -> Iterator[Topic]:
        """Yield every topic once."""
        yield self.input
        yield from self.facts
        yield from self.shared_facts
        yield from self.outputs


def registry(
    families: Iterable[FamilyTopics], others: Iterable[Topic] = ()
) -> tuple[Topic, ...]:
    """Return the rows of all families in their order, then others; each topic once.

    Raises
    ------
    ValueError
        Two families declare one topic differently: a programming error.
    """
    found: dict[str, Topic] = {}
    for row in (*(row for topics in families for row in topics.rows()), *others):
        if found.setdefault(row.name, row) != row:
            raise ValueError(f"{row.name} is declared twice, and differently")
    return tuple(found.values())
