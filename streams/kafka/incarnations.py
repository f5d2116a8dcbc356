"""Whether the logs behind some topics' names are still those that a process began with.

A topic that is deleted and made anew keeps its name; partitions that are added keep all
names, and move keys. aiokafka reads on in either case, at whatever stands at its position
now. So the ids and partition counts are compared again and again, far oftener than
clients renew their metadata.
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
"""A broker that has just started may not know a topic yet; after this it is gone."""


class Expected(msgspec.Struct, frozen=True, kw_only=True):
    """What a topic must stay."""

    partitions: int
    advice: str
    """What to do once it has changed."""


_OF_INPUT: Final = (
    "what it held and nobody decided is gone, ask its senders for it; then start the "
    "workers again"
)
_OF_FACTS: Final = (
    "what is remembered of it may be true no longer; see that its feed has written all of "
    "it again, vetoes and exclusions too, then start the workers again"
)


def expected(topics: Iterable[PlacedTopic]) -> dict[str, Expected]:
    """Return what inputs and facts must stay under a worker that reads them, by name."""
    advice = {"input": _OF_INPUT, "fact": _OF_FACTS, "shared_fact": _OF_FACTS}
    return {
        one.name: Expected(partitions=one.partitions, advice=advice[one.row.kind])
        for one in topics
        if one.row.kind in advice
    }


class Incarnations:
    """Ids of topics as they were first seen; a change is the end of this process.

    Parameters
    ----------
    ask
        Asks the brokers for topics by name; those they do not know are left out.
    topics
        By name, what is expected of each.
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
        """When the last look that found everything unchanged began, monotonic ms."""

    def id_of(self, topic: str) -> str | None:
        """Return the id of a topic; None before the first look, or from an old broker."""
        return self._ids.get(topic)

    async def look(self) -> None:
        """Compare the topics with what they were; the first look notes their ids.

        Raises
        ------
        TopicsError
            One was made anew, has other partitions, or has been missing for long.
        KafkaError
            No broker answers, or a topic is missing: nobody knows.
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
        """Look until the brokers tell; before anything of the topics is believed.

        Raises
        ------
        TopicsError
            As :meth:`look`.
        KafkaError
            One that waiting does not mend.
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
            return f"{name}: deleted while it was read; {expected.advice}"
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
            f"{name}: deleted and made anew while it was read (it had the id {first}, "
            f"now {now.topic_id}); {expected.advice}"
        )


async def patiently(look: Callable[[], Awaitable[None]]) -> None:
    """Look until the brokers tell.

    Raises
    ------
    TopicsError
        As ``look``.
    KafkaError
        One that waiting does not mend.
    """
    while True:
        try:
            await look()
        except KafkaError as problem:
            if not problem.retriable:
                raise
            log.debug("topics not looked at yet: %s", problem)
            await asyncio.sleep(_ASK_AGAIN_S)
        else:
            return
