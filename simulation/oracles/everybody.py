"""Several observers behind one."""

from collections.abc import Mapping

from typing_extensions import override

from testkit.simulated.observer import NoObserver, Observer


class Everybody(NoObserver):
    """Tells several observers, in their order."""

    def __init__(self, *observers: Observer) -> None:
        self._all = observers

    @override
    def requested(self, node: int, api_key: int, version: int, client: str) -> None:
        for one in self._all:
            one.requested(node, api_key, version, client)

    @override
    def appended(self, topic: str, partition: int, base_offset: int, end: int) -> None:
        for one in self._all:
            one.appended(topic, partition, base_offset, end)

    @override
    def marked(self, topic: str, partition: int, offset: int, *, commit: bool) -> None:
        for one in self._all:
            one.marked(topic, partition, offset, commit=commit)

    @override
    def truncated(self, topic: str, partition: int, end: int) -> None:
        for one in self._all:
            one.truncated(topic, partition, end)

    @override
    def created(self, topic: str) -> None:
        for one in self._all:
            one.created(topic)

    @override
    def deleted(self, topic: str) -> None:
        for one in self._all:
            one.deleted(topic)

    @override
    def led(self, topic: str, partition: int, node: int | None, epoch: int) -> None:
        for one in self._all:
            one.led(topic, partition, node, epoch)

    @override
    def committed(
        self, group: str, topic: str, partition: int, offset: int, metadata: str
    ) -> None:
        for one in self._all:
            one.committed(group, topic, partition, offset, metadata)

    @override
    def generation(self, group: str, number: int, members: Mapping[str, str]) -> None:
        for one in self._all:
            one.generation(group, number, members)

    @override
    def note(self, who: str, what: str) -> None:
        for one in self._all:
            one.note(who, what)
