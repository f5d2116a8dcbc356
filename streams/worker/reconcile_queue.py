"""What is to be reconciled, in the order in which it was asked for."""

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Container, Sequence
from typing import Final

from typing_extensions import override

from streams.processing.applied import Applied
from streams.processing.reconcile import ReconcileRequest, everything

QUEUED_RECONCILE_REQUESTS: Final = 16
"""Requests that may wait in the agent's channel; the others wait here, each once."""


class ReconcileQueue:
    """Gathers requests, and hands them on one by one.

    Parameters
    ----------
    put
        Takes a request to the agent.
    """

    def __init__(self, put: Callable[[ReconcileRequest], Awaitable[None]]) -> None:
        self._put = put
        self.waiting: asyncio.Queue[ReconcileRequest] = asyncio.Queue()
        """Asked for, and not handed on yet."""
        self._asked: set[ReconcileRequest] = set()
        """Those for groups and partitions that wait: none need wait twice."""
        self._held: defaultdict[int, list[ReconcileRequest]] = defaultdict(list)
        """By partition: handed on while it was nobody's to look at."""

    def at_all(self, partition: int, keys: Sequence[str]) -> None:
        """Have a whole partition reconciled, a few hundred keys at a time."""
        for wanted in everything(partition, keys):
            self.at(wanted)

    def at_applied(self, partition: int, applied: Applied) -> None:
        """Have a change of facts looked at."""
        key, group = applied.key, applied.group
        if key is None and group is None:
            self.at(ReconcileRequest(partition))
        if key is not None:
            self.at(ReconcileRequest(partition, keys=(key,)))
        if group is not None:
            self.at(ReconcileRequest(partition, groups=(group,)))

    def at_keys(self, partition: int, keys: Sequence[str]) -> None:
        """Have keys looked at that were just decided, or whose due time has come."""
        self.at(ReconcileRequest(partition, keys=tuple(keys)))

    def at(self, wanted: ReconcileRequest) -> None:
        """Have something looked at."""
        if not wanted.keys:
            if wanted in self._asked:
                return
            self._asked.add(wanted)
        self.waiting.put_nowait(wanted)

    def hold(self, wanted: ReconcileRequest) -> None:
        """Keep what nobody may look at now: a rebalance is under way."""
        self._held[wanted.partition].append(wanted)

    def resume(self, partitions: Container[int]) -> None:
        """Ask again for what was held of partitions that are ours (again).

        Of the others it is forgotten: their new owner reconciles them.
        """
        held, self._held = self._held, defaultdict(list)
        for number, requests in held.items():
            if number in partitions:
                for wanted in requests:
                    self.at(wanted)

    async def pass_on(self) -> None:
        """Bring them to the agent: a channel's own queue is not what agents read."""
        while True:
            wanted = await self.waiting.get()
            self._asked.discard(wanted)  # what changes from now on is looked at again
            await self._put(wanted)


class DeadLettersOnly(ReconcileQueue):
    """No role ``watch`` here: only facts that cannot be read are looked at."""

    @override
    def at(self, wanted: ReconcileRequest) -> None:
        """Forget what is asked of keys and groups."""
        if not wanted.keys and not wanted.groups:
            super().at(wanted)
