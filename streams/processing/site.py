"""Where a family runs: names that go into records, and size limits."""

from typing import Final

import msgspec

from streams.processing.topics import Topic
from streams.records.record_format import Outgoing

_HEADERS_BYTES: Final = 8_192
"""Most header bytes of a decision: an id of 1,024 characters and our own headers."""


class Site(msgspec.Struct, frozen=True, kw_only=True):
    """Names that go into records, and size limits."""

    input_topic: str
    partitions: int
    """Partitions of the family's topics."""
    record_max_bytes: int
    source_name: str
    app_version: str
    topic_prefix: str = ""
    """Prefix of every topic name of the registry."""
    decision_max_bytes: int = 1_000_000
    """Limit of its topic: key, value and headers of a decision together."""
    letter_max_bytes: int = 1_000_000
    """The same for a dead letter."""

    @property
    def surely_fits_bytes(self) -> int:
        """Return a value size that fits with any key and headers."""
        return self.decision_max_bytes - self.record_max_bytes - _HEADERS_BYTES

    def fits(self, record: Outgoing) -> bool:
        """Whether a decision is within the limit of its topic."""
        key, value, headers = record
        size = len(key or b"") + len(value or b"") + len(headers)
        return size <= self.decision_max_bytes

    def topic(self, row: Topic) -> str:
        """Return the full name of a topic."""
        return self.topic_prefix + row.name
