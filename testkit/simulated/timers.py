"""Named timers that replace one another."""

import asyncio
from collections.abc import Callable


class Timers:
    """At most one timer a name; what it calls runs once, on the running loop."""

    def __init__(self) -> None:
        self._handles: dict[str, asyncio.TimerHandle] = {}

    def schedule(self, name: str, delay_ms: int, action: Callable[[], None]) -> None:
        """Call the action later, in place of what the name was set to."""
        self.cancel(name)
        loop = asyncio.get_running_loop()
        self._handles[name] = loop.call_later(delay_ms / 1000, self._fire, name, action)

    def cancel(self, name: str) -> None:
        """Forget a timer; no matter whether it is set."""
        handle = self._handles.pop(name, None)
        if handle is not None:
            handle.cancel()

    def cancel_all(self) -> None:
        """Forget all timers."""
        for name in list(self._handles):
            self.cancel(name)

    def _fire(self, name: str, action: Callable[[], None]) -> None:
        del self._handles[name]
        action()
