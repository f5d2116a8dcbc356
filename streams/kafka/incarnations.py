"""Detect topics that were deleted and created again, or repartitioned.

A topic that is deleted and created again keeps its name, and added partitions move
keys. In both cases aiokafka reads on, at whatever record is at its position now. So
topic ids and partition counts are compared far more often than clients refresh their
metadata.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping
from typing import Final

import msgspec
from aiokafka.errors import KafkaError, UnknownTopicOrPartitionError

from streams.errors import TopicsError
from streams.kafka.aiokafka_internals.topic_ids import TopicNow
from streams.settings.topics import PlacedTopic

log = logging.getLogger(__name__)

_ASK_AGAIN_S: Final = 0.1
_MISSING_MS: Final = 10_000
"""A just started broker may not know a topic yet; missing for longer, ms, it counts as
deleted."""


class Expected(msgspec.Struct, frozen=True, kw_only=True):
    """What must not change about a topic."""

    partitions: int
    advice: str
    """What to do when it has changed."""


_OF_INPUT: Final = (
    "its undecided requests are lost: ask their senders to send them again, then "
    "restart the workers"
)
_OF_FACTS: Final = (
    "the facts in memory may no longer be true: make sure that its feed has written all of "
    "them again, vetoes and exclusions too, then restart the workers"
)


def expected(topics: Iterable[PlacedTopic]) -> dict[str, Expected]:
    """Return, by name, what must not change about inputs and facts that a worker reads."""
    advice = {"input": _OF_INPUT, "fact": _OF_FACTS, "shared_fact": _OF_FACTS}
    return {
        one.name: Expected(partitions=one.partitions, advice=advice[one.row.kind])
        for one in topics
        if one.row.kind in advice
    }


class Incarnations:
    """The topic ids as first seen; a change ends the process.

    Parameters
    ----------
    ask
        Asks the brokers for topics by name; unknown ones are missing in the answer.
    topics
        Name -> what must not change.
    clock_ms
        Monotonic ms.
    """

    def __init__(
        self,
        ask: Callable[[Collection[str]], Awaitable[Mapping[str, TopicNow]]],
        topics: Mapping[str, Expected],
        clock_ms: Callable[[], int],
    ) -> None:
        self._ask = ask
        self._topics = topics
        self._clock_ms = clock_ms
        self._ids: dict[str, str] = {}
        self._seen_ms: dict[str, int] = {}
        self.looked_ms: int | None = None
        """When the last check that found everything unchanged began, monotonic ms."""

    def id_of(self, topic: str) -> str | None:
        """Return the id of a topic; None before the first look, or from an old broker."""
        return self._ids.get(topic)

    async def look(self) -> None:
        """Check that the topics are unchanged; the first check notes their ids.

        Raises
        ------
        TopicsError
            A topic was created again, has other partitions, or has been missing for too
            long.
        KafkaError
            No broker answers, or a topic is missing: unknown.
        """
        began_ms = self._clock_ms()
        found = await self._ask(self._topics)
        problems = [
            problem
            for name, expected in self._topics.items()
            if (problem := self._compare(name, expected, found.get(name)))
        ]
        if problems:
            raise TopicsError(problems)
        missing = sorted(self._topics.keys() - found)
        if missing:
            raise UnknownTopicOrPartitionError(", ".join(missing))
        self.looked_ms = began_ms

    async def look_patiently(self) -> None:
        """Repeat :meth:`look` until the brokers answer; called before any record is used.

        Raises
        ------
        TopicsError
            As :meth:`look`.
        KafkaError
            An error that waiting does not resolve.
        """
        await patiently(self.look)

    def _compare(
        self, name: str, expected: Expected, now: TopicNow | None
    ) -> str | None:
        now_ms = self._clock_ms()
        if now is None:
            gone_ms = now_ms - self._seen_ms.setdefault(name, now_ms)
            if gone_ms <= _MISSING_MS:
                return None
            return f"{name}: deleted while in use; {expected.advice}"
        self._seen_ms[name] = now_ms
        if now.partitions != expected.partitions:
            return (
                f"{name}: {now.partitions} partitions now, {expected.partitions} when "
                f"this worker began (adding partitions moves keys); {expected.advice}"
            )
        if now.topic_id is None:
            return None
        first = self._ids.setdefault(name, now.topic_id)
        if first == now.topic_id:
            return None
        return (
            f"{name}: deleted and recreated while in use (its id was {first}, "
            f"now {now.topic_id}); {expected.advice}"
        )


async def patiently(look: Callable[[], Awaitable[None]]) -> None:
    """Repeat :meth:`look` until the brokers answer.

    Raises
    ------
    TopicsError
        As ``look``.
    KafkaError
        An error that waiting does not resolve.
    """
    while True:
        try:
            await look()
        except KafkaError as problem:
            if not problem.retriable:
                raise
            log.debug("topics not checked yet: %s", problem)
            await asyncio.sleep(_ASK_AGAIN_S)
        else:
            return
