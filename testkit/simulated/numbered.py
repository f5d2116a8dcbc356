"""Tasks and futures whose sets have the same order in every process."""

import asyncio
import re
from pathlib import Path
from typing import Any, Protocol, cast

from typing_extensions import override

_UNNAMED = re.compile(r"Task-\d+")


class Numbers(Protocol):
    """A loop that counts."""

    def next_number(self) -> int:
        """Return a number that nothing else on the loop has."""


class _Numbered:
    """Hashed by a number that it gets when it is first asked for: by address, sets differ."""

    number: int | None = None

    @override
    def __hash__(self) -> int:
        number = self.number
        if number is None:
            loop = cast("asyncio.Future[Any]", self).get_loop()
            number = self.number = cast("Numbers", loop).next_number()
        return number

    @override
    def __eq__(self, other: object) -> bool:
        return self is other


class NumberedFuture(_Numbered, asyncio.Future[Any]):
    """A future."""


class NumberedTask(_Numbered, asyncio.Task[Any]):
    """A task; it knows the host that it runs on."""

    host: str | None = None
    vanished = False
    """Whether its host has crashed: it never runs again, not even its ``finally``."""

    @property
    def label(self) -> str:
        """Its name; without one, that of its coroutine."""
        name = self.get_name()
        if not _UNNAMED.fullmatch(name):
            return name
        return getattr(self.get_coro(), "__qualname__", name)

    @property
    def whereabouts(self) -> str:
        """Its label, and the line at which it waits."""
        waiting: Any = self.get_coro()
        line = ""
        while (frame := getattr(waiting, "cr_frame", None)) is not None:
            code = frame.f_code
            file = Path(code.co_filename).name
            line = f" at {file}:{frame.f_lineno} ({code.co_name})"
            waiting = waiting.cr_await
        return self.label + line

    @property
    def failed(self) -> bool:
        """Whether it ended with an error that nobody has looked at."""
        return self.done() and bool(getattr(self, "_log_traceback", False))
