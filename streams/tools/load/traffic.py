"""Generate traffic: orders, requests, and what follows them.

Most requests are one record on a fresh order. Some are delivered again, edited or
withdrawn; some orders ship just before or just after; abusers come in bursts, each time
just under the limit; a few requests are out of scope, or no JSON at all.
"""

from collections.abc import Iterator
from heapq import heappop, heappush
from itertools import count
from random import Random
from typing import Final

import msgspec

from streams.families.fast_refund.topics import ORDERS, REQUESTS
from streams.tools.drive.pacing import NS_PER_MS, NS_PER_S
from streams.tools.drive.rows import BEFORE_START, TimedRow
from streams.tools.load.pace import Festival, moments
from streams.tools.load.population import Buyer, Population, marks
from streams.tools.traffic import records
from streams.tools.traffic.records import Ask, Item

AGAIN_SHARE: Final = 0.05
EDIT_SHARE: Final = 0.04
WITHDRAW_SHARE: Final = 0.02
FOLLOWING: Final = AGAIN_SHARE + EDIT_SHARE + WITHDRAW_SHARE
"""Share of follow-up records, relative to first requests."""
SHIPPED_SHARE: Final = 0.03
RACE_SHARE: Final = 0.02
EXCHANGE_SHARE: Final = 0.02
BAD_SHARE: Final = 0.001
BURST_SHARE: Final = 0.002
"""Share of requests that begin a burst of an abuser."""
_BURST: Final = (5, 16)
_LEAD_NS: Final = 2 * NS_PER_S
"""How long an order is known before its request, unless it exists from the start."""
_SHIP_NS: Final = NS_PER_S
_FOLLOW_NS: Final = (NS_PER_S // 20, 5 * NS_PER_S)
_MARK_NS: Final = NS_PER_S


class Traffic:
    """The traffic of one run; the same seed and start give the same records.

    Parameters
    ----------
    start_ms
        UTC ms. It is part of order and refund ids, because a request of an earlier run
        would be answered with its first decision.
    """

    def __init__(
        self, people: Population, prefix: str, seed: int, start_ms: int
    ) -> None:
        self._people, self._prefix, self._start_ms = people, prefix, start_ms
        self._draw = Random(seed + 1)  # noqa: S311 - a world, no secret
        self._tag = f"{seed}-{start_ms:x}"
        self._end_ns = 0
        self._numbers = count()
        self._later: list[tuple[int, int, TimedRow | None]] = []
        """Due, number, row; None = watermarks. Numbers keep equal moments in order."""
        self._waiting: list[Item] = []
        """Existing orders without a request yet, last first."""
        self._burst: list[Buyer] = []
        """The abuser of the current burst, once for each request to come."""

    def before(self, orders: int) -> Iterator[TimedRow]:
        """Yield orders that exist from the start, and first watermarks."""
        for number in range(orders):
            item = self._item(f"o-{self._tag}-{number}", self._anybody())
            self._waiting.append(item)
            yield self._order(item, BEFORE_START)
        self._waiting.reverse()
        partitions = self._people.partitions
        yield from marks(self._prefix, partitions, BEFORE_START, self._start_ms)

    def rows(self, festival: Festival, gaps: str) -> Iterator[TimedRow]:
        """Yield all records of the run in time order.

        Parameters
        ----------
        festival
            Rate of all requests, follow-ups included.
        """
        firsts = msgspec.structs.replace(festival, rate=festival.rate / (1 + FOLLOWING))
        self._end_ns = int(festival.seconds * NS_PER_S)
        self._put(_MARK_NS, None)
        for number, due_ns in enumerate(moments(firsts, self._draw, gaps)):
            # No record that is still to be drawn is due before the order of this
            # request.
            yield from self._until(due_ns - _LEAD_NS)
            self._ask(number, due_ns)
        yield from self._until(self._end_ns)

    def _until(self, before_ns: int) -> Iterator[TimedRow]:
        while self._later and self._later[0][0] < before_ns:
            due_ns, _, row = heappop(self._later)
            if row is not None:
                yield row
            else:
                yield from self._marks(due_ns)

    def _marks(self, due_ns: int) -> Iterator[TimedRow]:
        at_ms = self._at_ms(due_ns)
        self._put(due_ns + _MARK_NS, None)
        yield from marks(self._prefix, self._people.partitions, due_ns, at_ms)

    def _put(self, due_ns: int, row: TimedRow | None) -> None:
        heappush(self._later, (due_ns, next(self._numbers), row))

    def _at_ms(self, due_ns: int) -> int:
        return self._start_ms + due_ns // NS_PER_MS

    # -- one request -----------------------------------------------------------

    def _ask(self, number: int, due_ns: int) -> None:
        """Draw a request, its order, and what follows."""
        draw = self._draw
        if draw.random() < BAD_SHARE:
            self._bad(due_ns)
            return
        ask = Ask(
            f"r-{self._tag}-{number}",
            self._ordered(number, due_ns),
            "exchange" if draw.random() < EXCHANGE_SHARE else "refund_only",
        )
        first = records.encoded(records.request(ask, self._at_ms(due_ns)))
        self._request(ask, due_ns, first)
        self._ship(ask.item, due_ns)
        self._follow(ask, due_ns, first)

    def _ordered(self, number: int, due_ns: int) -> Item:
        """Return an order for a request: a waiting one, or a new one."""
        buyer = self._abuser()
        if buyer is None and self._waiting:
            return self._waiting.pop()
        item = self._item(f"o-{self._tag}-n{number}", buyer or self._anybody())
        placed_ns = due_ns - _LEAD_NS
        self._put(placed_ns, self._order(item, max(placed_ns, BEFORE_START)))
        return item

    def _abuser(self) -> Buyer | None:
        if self._burst:
            return self._burst.pop()
        if self._people.abusers and self._draw.random() < BURST_SHARE:
            buyer = self._draw.choice(self._people.abusers)
            self._burst = [buyer] * self._draw.randrange(*_BURST)
        return None

    def _ship(self, item: Item, due_ns: int) -> None:
        chance = self._draw.random()
        shift_ns = self._draw.randrange(_SHIP_NS)
        if chance < SHIPPED_SHARE:
            at_ns = max(due_ns - shift_ns, BEFORE_START)
        elif chance < SHIPPED_SHARE + RACE_SHARE:
            at_ns = due_ns + shift_ns
        else:
            return
        shipped = records.shipped_order(item, self._at_ms(at_ns))
        self._put(at_ns, self._order_row(item, at_ns, shipped))

    def _follow(self, ask: Ask, due_ns: int, first: bytes) -> None:
        chance = self._draw.random()
        at_ns = due_ns + self._draw.randrange(*_FOLLOW_NS)
        if at_ns >= self._end_ns or chance >= FOLLOWING:
            return
        if chance < AGAIN_SHARE:
            value = first
        else:
            edited = chance < AGAIN_SHARE + EDIT_SHARE
            change = records.edit if edited else records.withdrawal
            value = records.encoded(change(ask, self._at_ms(at_ns)))
        self._request(ask, at_ns, value)

    def _request(self, ask: Ask, due_ns: int, value: bytes) -> None:
        topic, key = self._prefix + REQUESTS.name, ask.refund_id.encode()
        row = TimedRow(
            due_ns,
            timed=True,
            topic=topic,
            partition=ask.item.partition,
            key=key,
            value=value,
            headers=[],
        )
        self._put(due_ns, row)

    def _bad(self, due_ns: int) -> None:
        partition = self._draw.randrange(self._people.partitions)
        value = self._draw.choice(records.UNREADABLE)
        topic = self._prefix + REQUESTS.name
        row = TimedRow(
            due_ns,
            timed=True,
            topic=topic,
            partition=partition,
            key=b"bad",
            value=value,
            headers=[],
        )
        self._put(due_ns, row)

    def _order(self, item: Item, due_ns: int) -> TimedRow:
        return self._order_row(item, due_ns, records.order(item, self._at_ms(due_ns)))

    def _order_row(self, item: Item, due_ns: int, order: records.Fields) -> TimedRow:
        return TimedRow(
            due_ns,
            timed=False,
            topic=self._prefix + ORDERS.name,
            partition=item.partition,
            key=item.order_id.encode(),
            value=records.encoded(order),
            headers=[],
        )

    def _anybody(self) -> Buyer:
        return self._draw.choice(self._people.buyers)

    def _item(self, order_id: str, buyer: Buyer) -> Item:
        return self._people.item(self._draw, order_id, buyer)
