"""Marks committed with offsets: they identify the log of an offset.

An offset is a number, and sooner or later any log has a record there. So the topic id
and a fingerprint of the last record before the offset are committed with it, in the
metadata string that the group keeps. Offsets that others set have no mark, or one of
another offset.
"""

from collections import deque
from collections.abc import Callable
from hashlib import blake2b
from typing import Final

import msgspec
from aiokafka import TopicPartition

from streams.records.record import Record
from streams.records.unread import Unread

_VERSION: Final = 1


class LastRecord(msgspec.Struct, frozen=True, array_like=True):
    """The fingerprint of a record."""

    offset: int
    timestamp_ms: int
    digest: str
    """Digest of key and value."""


class Mark(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The mark committed with an offset."""

    v: int = _VERSION
    to: int
    """The offset itself: a tool that moves an offset sometimes keeps our string."""
    topic: str | None = None
    """Id of the topic; None = the broker has no ids."""
    last: LastRecord | None = None
    """The last record read before the offset; None = none was read."""
    distrusts: str | None = None
    """The program version whose fast path was found wrong; None = no version."""


_DECODER: Final = msgspec.json.Decoder(Mark)


def read_mark(text: str | None, offset: int) -> Mark | None:
    """Decode the metadata string of an offset; None when it is not ours."""
    try:
        mark = _DECODER.decode(text or "")
    except (msgspec.DecodeError, UnicodeError):
        return None
    return mark if (mark.v, mark.to) == (_VERSION, offset) else None


def fingerprint(record: Record) -> LastRecord:
    """Return the fingerprint that distinguishes a record from another at the same offset."""
    digest = blake2b(digest_size=8)
    for part in (record.key, record.value):
        digest.update(b"-" if part is None else b"%d:" % len(part) + part)
    return LastRecord(record.offset, record.timestamp, digest.hexdigest())


class CommitMarks:
    """Builds the marks for one group member's offsets.

    Parameters
    ----------
    topic_id
        Returns the id of a topic; None = unknown.
    """

    def __init__(self, topic_id: Callable[[str], str | None]) -> None:
        self._topic_id = topic_id
        self._last: dict[TopicPartition, LastRecord | None] = {}
        """Partition -> last record before the committable offset."""
        self._delivered: dict[TopicPartition, deque[Record]] = {}
        """Partition -> last records of slices that may not be committed yet."""
        self._distrusts: dict[TopicPartition, str | None] = {}
        self.distrusts: Callable[[], str | None] = lambda: None
        """Returns our program version if its fast path was found wrong."""

    def begin(
        self,
        partition: TopicPartition,
        last: LastRecord | None,
        distrusts: str | None = None,
    ) -> None:
        """Start a partition after a record, if one is known.

        ``distrusts`` is the committed value; it is kept until a newer version's fast
        path is found wrong too, so that it still counts after a return to the old
        version.
        """
        self._last[partition] = last
        self._distrusts[partition] = distrusts
        self._delivered[partition] = deque()

    def delivered(self, partition: TopicPartition, record: Record) -> None:
        """Note the last record of a slice.

        Unread records are left out: their fingerprint would depend on settings, and
        must not look like another record when these change.
        """
        if isinstance(record, Unread):
            return
        self._delivered[partition].append(record)

    def text(self, partition: TopicPartition, offset: int) -> str:
        """Return the metadata string for an offset; offsets of a partition never decrease."""
        waiting = self._delivered.get(partition, deque())
        last = None
        while waiting and waiting[0].offset < offset:
            last = waiting.popleft()
        if last is not None:
            self._last[partition] = fingerprint(last)
        mark = Mark(
            to=offset,
            topic=self._topic_id(partition.topic),
            last=self._last.get(partition),
            distrusts=self.distrusts() or self._distrusts.get(partition),
        )
        return msgspec.json.encode(mark).decode()
