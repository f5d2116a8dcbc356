"""Faults 32 and 33: who belongs in which partition."""

import json
from collections import defaultdict
from collections.abc import Iterator
from typing import Any, Final

from faults.lab_logs import now_ms
from faults.run import FaultRun
from faults.waiting import eventually
from streams.processing.partitioner import partition_of
from streams.records.fold import fold_payouts
from testkit.rows import PARTITIONS, Row, row
from testkit.scenarios.script import Script

_ORDERS: Final = 200
_NUMBERED_FROM: Final = 900_000
"""Number of a scenario, above all of the load."""
_PUSHED: Final = 60
_ORDER_ID: Final = 2_607_790_000_000_001
_REFUND_ID: Final = 2_607_790_000_500_001
_SHOP_ID: Final = 2_100_000_001


class _Moved:
    """An order that went to another buyer, by the book or carelessly."""

    def __init__(self, number: int) -> None:
        self.old = Script(number, now_ms())
        self.by_the_book = number % 2 == 0
        self.old.buyer()
        self.old.order()
        self.old.request(None)
        old = self.old.facts[0][1]
        names = (f"{self.old.owner}-{n}" for n in range(100))
        self.buyer_id = next(one for one in names if _home(one) != old.partition)
        self.order = self.old.facts[1][1]
        self.asked = _as(self.old.requests[0][1], self.buyer_id, refund_id=self.refund)

    @property
    def refund(self) -> str:
        """The refund that the new buyer asks for."""
        return f"r-{self.old.name}-2"

    def facts(self) -> Iterator[Row]:
        """Yield the old buyer's order, and the new buyer."""
        yield from (found for _, found in self.old.facts)
        yield _as(self.old.facts[0][1], self.buyer_id, self.buyer_id)

    def move(self) -> Iterator[Row]:
        """Yield what says that the order is another buyer's now."""
        moved = _as(self.order, self.buyer_id, order_version=2)
        if self.by_the_book:
            yield Row("orders", self.order.partition, self.order.key, None)
            yield moved
        else:  # over the old row, where the new buyer's orders are not
            yield Row("orders", self.order.partition, moved.key, moved.value)


def _as(one: Row, buyer_id: str, key: str | None = None, **changes: Any) -> Row:  # noqa: ANN401 - JSON
    fields = {**json.loads(one.value or b"{}"), "buyer_id": buyer_id, **changes}
    named = key or str(changes.get("refund_id") or (one.key or b"").decode())
    return row(one.topic, buyer_id, named, **fields)


def _home(buyer_id: str) -> int:
    return partition_of(buyer_id, PARTITIONS)


async def two_buyers(run: FaultRun) -> None:
    """32: orders go to another buyer; nobody is approved on the row of the old one."""
    moved = [_Moved(_NUMBERED_FROM + number) for number in range(_ORDERS)]
    await run.lab.put(*[found for one in moved for found in one.facts()])
    await run.pass_s(1)
    for part in zip(*(one.move() for one in moved if one.by_the_book), strict=True):
        await run.lab.put(*part)  # every tombstone first
    await run.lab.put(*[f for one in moved if not one.by_the_book for f in one.move()])
    run.note(f"{len(moved)} orders have another buyer")
    await run.lab.put(*[one.old.requests[0][1] for one in moved])
    await run.lab.put(*[one.asked for one in moved])
    await run.no_lag()
    approved = await _approved_keys(run)
    olds = {f"pay:r-{one.old.name}-1" for one in moved}
    news = {f"pay:{one.refund}" for one in moved if one.by_the_book}
    run.expect(not olds & approved, f"{len(olds & approved)} old buyers approved")
    run.expect(news <= approved, f"{len(news - approved)} new buyers not approved")
    await eventually(lambda: _counted(run), 30)
    await _refunds_under_two_buyers(run, moved)


async def _counted(run: FaultRun) -> bool:
    """Whether the workers have counted every order that was moved carelessly."""
    line = f'refund_misrouted_total{{topic="{run.lab.prefix}orders"}}'
    counts = [await worker.metric(line) or 0 for worker in run.supervisor.workers]
    return sum(counts) >= _ORDERS / 2


