"""Another wall clock for one process; its monotonic clock goes on as it does.

The library comes with the wheel of ``libfaketime``, built for Linux on x86-64. Where it
does not work, that of the system (Debian's package ``libfaketime``) is tried.
"""

import subprocess
import sys
import time
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from faults.verdict import NotRunError
from faults.workers import surroundings

_IN_WHEEL: Final = Path("vendor") / "libfaketime" / "src" / "libfaketime.so.1"
_OF_SYSTEM: Final = "*/faketime/libfaketime.so.1"
_ASK: Final = "import time; print(time.time(), time.monotonic())"
_HOUR_S: Final = 3_600
_NEAR_S: Final = 60.0
RIGHT: Final = dict.fromkeys(("LD_PRELOAD", "FAKETIME", "FAKETIME_DONT_FAKE_MONOTONIC"))
"""Changes that give a process the machine's clock again."""


def shifted(hours: int) -> dict[str, str]:
    """Return the environment of a process whose wall clock is that far ahead.

    Blocks for a moment: every library that is found is tried.

    Raises
    ------
    NotRunError
        No library here does it.
    """
    for library in _libraries():
        found = {
            "LD_PRELOAD": str(library),
            "FAKETIME": f"{hours:+d}h",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        }
        if _works(found, hours):
            return found
    raise NotRunError(
        "no libfaketime works here; the wheel is for Linux on x86-64, "
        "Debian has the package libfaketime"
    )


def _libraries() -> Iterator[Path]:
    spec = find_spec("libfaketime")
    if spec is not None and spec.origin is not None:
        yield Path(spec.origin).parent / _IN_WHEEL
    yield from Path("/usr/lib").glob(_OF_SYSTEM)


def _works(environ: dict[str, str], hours: int) -> bool:
    """Whether a process sees a shifted wall clock and the machine's monotonic one."""
    asked = subprocess.run(
        [sys.executable, "-c", _ASK],
        env=surroundings() | environ,
        capture_output=True,
        text=True,
        check=False,
    )
    try:
        wall, monotonic = (float(word) for word in asked.stdout.split())
    except ValueError:
        return False
    ahead_s = wall - time.time()
    late_s = time.monotonic() - monotonic
    return abs(ahead_s - hours * _HOUR_S) < _NEAR_S and abs(late_s) < _NEAR_S
