"""The queue of reconcile requests, in the order of arrival."""

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Container, Sequence
from typing import Final

from typing_extensions import override

from streams.processing.applied import Applied
from streams.processing.reconcile import ReconcileRequest, everything

QUEUED_RECONCILE_REQUESTS: Final = 16
"""Most requests in the reconciler's channel; the others wait here, each once."""


class ReconcileQueue:
    """Collects requests and passes them on one by one.

    Parameters
    ----------
    put
        Puts a request into the reconciler's channel.
    """

    def __init__(self, put: Callable[[ReconcileRequest], Awaitable[None]]) -> None:
        self._put = put
        self.waiting: asyncio.Queue[ReconcileRequest] = asyncio.Queue()
        """Requests that are not passed on yet."""
        self._asked: set[ReconcileRequest] = set()
        """Waiting requests for groups and partitions: none of them waits twice."""
        self._held: defaultdict[int, list[ReconcileRequest]] = defaultdict(list)
        """Partition -> requests that were passed on while no worker owned the
        partition."""

    def at_all(self, partition: int, keys: Sequence[str]) -> None:
        """Request a whole partition, a few hundred keys at a time."""
        for wanted in everything(partition, keys):
            self.at(wanted)

    def at_applied(self, partition: int, applied: Applied) -> None:
        """Request what a changed fact concerns."""
        key, group = applied.key, applied.group
        if key is None and group is None:
            self.at(ReconcileRequest(partition))
        if key is not None:
            self.at(ReconcileRequest(partition, keys=(key,)))
        if group is not None:
            self.at(ReconcileRequest(partition, groups=(group,)))

    def at_keys(self, partition: int, keys: Sequence[str]) -> None:
        """Request keys that were just decided or whose due time has passed."""
        self.at(ReconcileRequest(partition, keys=tuple(keys)))

    def at(self, wanted: ReconcileRequest) -> None:
        """Add a request."""
        if not wanted.keys:
            if wanted in self._asked:
                return
            self._asked.add(wanted)
        self.waiting.put_nowait(wanted)

    def hold(self, wanted: ReconcileRequest) -> None:
        """Keep a request for a partition that is not ours during a rebalance."""
        self._held[wanted.partition].append(wanted)

    def resume(self, partitions: Container[int]) -> None:
        """Queue the kept requests of partitions that are ours (again).

        Those of other partitions are dropped: their new owner reconciles them.
        """
        held, self._held = self._held, defaultdict(list)
        for number, requests in held.items():
            if number in partitions:
                for wanted in requests:
                    self.at(wanted)

    async def pass_on(self) -> None:
        """Pass requests on to the reconciler's channel, until cancelled."""
        while True:
            wanted = await self.waiting.get()
            self._asked.discard(wanted)  # later changes are requested again
            await self._put(wanted)


class DeadLettersOnly(ReconcileQueue):
    """The queue of a worker without the role ``watch``: only dead letters of facts are written."""

    @override
    def at(self, wanted: ReconcileRequest) -> None:
        """Drop the keys and groups of a request."""
        if not wanted.keys and not wanted.groups:
            super().at(wanted)
