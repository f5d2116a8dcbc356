"""Check that the brokers still answer: a client that is cut off waits silently.

After a refused login (a changed password, ``connections.max.reauth.ms``) or on a broken
network aiokafka retries for ever, and polls return nothing, as on an idle topic. But a
broker answers each fetch of an idle topic.
"""

from collections.abc import Callable


class BrokerContact:
    """Tracks when a consumer's last fetch was answered.

    Parameters
    ----------
    heard
        Returns a time that changes with every answer; None = nothing is fetched.
    clock_ms
        Monotonic ms.
    bound_ms
        The longest time without an answered fetch, ms.
    """

    def __init__(
        self,
        heard: Callable[[], int | None],
        clock_ms: Callable[[], int],
        bound_ms: int,
    ) -> None:
        self._heard = heard
        self._clock_ms = clock_ms
        self._bound_ms = bound_ms
        self._last: int | None = None
        self._since_ms = clock_ms()

    def lost(self) -> bool:
        """Whether no fetch was answered for longer than allowed; call it often."""
        heard, now = self._heard(), self._clock_ms()
        if heard is None or heard != self._last:
            self._last, self._since_ms = heard, now
        return now - self._since_ms > self._bound_ms
