"""Tune the allocator and the garbage collector of a worker.

Every fetch and every output batch needs about a megabyte for a short time. By default
glibc returns it to the system each time and gets it back page by page: that took a
seventh of the time from a fetched batch to a finished one. So freed memory is kept, up
to a limit.

The cyclic garbage collector finds almost nothing, so it runs seldom.
"""

import ctypes
import gc
from typing import Final, Protocol

from typing_extensions import override

_M_TRIM_THRESHOLD: Final = -1
_M_MMAP_THRESHOLD: Final = -3
"""``mallopt`` parameter, see mallopt(3)."""
_KEPT_BYTES: Final = 128 << 20
"""Free memory at the end of the heap that is not returned to the system."""
_MAPPED_BYTES: Final = 32 << 20
"""Only larger blocks are mapped, and unmapped when freed; the maximum that glibc
allows."""
_GC_THRESHOLDS: Final = (20_000, 50, 50)
"""A slice in progress is thousands of short-lived objects with hardly a cycle: with the
default 700 the collector scans them again and again, at a sixth of all CPU time."""


class Allocator(Protocol):
    """The memory of the process, as a family's service treats it."""

    def tune(self) -> None:
        """Set it up for the rest of the process."""

    def set_aside(self) -> None:
        """Exclude today's objects from collection: the tables live as long as the process."""


class ProcessAllocator(Allocator):
    """Memory of a process that is a worker and nothing else."""

    @override
    def tune(self) -> None:
        keep_freed()
        collect_seldom()

    @override
    def set_aside(self) -> None:
        gc.collect()  # otherwise garbage would be kept as well
        gc.freeze()


class SharedAllocator(Allocator):
    """Memory that a worker shares with others: it changes nothing."""

    @override
    def tune(self) -> None:
        pass

    @override
    def set_aside(self) -> None:
        pass


def keep_freed() -> bool:
    """Let glibc keep freed memory for the next buffer; False = no glibc."""
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError):
        return False
    taken = [
        mallopt(_M_MMAP_THRESHOLD, _MAPPED_BYTES),
        mallopt(_M_TRIM_THRESHOLD, _KEPT_BYTES),
    ]
    return all(taken)


def collect_seldom() -> None:
    """Let the garbage collector run seldom."""
    gc.set_threshold(*_GC_THRESHOLDS)
