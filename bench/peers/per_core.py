"""Several processes of one engine in one group, as one that stops and ends as one.

What Kafka Streams does with threads in one process we do with processes: one of ours
uses one core.
"""

import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from streams.tools.guarded_process import GuardedProcess

_LOOK_S: Final = 0.05
_STDOUT: Final = Path("/dev/stdout")
"""Ours: what they say goes there too."""


def run(count: int, command: Sequence[str]) -> int:
    """Run so many of one command until all have ended; blocks.

    SIGTERM stops all of them in order, and so does the end of one: a group that goes on
    with fewer would be measured as if it were whole. Returns the first exit code that
    is not 0, else 0.
    """
    running: list[GuardedProcess] = []

    def stop(*_: object) -> None:
        for one in running:
            one.terminate()

    signal.signal(signal.SIGTERM, stop)
    running.extend(GuardedProcess(command, _STDOUT) for _ in range(count))
    stopped = False
    while None in (codes := [one.wait(_LOOK_S) for one in running]):
        if not stopped and any(code is not None for code in codes):
            stopped = True
            stop()
    return next((code for code in codes if code), 0)


if __name__ == "__main__":
    raise SystemExit(run(int(sys.argv[1]), sys.argv[2:]))
