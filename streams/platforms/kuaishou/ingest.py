"""One pushed record in, canonical records out: reading, asking, mapping.

Reading is done in the order of the records, because it has memory. Asking is done
for many records at once; outputs keep the order of their records.
"""

import asyncio
from collections.abc import Callable, Sequence

import msgspec

from streams.platforms.kuaishou.client import Answer, Platform, Unavailable
from streams.platforms.kuaishou.events import RefundChanged, Suspect
from streams.platforms.kuaishou.mapping import NOT_ASKED, Answers, Emission, emissions
from streams.platforms.kuaishou.memory import Known
from streams.platforms.kuaishou.reading import Reader, Verdict
from streams.platforms.kuaishou.snapshot import Categories, buyer_of


class Handled(msgspec.Struct, frozen=True):
    """What one record became."""

    verdict: Verdict
    emissions: tuple[Emission, ...]


class _Read(msgspec.Struct, frozen=True):
    raw: bytes
    verdict: Verdict
    known: Known


class Ingest:
    """Turns pushed records into canonical ones.

    Parameters
    ----------
    reader
        Its memory must see every record of an order: one reader per input partition
        or more, never less than all records of an order.
    platform
        Asked for what pushes leave out; its failures are values.
    categories
        Leaf category id -> path from the root.
    now_ms
        Wall clock: dates what is asked, and ages the reader's memory.
    records_max
        Records asked about at once.
    """

    def __init__(
        self,
        reader: Reader,
        platform: Platform,
        *,
        categories: Categories,
        now_ms: Callable[[], int],
        records_max: int = 32,
    ) -> None:
        self._reader = reader
        self._platform = platform
        self._categories = categories
        self._now_ms = now_ms
        self._slots = asyncio.Semaphore(records_max)

    async def handle(self, raw: bytes) -> Handled:
        """Handle one record; never raises on any bytes or any answer."""
        (handled,) = await self.handle_slice([raw])
        return handled

    async def handle_slice(self, raws: Sequence[bytes]) -> list[Handled]:
        """Handle records of one partition, in order; one result each, in the same order."""
        self._reader.advance(self._now_ms())
        read = [self._read(raw) for raw in raws]
        return list(await asyncio.gather(*(self._finish(one) for one in read)))

    def _read(self, raw: bytes) -> _Read:
        verdict = self._reader.classify(raw)
        event = verdict.event
        known = Known() if event is None else self._reader.order(event.order_id)
        return _Read(raw, verdict, known)

    async def _finish(self, read: _Read) -> Handled:
        event = read.verdict.event
        answers = None
        if event is not None:
            async with self._slots:
                answers = await self._ask(event.order_id, _refund_id(read.verdict))
            buyer_id = (
                None
                if isinstance(answers.order, Unavailable)
                else buyer_of(answers.order)
            )
            if buyer_id is not None:
                self._reader.learn_buyer(event.order_id, buyer_id)
        found = emissions(read.raw, read.verdict, read.known, answers, self._categories)
        return Handled(read.verdict, tuple(found))

    async def _ask(self, order_id: int, refund_id: int | None) -> Answers:
        asked_at_ms = (
            self._now_ms()
        )  # before asking: an answer vouches for no later moment
        order, fee, refund = await asyncio.gather(
            self._platform.order(order_id),
            self._platform.fee(order_id),
            self._refund(refund_id, order_id),
        )
        return Answers(asked_at_ms, order, fee, refund)

    async def _refund(self, refund_id: int | None, order_id: int) -> Answer:
        return (
            NOT_ASKED
            if refund_id is None
            else await self._platform.refund(refund_id, order_id)
        )


def _refund_id(verdict: Verdict) -> int | None:
    event = verdict.event
    return event.refund_id if isinstance(event, RefundChanged | Suspect) else None
