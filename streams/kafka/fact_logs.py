"""Let watermarks count only while the fact topics are unchanged.

A watermark says that everything up to a moment is in its partition: in the log that it
was read from. If the topic is created again or gets other partitions, newer facts are
elsewhere, and the old watermark would vouch for them. So watermarks are held until a
check that began after they were read finds every topic unchanged: no decision relies on
a watermark that may be younger than such a change.
"""

from typing import Final

from aiokafka import AIOKafkaConsumer

from streams.errors import TopicsError
from streams.kafka.incarnations import Incarnations, patiently
from streams.kafka.table_reader import TableReader

_STARTS_EVERY: Final = 10
"""Checks between two comparisons of log starts, which need a request of their own."""


class FactLogs:
    """Checks the fact topics and releases held watermarks.

    Parameters
    ----------
    asking
        A consumer that nothing that waits for facts uses.
    """

    def __init__(
        self, facts: TableReader, incarnations: Incarnations, asking: AIOKafkaConsumer
    ) -> None:
        self._facts = facts
        self._incarnations = incarnations
        self._asking = asking
        self._looks = 0

    async def look(self) -> None:
        """Check that the topics are unchanged; then release what was held.

        Raises
        ------
        TopicsError
            A topic was created again, or facts were deleted from it.
        KafkaError
            Unknown: what is held stays held, and facts become stale.
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
        """Repeat :meth:`look` until the brokers answer.

        Raises
        ------
        TopicsError
            As :meth:`look`.
        KafkaError
            An error that waiting does not resolve.
        """
        await patiently(self.look)

    async def _compare_starts(self) -> None:
        """Refuse compacted topics whose head was deleted: compaction keeps every key."""
        self._looks += 1
        known = self._facts.compacted_starts()
        if not known or self._looks % _STARTS_EVERY:
            return
        now = await self._asking.beginning_offsets(list(known))
        problems = [
            f"{where.topic}/{where.partition}: facts up to offset {now[where] - 1} were "
            "deleted, by clean-up or by hand: set cleanup.policy=compact, make sure that its "
            "feed has written all of them again, then restart the workers"
            for where, first in sorted(known.items())
            if now[where] > first
        ]
        if problems:
            raise TopicsError(problems)
