"""Finds processes that a command left behind, and those that they started."""

import os
import time
from pathlib import Path
from typing import Final

MARK: Final = "TESTED_PROCESS"
"""An environment variable: every process that a command starts inherits it."""


def processes_of(mark: str) -> dict[int, str]:
    """Return pid and command line of the processes that carry a mark; reads /proc."""
    found = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if f"{MARK}={mark}".encode() in (folder / "environ").read_bytes():
                command = (
                    (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode()
                )
                found[int(folder.name)] = command
        except OSError:
            continue
    return {pid: command for pid, command in found.items() if command}


def until_gone(mark: str) -> dict[int, str]:
    """Wait up to 10 s for a command's processes to end; return those that did not."""
    until = time.monotonic() + 10
    while (left := processes_of(mark)) and time.monotonic() < until:
        os.sched_yield()
    return left
