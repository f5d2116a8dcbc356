"""Pace fetches: under load, delay the next fetch a little.

A broker answers a fetch as soon as one record is there. At some thousand records a
second that makes slices of two or three records, and each slice costs a task, a produce
request and an acknowledgement, whatever its size. So the more records came since the
last fetch, the later the next one is sent: after one or two records at once, after many
some milliseconds later, which the records would otherwise have waited for the CPU. With
a backlog nothing waits, because working it off takes longer than that.

aiokafka sends the next fetch as soon as the last one is consumed and has no setting for
this, so we patch one consumer's fetcher where it chooses what to fetch; it asks again
for the partitions held back when the time is up.
"""

import time
from typing import Any, Final

from aiokafka import AIOKafkaConsumer

_MS_A_RECORD: Final = 0.2
_SHORTEST_S: Final = 0.0003
"""Shorter delays are skipped, because a timer of the event loop takes at least a
millisecond; so a single record never waits."""


class FetchPacing:
    """Decides when the next fetch may be sent."""

    def __init__(self, gather_ms: int) -> None:
        self._longest_s = gather_ms / 1000
        self._records = 0
        self._left_at = 0.0

    def came(self, records: int) -> None:
        """Note how many records were handed out."""
        self._records += records

    def wait_s(self, now: float) -> float:
        """Return how long a fetch must wait at ``now``, seconds; 0 = send it."""
        apart = min(self._longest_s, self._records * _MS_A_RECORD / 1000)
        left = self._left_at + apart - now
        return left if left > _SHORTEST_S else 0.0

    def leaves(self, now: float) -> None:
        """Note that a fetch is sent: records from now on count for the next."""
        self._left_at = now
        self._records = 0


def pace_fetches(consumer: AIOKafkaConsumer, pacing: FetchPacing) -> None:
    """Make a just started consumer fetch when ``pacing`` permits."""
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
