"""Memory of a worker: large buffers that are used again, tables in huge pages.

Every fetch and every batch of outputs needs a megabyte for a moment. As glibc is set, it
goes back to the system each time, and comes again page by page: that took a seventh of
all CPU time. So freed memory is kept, up to a bound.

A decision reads a handful of places all over the tables. In pages of 4 KiB each of them
costs a walk through the page tables too, in a virtual machine a walk through two of
them. Where Linux leaves huge pages to those who ask (``madvise``, the default of most
distributions), we ask, once tables are loaded and again as they grow. Elsewhere nothing
happens; who wants no huge pages sets ``never`` in the system.
"""

import ctypes
import logging
import re
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

log = logging.getLogger(__name__)

HUGE_BYTES: Final = 1 << 21
"""Smaller areas hold no huge page."""

_MADV_HUGEPAGE: Final = 14
_MADV_COLLAPSE: Final = 25
"""Linux 6.1 and later: gather pages that are in use already. See madvise(2)."""

_M_TRIM_THRESHOLD: Final = -1
_M_MMAP_THRESHOLD: Final = -3
"""See mallopt(3)."""
_KEPT_BYTES: Final = 128 << 20
"""Free memory at the end of the heap that does not go back."""
_MAPPED_BYTES: Final = 32 << 20
"""Only larger pieces are mapped, and unmapped when they are freed; glibc's maximum."""

_SWITCH: Final = Path("/sys/kernel/mm/transparent_hugepage/enabled")
_MAPS: Final = Path("/proc/self/maps")
_PRIVATE: Final = re.compile(
    r"^([0-9a-f]+)-([0-9a-f]+) rw-p 0+ 00:00 0 *(?:\[heap\])?$", re.MULTILINE
)
"""Memory of our own that no file stands behind: start and end."""


def keep_freed() -> bool:
    """Let glibc keep freed memory for the next buffer; False = there is no glibc."""
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError):
        return False
    taken = [
        mallopt(_M_MMAP_THRESHOLD, _MAPPED_BYTES),
        mallopt(_M_TRIM_THRESHOLD, _KEPT_BYTES),
    ]
    return all(taken)


def areas(maps: str) -> Iterator[tuple[int, int]]:
    """Find the areas that may hold tables.

    Parameters
    ----------
    maps
        What ``/proc/PID/maps`` says.

    Yields
    ------
    tuple
        Address and size in bytes.
    """
    for found in _PRIVATE.finditer(maps):
        start, end = int(found[1], 16), int(found[2], 16)
        if end - start >= HUGE_BYTES:
            yield start, end - start


def leaves_it_to_us(switch: str) -> bool:
    """Whether the system gives huge pages to those who ask, and to nobody else."""
    return "[madvise]" in switch


class HugePages:
    """Asks for huge pages; remembers for how much it has asked."""

    def __init__(self) -> None:
        self._asked_bytes = 0

    def ask(self) -> int:
        """Ask for them wherever there is more than at the last time; blocks.

        Takes about 0.3 s a GiB that is new, outside the interpreter's lock.

        Returns
        -------
        int
            Bytes of the areas asked for; 0 = nothing new, or no such system.
        """
        if sys.platform != "linux":
            return 0
        try:
            if not leaves_it_to_us(_SWITCH.read_text("ascii")):
                return 0
            found = list(areas(_MAPS.read_text("utf-8", "replace")))
            madvise = ctypes.CDLL(None).madvise
        except (OSError, AttributeError):
            return 0
        total = sum(size for _, size in found)
        if total < self._asked_bytes + self._asked_bytes // 16 + HUGE_BYTES:
            return 0
        self._asked_bytes = total
        madvise.argtypes = (ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int)
        began = time.monotonic()
        for start, size in found:
            # What an old kernel or an area that is gone refuses stays as it was.
            madvise(start, size, _MADV_HUGEPAGE)
            madvise(start, size, _MADV_COLLAPSE)
        took_ms = int((time.monotonic() - began) * 1000)
        log.info("asked for huge pages of %d MiB in %d ms", total >> 20, took_ms)
        return total
