"""Counters whose clock stands still until it is moved."""

import logging
from typing import Final

from prometheus_client import CollectorRegistry

from streams.metrics import Metrics
from streams.rate_limit import RateLimitedLog
from streams.worker.family_counters import FamilyCounters

TOPIC: Final = "refund.requests"


class Told:
    """Counters whose clock stands still until it is moved."""

    def __init__(self) -> None:
        self.ms = 0
        self.metrics = Metrics(CollectorRegistry(), lambda: 0)
        limited = RateLimitedLog(logging.getLogger("streams.worker"), lambda: self.ms)
        self.limited = limited
        self.counters = FamilyCounters(self.metrics, ("FR", TOPIC), lambda: 0, limited)
