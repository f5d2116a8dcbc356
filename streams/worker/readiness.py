"""Whether a worker decides, for its pages, its metrics and one line in the log."""

import asyncio
import logging
from collections.abc import Callable, Iterable, Sequence
from typing import Final, Protocol

log = logging.getLogger(__name__)

_LOOK_S: Final = 0.2


class Part(Protocol):
    """A service of a worker, as far as its readiness goes."""

    def not_ready(self) -> list[str]:
        """Return why it does not do its work yet; empty = it does."""

    def reads(self) -> str | None:
        """Say what it reads, for a line in the log; None = that is about to change."""


class Readiness:
    """Asks the parts of a worker.

    Parameters
    ----------
    parts
        Asked for at each look: they may not be there yet.
    address
        Where the pages are; None = nowhere.
    """

    def __init__(
        self, parts: Callable[[], Sequence[Part]], address: str | None
    ) -> None:
        self._parts = parts
        self._address = address
        self._told: tuple[str, ...] | None = None
        """What was said last: what is read, or why nothing is."""

    def reasons(self) -> list[str]:
        """Return why requests are not decided; empty = they are.

        What is returned is in the log before: a page must not tell of a state that was
        over before the log was looked after.
        """
        reasons = [reason for part in self._parts() for reason in part.not_ready()]
        self._tell(tuple(reasons))
        return reasons

    async def watch(self) -> None:
        """Say in the log when the worker becomes ready, or is no more, until cancelled."""
        while True:
            self.reasons()
            await asyncio.sleep(_LOOK_S)

    def _tell(self, reasons: tuple[str, ...]) -> None:
        """Say it if it has changed; a start is not told as long as nothing was ready."""
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
    """Write partition numbers short: ``0-3, 5``."""
    found: list[list[int]] = []
    for number in sorted(numbers):
        if found and found[-1][1] == number - 1:
            found[-1][1] = number
        else:
            found.append([number, number])
    return ", ".join(
        f"{first}" if first == last else f"{first}-{last}" for first, last in found
    )
