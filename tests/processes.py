"""Finds what is left of a command: processes that it started, and those that they started."""

import os
import time
from pathlib import Path
from typing import Final

MARK: Final = "TESTED_PROCESS"
"""An environment variable: every process that a command starts inherits it."""


def processes_of(mark: str) -> dict[int, str]:
    """Command lines of the processes that carry a mark; looks in /proc."""
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
    """What is left of a command when its processes had time to end."""
    until = time.monotonic() + 10
    while (left := processes_of(mark)) and time.monotonic() < until:
        os.sched_yield()
    return left
