"""Whether the brokers still answer: a client that is cut off waits without a word.

A login that is refused after a broker has closed the connection (a password that was
changed, ``connections.max.reauth.ms``), a network that is gone: aiokafka tries again for
ever, and polls give nothing, as on an idle topic. But an idle topic answers each fetch.
"""

from collections.abc import Callable


class BrokerContact:
    """Follows when the last fetch of a consumer was answered.

    Parameters
    ----------
    heard
        Returns a moment that changes with every answer; None = nothing is fetched.
    clock_ms
        Monotonic ms.
    bound_ms
        So long may no fetch be answered.
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
        """Whether no fetch was answered for longer than allowed; ask often."""
        heard, now = self._heard(), self._clock_ms()
        if heard is None or heard != self._last:
            self._last, self._since_ms = heard, now
        return now - self._since_ms > self._bound_ms
