"""Start-up: from the start of the process to its first output."""

import time
from pathlib import Path
from typing import Final

from bench.engines import Engine
from bench.kafka import Ends
from bench.worker import started, wait_for

_PATIENCE_S: Final = 300.0


def measure(engine: Engine, ends: Ends, log: Path) -> float:
    """Return the seconds to the answer to the one request that is there; blocks.

    Raises
    ------
    BenchError
        It did not come in time, or the process is gone.
    """
    began = time.monotonic()
    with started(engine, log) as worker:
        wait_for(worker, 1, ends, _PATIENCE_S)
        return time.monotonic() - began
