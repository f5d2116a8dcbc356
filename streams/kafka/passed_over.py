"""Find unanswered requests before the offset where reading begins.

Our own offsets are committed after the acknowledgement of outputs, so all requests
before one have an answer. An offset that somebody else has set guarantees nothing: then
the requests before it are compared with the outputs, newest first, until a step finds
none without an answer. Without an offset, reading begins at the oldest record, and
earlier requests without an output were deleted unread.
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
"""Records checked first; each further step checks ten times as many."""
_RANGES: Final = 20
"""Most ranges of offsets in one log line."""


class PassedOver:
    """Finds, logs and counts unanswered requests.

    Parameters
    ----------
    consumer
        Without a group, reads committed; other uses never overlap.
    bounds
        Size limits under which requests are read and answered.
    mark
        Returns the mark of a record's decision (:class:`Answers`); None = no decision.
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
        """Unanswered requests found before offsets that somebody else has set."""
        self.deleted = 0
        """Records found to be deleted before there was an offset."""

    def look_at_deleted(
        self, where: TopicPartition, start: Start, answers: Answers
    ) -> None:
        """Count records that were deleted before the group had an offset."""
        if start.committed is None and answers.end < start.first == start.due:
            self.deleted += tell_deleted(where, answers.end, start.first)

    async def look(self, where: TopicPartition, start: Start, answers: Answers) -> None:
        """Find requests without an answer before an offset that is not ours.

        Parameters
        ----------
        answers
            Answers to the records from ``start.doubted`` on.

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
                "%s/%d: %d requests before the committed offset %d have no answer in the "
                "outputs, at offsets %s: somebody moved the offset forward, or outputs were "
                "deleted; they stay undecided unless the offset is set back",
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
    """Return ascending offsets as text: ``3 to 7, 9``; a long list is cut."""
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