async def _refunds_under_two_buyers(run: FaultRun, moved: list[_Moved]) -> None:
    """Fold what approvals there are over all partitions: a key is paid once."""
    approvals = [rec.fields for rec in await run.lab.records("approvals")]
    paid: set[str] = set()
    found = [one.payout_key for one in fold_payouts(map(_Payable, approvals), paid)]
    run.expect(len(found) == len(set(found)) == len(paid), "a key was paid twice")
    run.note(f"{len(paid)} payouts of {len(approvals)} approvals, {len(moved)} moved")


class _Payable:
    def __init__(self, fields: dict[str, Any]) -> None:
        self.payout_key: str | None = fields["payout_key"]


async def _approved_keys(run: FaultRun) -> set[str]:
    return {rec.fields["payout_key"] for rec in await run.lab.records("approvals")}


async def ingest_restarted(run: FaultRun) -> None:
    """33: copies of a push after kill -9, and after a clean stop: decided once.

    The platform answers nothing, and a refund push names no buyer.
    """
    (worker,) = await run.supervisor.add(1, REFUND_WORKER__ROLES="ingest")
    await run.lab.put(*[_added(number) for number in range(_PUSHED)])
    await _pushed(run, 1)
    run.supervisor.kill(worker)
    await run.supervisor.ready()
    await _pushed(run, 2)
    await run.supervisor.stop(worker)
    run.supervisor.start(worker)
    await run.supervisor.ready()
    await _pushed(run, 3)
    await run.no_lag()
    lain: defaultdict[bytes | None, list[int]] = defaultdict(list)
    for rec in await run.lab.records("requests"):
        if rec.key in _refund_keys():
            lain[rec.key].append(rec.partition)
    astray = sum(len(set(found)) > 1 for found in lain.values())
    run.expect(not astray, f"{astray} of {_PUSHED} refunds are in two partitions")
    decided: defaultdict[str, set[bytes | None]] = defaultdict(set)
    for rec in await run.lab.records("approvals", "reviews", "skipped"):
        if rec.key in _refund_keys():
            decided[rec.fields["refund_id"]].add(rec.value)
    twice = sum(len(values) > 1 for values in decided.values())
    run.expect(not twice, f"{twice} of {_PUSHED} refunds are decided twice")
    run.expect(len(decided) == _PUSHED, f"{len(decided)} of {_PUSHED} are decided")


def _refund_keys() -> set[bytes]:
    return {str(_REFUND_ID + number).encode() for number in range(_PUSHED)}


async def _pushed(run: FaultRun, times: int) -> None:
    """Push each refund once more, and wait until that has become requests."""
    await run.lab.put(*[_asked(number, times) for number in range(_PUSHED)])

    async def there() -> bool:
        found = [rec.key for rec in await run.lab.records("requests")]
        return sum(key in _refund_keys() for key in found) >= times * _PUSHED

    await eventually(there, 60)
    run.note(f"{_PUSHED} refunds pushed for the {times}. time")


def _added(number: int) -> Row:
    info = {
        "oid": _ORDER_ID + number,
        "sellerId": _SHOP_ID,
        "createTime": now_ms() - 60_000,
        "buyerOpenId": f"kb-{number}",
    }
    return _push("kwaishop_order_addOrder", f"o-{number}", _ORDER_ID + number, info)


def _asked(number: int, times: int) -> Row:
    info = {
        "orderId": _ORDER_ID + number,
        "refundId": _REFUND_ID + number,
        "handlingWay": 10,
        "specialRefundType": 0,
        "status": 10,
        "createTime": 1_790_000_000_000 + number,
    }
    event_id = f"r-{number}-{times}"
    order_id = _ORDER_ID + number
    return _push("kwaishop_aftersales_addRefund", event_id, order_id, info)


def _push(tag: str, event_id: str, order_id: int, info: dict[str, Any]) -> Row:
    fields = {
        "eventId": event_id,
        "event": tag,
        "userId": _SHOP_ID,
        "info": json.dumps(info),
    }
    return row("events", str(order_id), str(order_id), **fields)
