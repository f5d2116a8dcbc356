"""Memory of a worker: buffers that are freed are used again.

Every fetch and every batch of outputs needs a megabyte for a moment. As glibc is set, it
goes back to the system each time, and comes again page by page: that took a seventh of
the time from a fetched batch to a finished one. So freed memory is kept, up to a bound.
"""

import ctypes
from typing import Final

_M_TRIM_THRESHOLD: Final = -1
_M_MMAP_THRESHOLD: Final = -3
"""See mallopt(3)."""
_KEPT_BYTES: Final = 128 << 20
"""Free memory at the end of the heap that does not go back."""
_MAPPED_BYTES: Final = 32 << 20
"""Only larger pieces are mapped, and unmapped when they are freed; glibc's maximum."""


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
