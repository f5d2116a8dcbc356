"""Fetches that leave a little apart while there is much to read.

A broker answers a fetch as soon as one record is there. At some thousand records a second
that makes slices of two or three, and each slice costs what its task, its produce request
and its acknowledgement cost, whatever it holds. So the next fetch leaves the later, the
more records came since the last one: of one or two at once, of many after a few
milliseconds, which is what they would have waited for the processor otherwise. With a
backlog nothing waits, as working it off takes longer than that.

aiokafka sends the next fetch as soon as the last one is consumed and has no setting for
it, so this reaches into one consumer's fetcher, at the place where it chooses what to
fetch; what it does not get now it asks for again when the time is up.
"""

import time
from typing import Any, Final

from aiokafka import AIOKafkaConsumer

_MS_A_RECORD: Final = 0.2
_SHORTEST_S: Final = 0.0003
"""Less is not waited for, a timer of the loop takes a millisecond at least; so one record
never waits."""


class FetchPacing:
    """When the next fetch may leave."""

    def __init__(self, gather_ms: int) -> None:
        self._longest_s = gather_ms / 1000
        self._records = 0
        self._left_at = 0.0

    def came(self, records: int) -> None:
        """Take note of records that were handed out."""
        self._records += records

    def wait_s(self, now: float) -> float:
        """Return for how many seconds a fetch has to wait at ``now``, 0 = it leaves."""
        apart = min(self._longest_s, self._records * _MS_A_RECORD / 1000)
        left = self._left_at + apart - now
        return left if left > _SHORTEST_S else 0.0

    def leaves(self, now: float) -> None:
        """Take note that a fetch leaves: what comes from now on counts for the next."""
        self._left_at = now
        self._records = 0


def pace_fetches(consumer: AIOKafkaConsumer, pacing: FetchPacing) -> None:
    """Let a consumer that was just started fetch when ``pacing`` lets it."""
    fetcher = consumer._fetcher
    choose = fetcher._get_actions_per_node

    def paced(assignment: Any) -> tuple[list[Any], Any, float, Any, Any]:  # noqa: ANN401 - aiokafka's
        requests, resets, timeout, invalid_metadata, resumed = choose(assignment)
        if requests:
            now = time.monotonic()
            wait_s = pacing.wait_s(now)
            if wait_s:
                return [], resets, min(timeout, wait_s), invalid_metadata, resumed
            pacing.leaves(now)
        return requests, resets, timeout, invalid_metadata, resumed

    fetcher._get_actions_per_node = paced
