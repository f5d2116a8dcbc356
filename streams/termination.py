"""SIGTERM ends a command as Ctrl-C does: files are closed, and its processes with it.

Python's own way would leave processes that it started to go on alone: a load would be
sent to its end.
"""

import signal
import sys
from collections.abc import Callable
from typing import Final

EXIT_INTERRUPTED: Final = 130
EXIT_TERMINATED: Final = 143
"""What a shell reports of a process that SIGINT or SIGTERM ended."""


def exit_when_terminated() -> None:
    """Let SIGTERM raise :exc:`SystemExit` from now on; for the entry of a process.

    A worker has its own order to end in, and takes the signal over when it runs.
    """
    signal.signal(signal.SIGTERM, _exit)


def until_ended(command: Callable[[], int], name: str) -> int:
    """Run a program; what Ctrl-C or SIGTERM ends says so in one line.

    Notes of the exception that ended it (:meth:`BaseException.add_note`) are a part of the
    line: what to do next.

    Returns
    -------
    int
        The exit code: the program's own, 130 or 143.
    """
    exit_when_terminated()
    try:
        return command()
    except KeyboardInterrupt as ended:
        return _stopped(name, ended, EXIT_INTERRUPTED)
    except SystemExit as ended:
        if ended.code != EXIT_TERMINATED:  # wrong usage
            raise
        return _stopped(name, ended, EXIT_TERMINATED)


def _stopped(name: str, ended: BaseException, code: int) -> int:
    notes: list[str] = getattr(ended, "__notes__", [])
    sys.stderr.write(f"{name}: {'; '.join(['stopped', *notes])}\n")
    return code


def _exit(*_: object) -> None:
    raise SystemExit(EXIT_TERMINATED)
