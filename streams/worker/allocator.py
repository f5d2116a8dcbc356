"""Memory of a worker: buffers that are freed are used again.

Every fetch and every batch of outputs needs a megabyte for a moment. As glibc is set, it
goes back to the system each time, and comes again page by page: that took a seventh of
the time from a fetched batch to a finished one. So freed memory is kept, up to a bound.

The cyclic collector has nearly nothing to find, and is kept from looking for it.
"""

import ctypes
import gc
from typing import Final

_M_TRIM_THRESHOLD: Final = -1
_M_MMAP_THRESHOLD: Final = -3
"""See mallopt(3)."""
_KEPT_BYTES: Final = 128 << 20
"""Free memory at the end of the heap that does not go back."""
_MAPPED_BYTES: Final = 32 << 20
"""Only larger pieces are mapped, and unmapped when they are freed; glibc's maximum."""
_GC_THRESHOLDS: Final = (20_000, 50, 50)
"""A slice on its way is thousands of short-lived objects and hardly a cycle: with the
usual 700 the collector walks them again and again, at a sixth of all CPU time."""


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


def collect_seldom() -> None:
    """Let the collector run seldom."""
    gc.set_threshold(*_GC_THRESHOLDS)


def set_aside() -> None:
    """Keep the collector from walking what is in the tables now: it lives for ever."""
    gc.collect()  # or garbage would be kept as well
    gc.freeze()
