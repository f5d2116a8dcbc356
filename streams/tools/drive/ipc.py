"""How the processes of a run tell the conductor that they failed."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from multiprocessing.connection import Connection
from typing import Final

FAILED: Final = b"F"
"""Followed by a text."""


@contextmanager
def failures_told(pipe: Connection) -> Iterator[None]:
    """Tell what goes wrong in the block, the whole of a process, and end quietly.

    A conductor that was killed is found out by telling it something, which is what both
    processes do many times a second: then there is nobody to tell, and nothing to go on for.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the conductor ends us
    try:
        yield
    except Exception as problem:  # noqa: BLE001 - the conductor raises it
        text = " ".join(str(problem).split()) or type(problem).__name__
        with suppress(OSError):
            pipe.send_bytes(FAILED + text.encode())
