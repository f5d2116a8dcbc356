"""Turn pushed records into canonical ones: read, ask the platform, map.

Records are read in order, because reading has memory. The platform is asked for many
records concurrently; outputs keep the order of their records.
"""

import asyncio
from collections.abc import Callable, Sequence

import msgspec

from streams.families.fast_refund.topics import ORDERS
from streams.platforms.kuaishou.client import Answer, Platform, Unavailable
from streams.platforms.kuaishou.events import RefundChanged, Suspect
from streams.platforms.kuaishou.mapping import NOT_ASKED, Answers, Emission, emissions
from streams.platforms.kuaishou.memory import Known
from streams.platforms.kuaishou.reading import Reader, Verdict
from streams.platforms.kuaishou.snapshot import Categories, buyer_of


class Handled(msgspec.Struct, frozen=True):
    """The result of one record."""

    verdict: Verdict
    emissions: tuple[Emission, ...]


class _Read(msgspec.Struct, frozen=True):
    raw: bytes
    verdict: Verdict
    known: Known


Placed = Callable[[int], tuple[str, ...]]
"""Order id -> owners of its rows on ``refund.orders`` (``Known.placed``)."""


class Ingest:
    """Turns pushed records into canonical ones.

    Parameters
    ----------
    reader
        Its memory must see all records of an order: one reader for one or more whole
        input partitions.
    platform
        Asked for what pushes leave out; its failures are values.
    categories
        Leaf category id -> path from the root.
    now_ms
        Wall clock, UTC ms: dates the calls, and ages the reader's memory.
    placed
        Owners of an order's rows by the topic, when the reader does not remember them:
        its memory ends with the process, but the partition of records must not change.
    records_max
        Most records that the platform is asked about concurrently.
    """

    def __init__(
        self,
        reader: Reader,
        platform: Platform,
        *,
        categories: Categories,
        now_ms: Callable[[], int],
        placed: Placed,
        records_max: int = 32,
    ) -> None:
        self._reader = reader
        self._platform = platform
        self._categories = categories
        self._now_ms = now_ms
        self._placed = placed
        self._slots = asyncio.Semaphore(records_max)

    async def handle(self, raw: bytes) -> Handled:
        """Handle one record; never raises, whatever the bytes or the answer."""
        (handled,) = await self.handle_slice([raw])
        return handled

    async def handle_slice(self, raws: Sequence[bytes]) -> list[Handled]:
        """Handle records of one partition, in order; one result each, in the same order."""
        self._reader.advance(self._now_ms())
        read = [self._read(raw) for raw in raws]
        answers = await asyncio.gather(*(self._ask_about(one) for one in read))
        return [
            self._finish(one, found) for one, found in zip(read, answers, strict=True)
        ]

    def _read(self, raw: bytes) -> _Read:
        verdict = self._reader.classify(raw)
        event = verdict.event
        if event is None:
            return _Read(raw, verdict, Known())
        if not self._reader.order(event.order_id).placed:
            self._reader.learn_place(event.order_id, self._placed(event.order_id))
        return _Read(raw, verdict, self._reader.order(event.order_id))

    async def _ask_about(self, read: _Read) -> Answers | None:
        event = read.verdict.event
        if event is None:
            return None
        async with self._slots:
            return await self._ask(event.order_id, _refund_id(read.verdict))

    def _finish(self, read: _Read, answers: Answers | None) -> Handled:
        """Map one record; an earlier record may have told the order's owner meanwhile."""
        event = read.verdict.event
        known = read.known
        if event is not None and answers is not None:
            if not isinstance(answers.order, Unavailable):
                buyer_id = buyer_of(answers.order)
                if buyer_id is not None:
                    self._reader.learn_buyer(event.order_id, buyer_id)
            now = self._reader.order(event.order_id)
            known = msgspec.structs.replace(
                known, buyer_id=now.buyer_id, placed=now.placed
            )
        found = emissions(read.raw, read.verdict, known, answers, self._categories)
        rows = [
            one for one in found if one.topic == ORDERS.name and one.value is not None
        ]
        if event is not None and rows and rows[-1].partition_by is not None:
            self._reader.learn_place(event.order_id, (rows[-1].partition_by,))
        return Handled(read.verdict, tuple(found))

    async def _ask(self, order_id: int, refund_id: int | None) -> Answers:
        asked_at_ms = (
            self._now_ms()
        )  # before the call: an answer is true for no later moment
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
