"""Facts that a request names and the tables lack: looked for once more.

A sender may write buyer, order and request in one go; the request can then be here
before the facts are applied. So what is missing is looked for before it is judged,
once a poll. An order or a buyer that is not there is the reason for a person's work, so
it is looked for each time. A shop without a row is covered (FR-1.2a), and most shops
have none: each is looked for once, and known to have no row from then on, because its
row would arrive like any other change of a fact.
"""

from collections.abc import Iterable
from typing import Final

from aiokafka import TopicPartition

from streams.agents.missing import Missing
from streams.kafka.facts import FactsReader

_SOUGHT_MAX: Final = 100_000
"""Shops known to have no row, some 10 MB; beyond, they are looked for once more."""


class Look:
    """Looks for missing facts while one poll is handled, for each topic at most once.

    All requests of the poll were written before it began, so one look is enough for
    all of them, in whatever partition.
    """

    def __init__(self, facts: FactsReader, numbers: Iterable[int]) -> None:
        self._facts = facts
        self._numbers = tuple(numbers)
        self._done: set[str] = set()

    async def again(self, missing: Missing) -> None:
        """Return when what was written before this poll came is applied.

        Raises
        ------
        FactsUnreadableError
            The broker does not say what was written.
        """
        wanted = [one for one in self._wanted(missing) if one.topic not in self._done]
        if wanted:
            await self._facts.reach(wanted)
            self._done.update(one.topic for one in wanted)
        sought = self._facts.shared.sought
        if len(sought) + len(missing.shops) > _SOUGHT_MAX:
            sought.clear()
        sought.update(missing.shops)

    def _wanted(self, missing: Missing) -> list[TopicPartition]:
        topics = self._facts.topics
        wanted: list[TopicPartition] = []
        if missing.orders:
            wanted += [one for number in self._numbers for one in topics.owned(number)]
        elif missing.buyers:
            wanted += [TopicPartition(topics.buyers, one) for one in self._numbers]
        if missing.shops or missing.any_shop:
            every = range(topics.partitions)
            wanted += [TopicPartition(topics.shops, number) for number in every]
        return wanted
