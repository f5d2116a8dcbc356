"""What is committed beside an offset: which log it belongs to.

An offset is a number, and any log has a record there sooner or later. Beside it go the
id of the topic and a fingerprint of the last record before it, in the string that the
group keeps for us. Offsets of other origin have none, or one of another offset.
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
    """Fingerprint of a record."""

    offset: int
    timestamp_ms: int
    digest: str
    """Of key and value."""


class Mark(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What was committed beside an offset."""

    v: int = _VERSION
    to: int
    """The offset itself: who moves it without us keeps our string at times."""
    topic: str | None = None
    """Id of the topic; None from a broker without ids."""
    last: LastRecord | None = None
    """The last record before the offset that was read; None when none was."""
    distrusts: str | None = None
    """The version whose fast path was found wrong; None = none was."""


_DECODER: Final = msgspec.json.Decoder(Mark)


def read_mark(text: str | None, offset: int) -> Mark | None:
    """Read what the group keeps beside an offset; None when it is not ours."""
    try:
        mark = _DECODER.decode(text or "")
    except (msgspec.DecodeError, UnicodeError):
        return None
    return mark if (mark.v, mark.to) == (_VERSION, offset) else None


def fingerprint(record: Record) -> LastRecord:
    """Return what tells a record from another one at its offset."""
    digest = blake2b(digest_size=8)
    for part in (record.key, record.value):
        digest.update(b"-" if part is None else b"%d:" % len(part) + part)
    return LastRecord(record.offset, record.timestamp, digest.hexdigest())


class CommitMarks:
    """Marks of the offsets of one group member.

    Parameters
    ----------
    topic_id
        Returns the id of a topic, if it is known.
    """

    def __init__(self, topic_id: Callable[[str], str | None]) -> None:
        self._topic_id = topic_id
        self._last: dict[TopicPartition, LastRecord | None] = {}
        """The last record before what may be committed."""
        self._delivered: dict[TopicPartition, deque[Record]] = {}
        """The last records of slices that may not be committed yet."""
        self._distrusts: dict[TopicPartition, str | None] = {}
        self.distrusts: Callable[[], str | None] = lambda: None
        """Returns our version once its fast path was found wrong."""

    def begin(
        self,
        partition: TopicPartition,
        last: LastRecord | None,
        distrusts: str | None = None,
    ) -> None:
        """Begin a partition behind a record, if one is known.

        ``distrusts`` is what was committed there before; it is kept until a newer
        version says the same of itself, for whoever goes back to the old one.
        """
        self._last[partition] = last
        self._distrusts[partition] = distrusts
        self._delivered[partition] = deque()

    def delivered(self, partition: TopicPartition, record: Record) -> None:
        """Note the last record of a slice.

        One that is not read is left out: what is known of it depends on settings, and
        must not look like another record when these are others.
        """
        if isinstance(record, Unread):
            return
        self._delivered[partition].append(record)

    def text(self, partition: TopicPartition, offset: int) -> str:
        """Return what to commit beside an offset; offsets of a partition never go down."""
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
