"""Messages from the processes of a run to the main process: its failures."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from multiprocessing.connection import Connection
from typing import Final

FAILED: Final = b"F"
"""Followed by a text."""


@contextmanager
def failures_sent(pipe: Connection) -> Iterator[None]:
    """Send an error of the block, which is the whole of a process, and end quietly.

    Both processes send messages many times a second. When the main process was killed,
    sending fails: there is nobody to report to, and nothing to go on for.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the main process ends us
    try:
        yield
    except Exception as problem:  # noqa: BLE001 - the main process raises it
        text = " ".join(str(problem).split()) or type(problem).__name__
        with suppress(OSError):
            pipe.send_bytes(FAILED + text.encode())
