"""Lets the broker collect garbage before a run, so that it does not within it.

Its collector takes a core for some hundred milliseconds. At 10,000 requests a second that
is a queue, and a p99 of 100 ms for whichever engine is being measured just then.
"""

import os
import shutil
import subprocess
from typing import Final

from testkit import procfs

BROKERS_COLLECTOR: Final = "ZWorker"
"""Its threads; no engine has such."""
_PATIENCE_S: Final = 30.0


def collect() -> bool:
    """Let the broker that we started collect now; False = it cannot be told to."""
    pid = procfs.owner(os.getpid(), BROKERS_COLLECTOR)
    jcmd = shutil.which("jcmd")
    if pid is None or jcmd is None:
        return False
    try:
        done = subprocess.run(
            [jcmd, str(pid), "GC.run"],
            capture_output=True,
            timeout=_PATIENCE_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return False
    return done.returncode == 0
