"""Bounds that faults of several kinds share."""

from typing import Final

from faults.actions import workers
from faults.measurements import late_at_most, p99_is_back

SESSION_MS: Final = int(workers.SESSION_S * 1_000)
AFTER_KILL_MS: Final = SESSION_MS + 2_000
OUTAGE_MS: Final = 30_000
SECOND: Final = 500
"""Requests of a second: what may be on its way when something breaks."""
USUAL: Final = (p99_is_back, late_at_most(SECOND))
