"""Watermarks: how far the feeds of a topic partition have been written."""

from collections.abc import Iterable
from typing import Final

from streams.records.json_values import Unreadable, decode_watermark

WATERMARK_KEY: Final = b"__watermark__"
"""Key of watermark records; a feed's own key is this, ``:`` and its name."""


class Watermarks:
    """The watermarks of one topic partition by feed; the slowest feed counts."""

    def __init__(self) -> None:
        self._feeds: dict[bytes, int] = {}
        self.ms: int | None = None
        """Watermark of the slowest feed, UTC ms; None = no watermark yet."""

    def only_lowered_by(self, key: bytes, value: bytes | None) -> bool:
        """Whether a watermark record can only make the partition less fresh.

        A new feed beside others may be the slowest; it never moves the watermark
        forward.
        """
        return value is not None and self.ms is not None and key not in self._feeds

    def apply(self, key: bytes, value: bytes | None) -> Unreadable | None:
        """Apply a watermark record; a watermark never goes back, a tombstone ends a feed."""
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
    """Return the slowest watermark of several partitions, UTC ms; None until all have one."""
    found = [mark.ms for mark in marks]
    known = [ms for ms in found if ms is not None]
    return min(known) if known and len(known) == len(found) else None
