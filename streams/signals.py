"""SIGTERM and SIGHUP end a command as Ctrl-C does: files are closed, and its processes with it.

Python's own way would leave processes that it started to go on alone: a load would be
sent to its end.
"""

import os
import signal
import sys
from collections.abc import Callable
from typing import Final

EXIT_INTERRUPTED: Final = 130
EXIT_TERMINATED: Final = 143
EXIT_HUNG_UP: Final = 129
"""What a shell reports of a process that SIGINT, SIGTERM or SIGHUP ended."""

_STREAMS: Final = {"stdin": "r", "stdout": "w", "stderr": "w"}


def exit_when_terminated() -> None:
    """Let SIGTERM and SIGHUP raise :exc:`SystemExit` from now on; for the entry of a process.

    A worker has its own order to end in, and takes the signals over when it runs. SIGHUP
    that is ignored (``nohup``) stays ignored.
    """
    signal.signal(signal.SIGTERM, _exit)
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
        signal.signal(signal.SIGHUP, _exit)


def keep_signals_for_later() -> None:
    """Let SIGUSR1 and SIGUSR2 do nothing until a worker runs: by default they would end it."""
    signal.signal(signal.SIGUSR1, signal.SIG_IGN)
    signal.signal(signal.SIGUSR2, signal.SIG_IGN)


def fill_closed_streams() -> frozenset[str]:
    """Let standard streams that the caller has closed lead to nowhere.

    Else the next file or connection would get their numbers, and what other libraries
    print.

    Returns
    -------
    frozenset of str
        Which were closed: ``stdin``, ``stdout``, ``stderr``.
    """
    closed = set[str]()
    for number, (name, mode) in enumerate(_STREAMS.items()):
        if getattr(sys, name) is None:
            closed.add(name)
            nowhere = os.open(os.devnull, os.O_RDWR)
            if nowhere != number:
                os.dup2(nowhere, number)
                os.close(nowhere)
            os.set_inheritable(number, True)  # noqa: FBT003 - positional only
            setattr(sys, name, os.fdopen(number, mode, encoding="utf-8"))
    return frozenset(closed)


def until_ended(command: Callable[[], int], name: str) -> int:
    """Run a program; what Ctrl-C, SIGTERM or SIGHUP ends says so in one line.

    Notes of the exception that ended it (:meth:`BaseException.add_note`) are a part of the
    line: what to do next.

    Returns
    -------
    int
        The exit code: the program's own, 129, 130 or 143.
    """
    exit_when_terminated()
    try:
        return command()
    except KeyboardInterrupt as ended:
        return _stopped(name, ended, EXIT_INTERRUPTED)
    except SystemExit as ended:
        if ended.code not in (EXIT_TERMINATED, EXIT_HUNG_UP):  # wrong usage
            raise
        return _stopped(name, ended, int(ended.code))


def _stopped(name: str, ended: BaseException, code: int) -> int:
    notes: list[str] = getattr(ended, "__notes__", [])
    sys.stderr.write(f"{name}: {'; '.join(['stopped', *notes])}\n")
    return code


def _exit(number: int, _frame: object) -> None:
    raise SystemExit(EXIT_HUNG_UP if number == signal.SIGHUP else EXIT_TERMINATED)
