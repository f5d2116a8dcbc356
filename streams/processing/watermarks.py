"""Watermarks: how far the feeds of a topic partition have been written."""

from collections.abc import Iterable
from typing import Final

from streams.records.json_values import Unreadable, decode_watermark

WATERMARK_KEY: Final = b"__watermark__"
"""Watermark records have this key, or this key and ``:`` and the name of one feed."""


class Watermarks:
    """How far each feed of a topic partition has been written; the slowest one counts."""

    def __init__(self) -> None:
        self._feeds: dict[bytes, int] = {}
        self.ms: int | None = None
        """None until a feed has spoken."""

    def only_lowered_by(self, key: bytes, value: bytes | None) -> bool:
        """Whether a watermark record can only make the partition less fresh.

        A feed that was not known, beside others, may be the slowest; it is never the
        reason that the slowest one is later.
        """
        return value is not None and self.ms is not None and key not in self._feeds

    def apply(self, key: bytes, value: bytes | None) -> Unreadable | None:
        """Take a watermark record; one never goes back. A tombstone ends a feed."""
        if value is None:
            self._feeds.pop(key, None)
        else:
            mark = decode_watermark(value)
            if isinstance(mark, Unreadable):
                return mark
            self._feeds[key] = max(
                mark.watermark_ms, self._feeds.get(key, mark.watermark_ms)
            )
        self.ms = min(self._feeds.values(), default=None)
        return None


def slowest(marks: Iterable[Watermarks]) -> int | None:
    """Return the slowest of several partitions, UTC ms; None until all have spoken."""
    found = [mark.ms for mark in marks]
    known = [ms for ms in found if ms is not None]
    return min(known) if known and len(known) == len(found) else None
