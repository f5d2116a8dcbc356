"""Named timers that replace one another."""

import asyncio
from collections.abc import Callable
from typing import Final

_LOOK_AGAIN_S: Final = 0.02


class Timers:
    """At most one timer a name; what it calls runs once, on the running loop.

    Parameters
    ----------
    suspended
        Whether the node whose timers these are is suspended: what is due then comes when
        it goes on.
    """

    def __init__(self, suspended: Callable[[], bool]) -> None:
        self._suspended = suspended
        self._handles: dict[str, asyncio.TimerHandle] = {}

    def schedule(self, name: str, delay_ms: int, action: Callable[[], None]) -> None:
        """Call the action later, in place of what the name was set to."""
        self.cancel(name)
        self._set(name, delay_ms / 1000, action)

    def cancel(self, name: str) -> None:
        """Forget a timer; no matter whether it is set."""
        handle = self._handles.pop(name, None)
        if handle is not None:
            handle.cancel()

    def cancel_all(self) -> None:
        """Forget all timers."""
        for name in list(self._handles):
            self.cancel(name)

    def _set(self, name: str, delay_s: float, action: Callable[[], None]) -> None:
        loop = asyncio.get_running_loop()
        self._handles[name] = loop.call_later(delay_s, self._fire, name, action)

    def _fire(self, name: str, action: Callable[[], None]) -> None:
        if self._suspended():
            self._set(name, _LOOK_AGAIN_S, action)
            return
        del self._handles[name]
        action()
