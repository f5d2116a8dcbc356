"""What the watch agent is to look at: asked for by whoever changed something."""

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Container
from typing import Final

from typing_extensions import override

from streams.agents.watch import Glance, everything
from streams.decision.ledger import Ledger
from streams.kafka.tables import Applied

_CHUNK: Final = 500
QUEUED_GLANCES: Final = 16
"""Glances that may wait in the agent's channel; the others wait here, each once."""


class Glances:
    """Gathers what to look at, and hands it on one by one.

    Parameters
    ----------
    put
        Takes a glance to the agent.
    """

    def __init__(self, put: Callable[[Glance], Awaitable[None]]) -> None:
        self._put = put
        self.waiting: asyncio.Queue[Glance] = asyncio.Queue()
        """Asked for, and not handed on yet."""
        self._asked: set[Glance] = set()
        """Those at orders that wait: an order that changes again need not wait twice."""
        self._held: defaultdict[int, list[Glance]] = defaultdict(list)
        """By partition: handed on while it was nobody's to look at."""

    def at_all(self, partition: int, ledger: Ledger) -> None:
        """Have every refund of a partition looked at, a few hundred at a time."""
        ids = everything(ledger, partition).refund_ids
        self.at(Glance(partition))
        for begin in range(0, len(ids), _CHUNK):
            self.at(Glance(partition, ids[begin : begin + _CHUNK]))

    def at_applied(self, partition: int, applied: Applied) -> None:
        """Have a change of facts looked at."""
        if applied.merchant_switch is not None:
            self.at(Glance(partition))
        if applied.refund_id is not None:
            self.at(Glance(partition, refund_ids=(applied.refund_id,)))
        if applied.order_id is not None:
            self.at(Glance(partition, order_ids=(applied.order_id,)))

    def at_decided(self, partition: int, refund_ids: list[str]) -> None:
        """Have refunds looked at that were just decided."""
        self.at(Glance(partition, refund_ids=tuple(refund_ids)))

    def at(self, glance: Glance) -> None:
        """Have something looked at."""
        if glance.order_ids:
            if glance in self._asked:
                return
            self._asked.add(glance)
        self.waiting.put_nowait(glance)

    def hold(self, glance: Glance) -> None:
        """Keep what nobody may look at now: a rebalance is under way."""
        self._held[glance.partition].append(glance)

    def resume(self, partitions: Container[int]) -> None:
        """Ask again for what was held of partitions that are ours (again).

        Of the others it is forgotten: their new owner reconciles them.
        """
        held, self._held = self._held, defaultdict(list)
        for number, glances in held.items():
            if number in partitions:
                for glance in glances:
                    self.at(glance)

    async def pass_on(self) -> None:
        """Bring them to the agent: a channel's own queue is not what agents read."""
        while True:
            glance = await self.waiting.get()
            self._asked.discard(glance)  # what changes from now on is looked at again
            await self._put(glance)


class DeadOnly(Glances):
    """Nobody watches here: only facts that cannot be read are looked at."""

    @override
    def at(self, glance: Glance) -> None:
        """Forget what is asked of refunds and orders."""
        if not glance.refund_ids and not glance.order_ids:
            super().at(glance)
