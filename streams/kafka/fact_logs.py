"""Whether the logs that facts come from are still the same: only then a watermark counts.

A watermark says that everything up to a moment is in its partition. That holds for the
log that it was read from. Made anew, or with other partitions, the topic has newer facts
elsewhere, and the old watermark would vouch for them. So what vouches for facts is held
until a look that began after it was read has found every topic unchanged: a decision
never relies on a watermark that may be younger than a change.
"""

from typing import Final

from aiokafka import AIOKafkaConsumer

from streams.errors import TopicsError
from streams.kafka.incarnations import Incarnations, patiently
from streams.kafka.table_reader import TableReader

_STARTS_EVERY: Final = 10
"""Looks from one comparison of log starts to the next: it takes a request of its own."""


class FactLogs:
    """Looks at the fact topics, and lets watermarks count.

    Parameters
    ----------
    asking
        A consumer that is used by nobody who waits for facts.
    """

    def __init__(
        self, facts: TableReader, incarnations: Incarnations, asking: AIOKafkaConsumer
    ) -> None:
        self._facts = facts
        self._incarnations = incarnations
        self._asking = asking
        self._looks = 0

    async def look(self) -> None:
        """Compare the topics with what they were; then believe what was held.

        Raises
        ------
        TopicsError
            A topic is another one, or facts were deleted from it.
        KafkaError
            Nobody knows: what is held stays held, and facts grow stale.
        """
        held = self._facts.held.take()
        try:
            await self._incarnations.look()
            await self._compare_starts()
        except BaseException:
            self._facts.held.put_back(held)
            raise
        self._facts.believe(held)

    async def look_patiently(self) -> None:
        """Look until the brokers tell.

        Raises
        ------
        TopicsError
            As :meth:`look`.
        KafkaError
            One that waiting does not mend.
        """
        await patiently(self.look)

    async def _compare_starts(self) -> None:
        """Refuse compacted topics whose beginning went: compaction keeps every key."""
        self._looks += 1
        known = self._facts.compacted_starts()
        if not known or self._looks % _STARTS_EVERY:
            return
        now = await self._asking.beginning_offsets(list(known))
        problems = [
            f"{where.topic}/{where.partition}: facts up to offset {now[where] - 1} were "
            "deleted, by clean-up or by hand; set cleanup.policy=compact, see that its "
            "feed has written all of it again, then start the workers again"
            for where, first in sorted(known.items())
            if now[where] > first
        ]
        if problems:
            raise TopicsError(problems)
