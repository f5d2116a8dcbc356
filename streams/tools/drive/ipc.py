"""Messages between the processes of a run and the main process: failures."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from multiprocessing.connection import Connection
from typing import Final

FAILED: Final = b"F"
"""Message type; a text follows."""


@contextmanager
def failures_sent(pipe: Connection) -> Iterator[None]:
    """Send an error of the block, the whole work of a process, and end quietly.

    Both processes send messages many times a second. If the main process was killed,
    sending fails: then the process ends, because nothing reads its reports.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the main process ends us
    try:
        yield
    except Exception as problem:  # noqa: BLE001 - the main process raises it
        text = " ".join(str(problem).split()) or type(problem).__name__
        with suppress(OSError):
            pipe.send_bytes(FAILED + text.encode())
