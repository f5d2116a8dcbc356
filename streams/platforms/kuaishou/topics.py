"""The topic of the platform's pushes, and the topics that ``ingest`` writes."""

from typing import Final

from streams.families.fast_refund.topics import CODE, ORDERS, OUTCOMES, REQUESTS
from streams.processing.topics import DEAD_LETTERS, KEPT_14_DAYS, Topic

FEEDS: Final = CODE
"""The family that the role ``ingest`` writes for."""

EVENTS: Final = Topic(
    name="platform.kuaishou.events",
    setting="events",
    kind="input",
    family=None,
    key="order id",
    partition_key="key",
    retention=KEPT_14_DAYS,
    records=("kuaishou-event",),
    written_by=("receiver of the pushes",),
    read_by=("ingest",),
)

INGESTED: Final = (REQUESTS, ORDERS, OUTCOMES, DEAD_LETTERS)
"""The topics that ``ingest`` writes."""
