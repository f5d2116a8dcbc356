"""Decide whether owned partitions are still ours after the process was suspended.

A process that was suspended longer than the session timeout may have lost its
partitions without knowing. Only a commit that the group accepts resolves the doubt
(:mod:`streams.kafka.commit_loop`).
"""

import logging
from collections.abc import Callable

log = logging.getLogger(__name__)


class Ownership:
    """Doubts ownership after a suspension, until the group has confirmed it.

    Parameters
    ----------
    clock_ms
        Monotonic ms.
    bound_ms
        After a suspension of this length, ms, others may own our partitions.
    """

    def __init__(self, clock_ms: Callable[[], int], bound_ms: int) -> None:
        self._clock_ms = clock_ms
        self._bound_ms = bound_ms
        self._awake_ms = clock_ms()
        self._slept = False

    def granted(self) -> None:
        """Note that the group has just assigned our partitions."""
        self._slept = False

    def confirmed(self) -> None:
        """Note that the group has just accepted our commit, so we are a member."""
        self._slept = False
        self._awake_ms = self._clock_ms()

    def trusted(self, since_ms: int) -> bool:
        """Whether partitions owned at a moment certainly still are: no suspension since.

        Parameters
        ----------
        since_ms
            Monotonic ms.
        """
        now = self._clock_ms()
        oldest = min(since_ms, self._awake_ms)
        if not self._slept and now - oldest <= self._bound_ms:
            return True
        self._slept = True  # until the group has confirmed our membership
        return False

    def pulse(self) -> None:
        """Record that the process runs; called periodically, so that a suspension shows."""
        now = self._clock_ms()
        if now - self._awake_ms > self._bound_ms:
            self._slept = True
            log.warning("this process was suspended for %d ms", now - self._awake_ms)
        self._awake_ms = now
