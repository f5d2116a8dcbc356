"""What the watch agent is to look at: asked for by whoever changed something."""

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Container
from typing import Final

from typing_extensions import override

from streams.families.fast_refund.decision_history import DecisionHistory
from streams.families.fast_refund.tables import Applied
from streams.worker.reconciler import ReconcileRequest, everything

_CHUNK: Final = 500
QUEUED_RECONCILE_REQUESTS: Final = 16
"""Glances that may wait in the agent's channel; the others wait here, each once."""


class ReconcileQueue:
    """Gathers what to look at, and hands it on one by one.

    Parameters
    ----------
    put
        Takes a glance to the agent.
    """

    def __init__(self, put: Callable[[ReconcileRequest], Awaitable[None]]) -> None:
        self._put = put
        self.waiting: asyncio.Queue[ReconcileRequest] = asyncio.Queue()
        """Asked for, and not handed on yet."""
        self._asked: set[ReconcileRequest] = set()
        """Those at orders that wait: an order that changes again need not wait twice."""
        self._held: defaultdict[int, list[ReconcileRequest]] = defaultdict(list)
        """By partition: handed on while it was nobody's to look at."""

    def at_all(self, partition: int, ledger: DecisionHistory) -> None:
        """Have every refund of a partition looked at, a few hundred at a time."""
        ids = everything(ledger, partition).refund_ids
        self.at(ReconcileRequest(partition))
        for begin in range(0, len(ids), _CHUNK):
            self.at(ReconcileRequest(partition, ids[begin : begin + _CHUNK]))

    def at_applied(self, partition: int, applied: Applied) -> None:
        """Have a change of facts looked at."""
        if applied.merchant_switch is not None:
            self.at(ReconcileRequest(partition))
        if applied.refund_id is not None:
            self.at(ReconcileRequest(partition, refund_ids=(applied.refund_id,)))
        if applied.order_id is not None:
            self.at(ReconcileRequest(partition, order_ids=(applied.order_id,)))

    def at_decided(self, partition: int, refund_ids: list[str]) -> None:
        """Have refunds looked at that were just decided."""
        self.at(ReconcileRequest(partition, refund_ids=tuple(refund_ids)))

    def at(self, wanted: ReconcileRequest) -> None:
        """Have something looked at."""
        if wanted.order_ids:
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
        for number, reconcile_queue in held.items():
            if number in partitions:
                for wanted in reconcile_queue:
                    self.at(wanted)

    async def pass_on(self) -> None:
        """Bring them to the agent: a channel's own queue is not what agents read."""
        while True:
            wanted = await self.waiting.get()
            self._asked.discard(wanted)  # what changes from now on is looked at again
            await self._put(wanted)


class DeadLettersOnly(ReconcileQueue):
    """Nobody watches here: only facts that cannot be read are looked at."""

    @override
    def at(self, wanted: ReconcileRequest) -> None:
        """Forget what is asked of refunds and orders."""
        if not wanted.refund_ids and not wanted.order_ids:
            super().at(wanted)
