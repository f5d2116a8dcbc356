"""Whether a worker is ready, for its pages, its metrics and one log line."""

import asyncio
import logging
from collections.abc import Callable, Iterable, Sequence
from typing import Final, Protocol

log = logging.getLogger(__name__)

_LOOK_S: Final = 0.2


class Part(Protocol):
    """A service of a worker, as its readiness sees it."""

    def not_ready(self) -> list[str]:
        """Return the reasons why it is not ready; empty = ready."""

    def reads(self) -> str | None:
        """Return what it reads, for a log line; None = that is about to change."""


class Readiness:
    """Combines the readiness of a worker's parts.

    Parameters
    ----------
    parts
        Called at each check: the parts may not exist yet.
    address
        Address of the pages; None = no pages.
    """

    def __init__(
        self, parts: Callable[[], Sequence[Part]], address: str | None
    ) -> None:
        self._parts = parts
        self._address = address
        self._told: tuple[str, ...] | None = None
        """The last logged state: what is read, or why nothing is."""

    def reasons(self) -> list[str]:
        """Return the reasons why the worker is not ready; empty = ready.

        The result is logged before it is returned, so that a page never shows a state
        that is missing from the log.
        """
        reasons = [reason for part in self._parts() for reason in part.not_ready()]
        self._tell(tuple(reasons))
        return reasons

    async def watch(self) -> None:
        """Log when the worker becomes ready or stops being ready, until cancelled."""
        while True:
            self.reasons()
            await asyncio.sleep(_LOOK_S)

    def _tell(self, reasons: tuple[str, ...]) -> None:
        """Log the state if it has changed; before the worker is first ready nothing is logged."""
        if reasons:
            if self._told not in (None, reasons):
                self._told = reasons
                why = "; ".join(reasons)
                fields = {"event": "not_ready", "reasons": why}
                log.warning("not ready: %s", why, extra=fields)
            return
        reads = [part.reads() for part in self._parts()]
        told = tuple(text for text in reads if text is not None)
        if len(told) == len(reads) and told != self._told:
            self._told = told
            what = "; ".join(told)
            pages = f"pages at {self._address}" if self._address else "no pages"
            fields = {"event": "ready", "reads": what, "pages": self._address or "none"}
            log.info("ready: %s; %s", what, pages, extra=fields)


def ranges(numbers: Iterable[int]) -> str:
    """Format partition numbers as ranges: ``0-3, 5``."""
    found: list[list[int]] = []
    for number in sorted(numbers):
        if found and found[-1][1] == number - 1:
            found[-1][1] = number
        else:
            found.append([number, number])
    return ", ".join(
        f"{first}" if first == last else f"{first}-{last}" for first, last in found
    )
