"""The event time of a partition: the moment up to which all events are known."""

from streams.processing.watermarks import Watermarks, slowest


class EventTime:
    """The watermark of a partition's slowest feed, UTC ms; it never goes back.

    Parameters
    ----------
    feeds
        The watermarks of each topic whose events may change a due time. Until each has
        a watermark there is no event time, and nothing is due.
    """

    def __init__(self, *feeds: Watermarks) -> None:
        self._feeds = feeds
        self.ms: int | None = None
        """Event time at the last :meth:`advance`, UTC ms; None = no event time yet."""

    def advance(self, now_ms: int) -> int | None:
        """Read the feeds' watermarks again and return the event time, UTC ms.

        A feed that joins or stops later never moves event time back: what was due by
        then has been written.

        Parameters
        ----------
        now_ms
            The worker's current time, UTC ms. It caps the watermarks: a feed with a
            wrong clock may delay due times, but never bring them forward.
        """
        found = slowest(self._feeds)
        if found is not None:
            found = min(found, now_ms)
            self.ms = found if self.ms is None else max(self.ms, found)
        return self.ms
