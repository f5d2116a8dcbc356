"""What there is to see of a run: logs, and committed offsets as they were sampled.

Topics go without their prefix. Nothing here knows how a decision is made.
"""

import hashlib
import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, TypeAlias

from typing_extensions import override

from streams.families.fast_refund.policy import Policy

Header: TypeAlias = tuple[str, bytes | None]
Place: TypeAlias = tuple[int, int]
"""Partition and offset in the input topic."""


@dataclass(frozen=True, slots=True)
class Rec:
    """One record of a log; topics without the prefix.

    A long run has millions of them: what was read out of one is not kept with it.
    """

    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    headers: tuple[Header, ...] = ()
    timestamp_ms: int = 0
    """As the broker keeps it."""
    _identity: tuple[str, bool] | None = field(
        default=None, init=False, repr=False, compare=False
    )

    @override
    def __str__(self) -> str:
        return f"{self.topic}/{self.partition}@{self.offset}"

    def header(self, name: str) -> str | None:
        """The last header of that name, as text."""
        for key, value in reversed(self.headers):
            if key == name and value is not None:
                return value.decode()
        return None

    @property
    def fields(self) -> dict[str, Any]:
        """What the value says, read anew each time: ask once for several fields."""
        found = json.loads(self.value or b"")
        assert isinstance(found, dict)
        return found

    @property
    def identity(self) -> tuple[str, bool]:
        """Decision id, and whether it answers a withdrawal (E-19: a record of its own)."""
        known = self._identity
        if known is None:
            fields = self.fields
            seen = fields.get("seen") or {}
            known = fields["decision_id"], seen.get("action") == "withdraw"
            object.__setattr__(self, "_identity", known)
        return known


@dataclass(frozen=True, slots=True)
class OffsetSample:
    """Offsets of the group, and, looked up after them, the ends of the output topics."""

    committed: Mapping[int, int]
    ends: Mapping[tuple[str, int], int]
    at_ms: int = 0
    """When the look began, UTC ms."""
    input_ends: Mapping[int, int] = field(default_factory=dict)
    """Ends of the input partitions, looked up before ``committed``."""
    alive: int = 0
    """Workers whose process was there."""
    ended_ms: int = 0
    """When the look was over, UTC ms."""


@dataclass(frozen=True, slots=True)
class Heard:
    """One output record as a reader met it while the run went on."""

    topic: str
    partition: int
    offset: int
    digest: bytes
    """Of key, value and headers: :func:`digest_of`."""
    at_ms: int
    """When it was read, UTC ms by the clock of the load."""
    source: Place | None
    """The input offset it answers."""


@dataclass(frozen=True)
class View:
    """Everything there is to see, each partition in the order of its log."""

    input_topic: str
    """With its prefix, as headers name it."""
    inputs: Sequence[Rec]
    outputs: Sequence[Rec]
    """Of approvals, reviews, skipped, dead-letters and notices."""
    samples: Sequence[OffsetSample] = ()
    policies: Mapping[str, Policy] = field(default_factory=dict)
    unread: Mapping[int, int] = field(default_factory=dict)
    """By partition, offsets at its end that hold no record for us: aborted, markers."""
    facts: Sequence[Rec] = ()
    """Of orders, buyers, outcomes, shops and catalog, each partition in the order of its log."""
    sent: Mapping[Place, int] = field(default_factory=dict)
    """Requests the broker acknowledged to the load, with the moment (UTC ms) at which each
    was meant to be sent; empty when the load did not keep book."""
    heard: Sequence[Heard] = ()
    """What a reader met during the run, in the order it met it."""
    partitions: int = 0
    """Of every topic but policies; 0 = nobody told."""
    cut_off: Sequence[tuple[int, int]] = ()
    """From and until when, UTC ms, no worker could reach the broker, though we could."""

    @cached_property
    def decisions(self) -> list[Rec]:
        return [
            rec
            for rec in self.outputs
            if rec.topic in ("approvals", "reviews", "skipped")
        ]

    @cached_property
    def notices(self) -> list[Rec]:
        return [rec for rec in self.outputs if rec.topic == "notices"]

    @cached_property
    def dead(self) -> list[Rec]:
        return [rec for rec in self.outputs if rec.topic == "dead-letters"]

    @cached_property
    def answers(self) -> dict[Place, list[Rec]]:
        """Outputs by the input offset they say they answer."""
        found: dict[Place, list[Rec]] = defaultdict(list)
        for rec in (*self.decisions, *self.dead):
            where = answered_place(rec, self.input_topic)
            if where is not None:
                found[where].append(rec)
        return dict(found)

    @cached_property
    def first(self) -> dict[tuple[str, bool], Rec]:
        """What a reader is left with: the first record of every identity."""
        found: dict[tuple[str, bool], Rec] = {}
        for rec in self.decisions:
            found.setdefault(rec.identity, rec)
        return found

    def reasons(self, decision_id: str, *, withdrawal: bool = False) -> frozenset[str]:
        """Reason codes of a decision."""
        return frozenset(self.first[decision_id, withdrawal].fields["reason_codes"])

    def codes(self) -> set[str]:
        """Every reason code that any decision has."""
        return {
            code for rec in self.first.values() for code in rec.fields["reason_codes"]
        }


def answered_place(rec: Rec, input_topic: str) -> Place | None:
    """The input offset a record answers; None when it answers something else."""
    names = (
        ("refund_dlq_topic", "refund_dlq_partition", "refund_dlq_offset")
        if rec.topic == "dead-letters"
        else ("source_topic", "source_partition", "source_offset")
    )
    topic, partition, offset = (rec.header(name) for name in names)
    if topic != input_topic or partition is None or offset is None:
        return None
    return int(partition), int(offset)


def digest_of(
    key: bytes | None, value: bytes | None, headers: Sequence[Header]
) -> bytes:
    """Return a digest by which two records are told apart."""
    return hashlib.blake2b(
        repr((key, value, tuple(headers))).encode(), digest_size=16
    ).digest()
