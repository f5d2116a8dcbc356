"""Requests before the place where reading begins that no output answers.

Ours are committed behind acknowledged outputs, so all requests before such an offset have
an answer. An offset that somebody else has set vouches for nothing: then the requests
before it are held against the outputs, the newest first, as far back as there is one
without an answer. Without any offset reading begins at the oldest record, and what the
outputs do not answer before it was deleted unread.
"""

import logging
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any, Final

from aiokafka import AIOKafkaConsumer, TopicPartition

from streams.errors import FactsUnreadableError
from streams.kafka.errors import translating
from streams.kafka.input_log import Start, tell_deleted
from streams.processing.answers import Answers
from streams.records.record import Record
from streams.records.unread import Bounds, bounded

log = logging.getLogger(__name__)

_POLL_MS: Final = 100
_WINDOW: Final = 1_000
"""Records looked at first; ten times as many in each further look."""
_RANGES: Final = 20
"""Ranges of offsets in one line of the log."""


class PassedOver:
    """Looks for them, tells of them, and counts.

    Parameters
    ----------
    consumer
        Without a group, reads committed; assigned to something else only in between.
    bounds
        Those under which requests are read and answered.
    mark
        Returns the mark of a record's decision (:class:`Answers`); None = it gets none.
    """

    def __init__(
        self,
        consumer: AIOKafkaConsumer,
        bounds: Bounds,
        mark: Callable[[Record], int | None],
    ) -> None:
        self._consumer = consumer
        self._bounds = bounds
        self._mark = mark
        self.unanswered = 0
        """Requests before an offset that somebody else has set, so far."""
        self.deleted = 0
        """Records deleted before there was any offset, so far."""

    def look_at_deleted(
        self, where: TopicPartition, start: Start, answers: Answers
    ) -> None:
        """Look for records that were deleted before the group had an offset."""
        if start.committed is None and answers.end < start.first == start.due:
            self.deleted += tell_deleted(where, answers.end, start.first)

    async def look(self, where: TopicPartition, start: Start, answers: Answers) -> None:
        """Look for requests without an answer before an offset that is not ours.

        Parameters
        ----------
        answers
            What outputs say of the records from ``start.doubted`` on.

        Raises
        ------
        FactsUnreadableError
            The broker refuses.
        """
        with translating(f"reading {where.topic} back failed", FactsUnreadableError):
            found = await self._find(where, start, answers)
        if found:
            self.unanswered += len(found)
            log.error(
                "%s/%d: %d requests before the group's offset %d have no answer in the "
                "outputs, at offsets %s: somebody moved the offset forward, or outputs "
                "were deleted; they are not decided unless it is set back",
                *where,
                len(found),
                start.offset,
                ranges_of(found),
            )

    async def _find(
        self, where: TopicPartition, start: Start, answers: Answers
    ) -> list[int]:
        found: list[int] = []
        high, size = start.offset, _WINDOW
        while high > start.doubted:
            low = max(start.doubted, high - size)
            answered = False
            window: list[int] = []
            async for record in self._records(where, low, high):
                if answers.fit(record, self._mark(record)):
                    answered = True
                else:
                    window.append(record.offset)
            found = window + found
            if answered:
                break
            high, size = low, size * 10
        answers.unfit.clear()
        return found

    async def _records(
        self, where: TopicPartition, low: int, high: int
    ) -> AsyncIterator[Record]:
        consumer = self._consumer
        consumer.assign([where])
        consumer.seek(where, low)
        while await consumer.position(where) < high:
            polled: dict[Any, list[Record]] = await consumer.getmany(
                timeout_ms=_POLL_MS, max_records=_WINDOW
            )
            for record in bounded(polled.get(where, []), self._bounds):
                if record.offset < high:
                    yield record
        consumer.pause(where)


def ranges_of(offsets: Sequence[int]) -> str:
    """Return ascending offsets as text: ``3 to 7, 9``; what is too long is cut."""
    ranges: list[list[int]] = []
    for offset in offsets:
        if ranges and offset == ranges[-1][1] + 1:
            ranges[-1][1] = offset
        else:
            ranges.append([offset, offset])
    told = [
        str(first) if first == last else f"{first} to {last}"
        for first, last in ranges[:_RANGES]
    ]
    left = len(ranges) - len(told)
    return ", ".join(told) + (f" and {left} more ranges" if left else "")
