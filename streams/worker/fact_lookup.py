"""Facts that a request names and the tables lack: looked for once more.

A sender may write buyer, order and request in one go; the request can then be here
before the facts are applied. So what is missing is looked for before it is judged,
once a poll. An order that is not there is the reason for a person's work, so it is
looked for each time, and with it its buyer. A buyer alone is looked for as long as
that helps: where a platform keeps rows of some buyers only, each poll names others that
have none, and a look holds up all requests of a poll for as long as a fetch of facts
may take. A shop without a row is covered (FR-1.2a), and most shops have none: each is
looked for once, and known to have no row from then on, because its row would arrive
like any other change of a fact.
"""

from collections.abc import Callable, Iterable
from typing import Final

import msgspec
from aiokafka import TopicPartition

from streams.families.fast_refund.missing_facts import Missing
from streams.kafka.table_reader import TableReader

_SOUGHT_MAX: Final = 100_000
"""Shops known to have no row, some 10 MB; beyond, they are looked for once more."""

_FRUITLESS_MS: Final = 5_000
"""After a look that found no buyer, none is looked for alone for so long: at 50 ms a
look, a hundredth of the time."""


class Patience(msgspec.Struct):
    """Whether buyers without a row are worth looking for; outlives the polls."""

    due_ms: int = 0
    """Monotonic ms from which a look for buyers alone may begin."""

    def learn(self, now_ms: int, *, found: bool) -> None:
        """Take note of what a look for buyers alone gave."""
        self.due_ms = now_ms if found else now_ms + _FRUITLESS_MS


class Look:
    """Looks for missing facts while one poll is handled, for each topic at most once.

    All requests of the poll were written before it began, so one look is enough for
    all of them, in whatever partition.
    """

    def __init__(
        self,
        facts: TableReader,
        numbers: Iterable[int],
        patience: Patience,
        clock_ms: Callable[[], int],
    ) -> None:
        self._facts = facts
        self._numbers = tuple(numbers)
        self._patience = patience
        self._clock_ms = clock_ms
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
            looked = {one.topic for one in wanted}
            self._done |= looked
            if not missing.orders and self._facts.topics.buyers in looked:
                found = any(map(self._has_row, missing.buyers))
                self._patience.learn(self._clock_ms(), found=found)
        sought = self._facts.shared.sought
        if len(sought) + len(missing.shops) > _SOUGHT_MAX:
            sought.clear()
        sought.update(missing.shops)

    def _wanted(self, missing: Missing) -> list[TopicPartition]:
        topics = self._facts.topics
        wanted: list[TopicPartition] = []
        if missing.orders:
            wanted += [one for number in self._numbers for one in topics.owned(number)]
        elif missing.buyers and self._clock_ms() >= self._patience.due_ms:
            wanted += [TopicPartition(topics.buyers, one) for one in self._numbers]
        if missing.shops or missing.any_shop:
            every = range(topics.partitions)
            wanted += [TopicPartition(topics.shops, number) for number in every]
        return wanted

    def _has_row(self, buyer_id: str) -> bool:
        tables = self._facts.tables
        return any(
            buyer_id in tables[number].buyers
            for number in self._numbers
            if number in tables  # not taken away meanwhile
        )
