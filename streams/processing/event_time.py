"""The event time of a partition: up to when everything that happened is known."""

from streams.processing.watermarks import Watermarks, slowest


class EventTime:
    """The slowest of a partition's feeds, in UTC ms; it never goes back.

    Parameters
    ----------
    feeds
        The watermarks of each topic whose events may change when something is due. As
        long as one of them has not spoken there is no event time, and nothing is due.
    """

    def __init__(self, *feeds: Watermarks) -> None:
        self._feeds = feeds
        self.ms: int | None = None
        """As far as :meth:`advance` has seen it, UTC ms; None = no event time yet."""

    def advance(self, now_ms: int) -> int | None:
        """Look at the feeds again and return the event time, UTC ms.

        A feed that comes in or falls silent later does not take back what was passed:
        what was due then has been written.

        Parameters
        ----------
        now_ms
            The worker's moment, UTC ms. A watermark beyond it counts as far as it only:
            a feed with a wrong clock may delay what is due, and never bring it forward.
        """
        found = slowest(self._feeds)
        if found is not None:
            found = min(found, now_ms)
            self.ms = found if self.ms is None else max(self.ms, found)
        return self.ms
