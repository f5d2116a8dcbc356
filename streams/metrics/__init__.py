"""Everything that is measured: one closed table, filled per slice, read at a scrape.

Values are plain numbers in plain dicts. The Prometheus client only sees them when it
is scraped: :class:`Metrics` is a collector in the registry that is passed in. A method
costs about the same for one record and for thousands: callers count per slice.

A metric is added by its row in ``table.py``; page, scrape and series at 0 derive from it.
Where something happens counts it: ``metrics.add(table.REPEATED, 3)``.
"""

from streams.metrics.collector import Metrics
from streams.metrics.histogram import Histogram
from streams.metrics.table import BUCKETS_MS, TABLE, Spec, metrics_page

__all__ = [
    "BUCKETS_MS",
    "TABLE",
    "Histogram",
    "Metrics",
    "Spec",
    "metrics_page",
]
