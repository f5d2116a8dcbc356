"""Show the progress of long work: a bar on a terminal, a line now and then elsewhere."""

import time
from types import TracebackType
from typing import Final, Self, TextIO

from rich import progress
from rich.console import Console

_EVERY_S: Final = 5.0


class Progress:
    """Shows how many of a total are done; use it as a context manager.

    Parameters
    ----------
    what
        What is counted, in words: ``captured``.
    """

    def __init__(self, out: TextIO, what: str, total: int) -> None:
        self._out, self._what, self._total = out, what, total
        self._said_s = time.monotonic()
        self._bar: progress.Progress | None = None
        if out.isatty():
            self._bar = progress.Progress(
                progress.TextColumn("{task.description}"),
                progress.BarColumn(),
                progress.MofNCompleteColumn(),
                progress.TimeRemainingColumn(),
                console=Console(file=out),
                transient=True,
            )
            self._task = self._bar.add_task(what, total=total)

    def __enter__(self) -> Self:
        if self._bar is not None:
            self._bar.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        problem: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._bar is not None:
            self._bar.stop()

    def reach(self, done: int) -> None:
        """Show the number that is done."""
        if self._bar is not None:
            self._bar.update(self._task, completed=done)
            return
        now_s = time.monotonic()
        if now_s - self._said_s >= _EVERY_S:
            self._said_s = now_s
            print(f"{self._what} {done} of {self._total}", file=self._out, flush=True)
