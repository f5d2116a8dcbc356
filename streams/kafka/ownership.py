"""Whether what was ours still is: a process that slept may have lost its partitions.

A process that slept longer than the session time-out has lost its partitions without
having heard of it. Only a commit that the group takes settles it
(:mod:`streams.kafka.commit_loop`).
"""

import logging
from collections.abc import Callable

log = logging.getLogger(__name__)


class Ownership:
    """Doubts ownership after a sleep, until the group has confirmed it.

    Parameters
    ----------
    clock_ms
        Monotonic ms.
    bound_ms
        After a sleep as long as this, others may own what was ours.
    """

    def __init__(self, clock_ms: Callable[[], int], bound_ms: int) -> None:
        self._clock_ms = clock_ms
        self._bound_ms = bound_ms
        self._awake_ms = clock_ms()
        self._slept = False

    def granted(self) -> None:
        """Note that the group has just given us our partitions."""
        self._slept = False

    def confirmed(self) -> None:
        """Note that the group has just taken a commit of ours, so knows us."""
        self._slept = False
        self._awake_ms = self._clock_ms()

    def trusted(self, since_ms: int) -> bool:
        """Whether what was ours then surely is: the process has not slept since.

        Parameters
        ----------
        since_ms
            Monotonic ms.
        """
        now = self._clock_ms()
        oldest = min(since_ms, self._awake_ms)
        if not self._slept and now - oldest <= self._bound_ms:
            return True
        self._slept = True  # until the group has confirmed that we still belong to it
        return False

    def pulse(self) -> None:
        """Note that the process runs; called again and again, so a sleep shows."""
        now = self._clock_ms()
        if now - self._awake_ms > self._bound_ms:
            self._slept = True
            log.warning("this process slept for %d ms", now - self._awake_ms)
        self._awake_ms = now
