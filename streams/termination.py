"""SIGTERM ends a command as Ctrl-C does: files are closed, and its processes with it.

Python's own way would leave processes that it started to go on alone: a load would be
sent to its end.
"""

import signal
from typing import Final

EXIT_TERMINATED: Final = 143
"""What a shell reports of a process that SIGTERM ended."""


def exit_when_terminated() -> None:
    """Let SIGTERM raise :exc:`SystemExit` from now on; for the entry of a process.

    A worker has its own order to end in, and takes the signal over when it runs.
    """
    signal.signal(signal.SIGTERM, _exit)


def _exit(*_: object) -> None:
    raise SystemExit(EXIT_TERMINATED)
