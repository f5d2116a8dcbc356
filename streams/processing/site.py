"""Where a family runs: names that go into records, and limits of what is read and written."""

from typing import Final

import msgspec

from streams.processing.topics import Topic
from streams.records.record_format import Outgoing

_HEADERS_BYTES: Final = 8_192
"""Of a decision at most: an id of 1,024 characters, and those that are ours."""


class Site(msgspec.Struct, frozen=True, kw_only=True):
    """Names that go into records, and limits of what is read."""

    input_topic: str
    partitions: int
    """Of the family's topics."""
    record_max_bytes: int
    source_name: str
    app_version: str
    topic_prefix: str = ""
    """Before every topic name of the registry."""
    decision_max_bytes: int = 1_000_000
    """Key, value and headers of a decision together: what its topic takes."""
    letter_max_bytes: int = 1_000_000
    """The same of a dead letter."""

    @property
    def surely_fits_bytes(self) -> int:
        """A value of a decision that is no longer fits, whatever key and headers are."""
        return self.decision_max_bytes - self.record_max_bytes - _HEADERS_BYTES

    def fits(self, record: Outgoing) -> bool:
        """Whether the topic of a decision takes it."""
        key, value, headers = record
        size = len(key or b"") + len(value or b"") + len(headers)
        return size <= self.decision_max_bytes

    def topic(self, row: Topic) -> str:
        """Return the whole name of a topic."""
        return self.topic_prefix + row.name
