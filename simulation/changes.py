"""When something has last changed in a cluster, other than who asks for what."""

from collections.abc import Callable, Mapping

from typing_extensions import override

from testkit.simulated.observer import NoObserver


class LastChange(NoObserver):
    """Remembers when a log, a leader, an offset or a group was last another one than before.

    Requests are no change, nor is an offset that is committed again.

    Parameters
    ----------
    clock
        Virtual time, seconds.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self.at_s = clock()
        self._offsets: dict[tuple[str, str, int], int] = {}

    def note_change(self) -> None:
        """Note a change of something else, such as a worker that starts."""
        self.at_s = self._clock()

    @override
    def appended(self, topic: str, partition: int, base_offset: int, end: int) -> None:
        self.note_change()

    @override
    def marked(self, topic: str, partition: int, offset: int, *, commit: bool) -> None:
        self.note_change()

    @override
    def truncated(self, topic: str, partition: int, end: int) -> None:
        self.note_change()

    @override
    def led(self, topic: str, partition: int, node: int | None, epoch: int) -> None:
        self.note_change()

    @override
    def committed(
        self, group: str, topic: str, partition: int, offset: int, metadata: str
    ) -> None:
        where = group, topic, partition
        if self._offsets.get(where) != offset:
            self._offsets[where] = offset
            self.note_change()

    @override
    def generation(self, group: str, number: int, members: Mapping[str, str]) -> None:
        self.note_change()
