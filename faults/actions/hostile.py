"""Fault 19 too: records that clients cannot take apart or that nobody has room for."""

from typing import Final

import orjson
from aiokafka import TopicPartition

from faults.hostile import batches, bomb
from faults.judge.view import Rec
from faults.lab import FACTS
from faults.raw import put
from faults.run import FaultRun
from faults.waiting import eventually
from testkit.rows import PARTITIONS, Row, row

_FACT: Final = b'{"hostile": true}'
"""Nobody's: whatever its record is like, it is a dead letter."""
_LINES: Final = 12_000
"""Of an order below the bound of what is read, whose quote is eight times as large."""
_ROUNDS: Final = 3


async def hostile(run: FaultRun) -> None:
    """34: every kind of hostile record into every topic that is read, while load goes on."""
    for number in range(_ROUNDS):
        await _into_requests(run, number)
        await run.some_moment()
        await _into_facts(run, number)
        await run.some_moment()
    await _long_orders(run)
    run.note("hostile records in every topic")
    await eventually(lambda: _all_buried(run), 60)
    run.note("every hostile fact has its letter")
    run.expect(not run.supervisor.codes, f"workers ended: {run.supervisor.codes}")


async def _into_requests(run: FaultRun, number: int) -> None:
    def good(kind: int) -> tuple[bytes, bytes]:
        name = f"hostile-{number}-{kind}"
        return name.encode(), orjson.dumps({"refund_id": name, "action": "open"})

    for at, (_, batch) in enumerate(batches(good)):
        where = TopicPartition(run.lab.input_topic, (number + at) % PARTITIONS)
        await put(run.lab.producer, where, batch)
    where = TopicPartition(run.lab.input_topic, number % PARTITIONS)
    await put(run.lab.producer, where, bomb(b"bomb"))


async def _into_facts(run: FaultRun, number: int) -> None:
    def nobodys(kind: int) -> tuple[bytes, bytes]:
        return b"hostile-%d-%d" % (number, kind), _FACT

    for topic in (*FACTS, "policies"):
        partition = 0 if topic == "policies" else number % PARTITIONS
        where = TopicPartition(run.lab.prefix + topic, partition)
        for _, batch in batches(nobodys):
            await put(run.lab.producer, where, batch)


async def _long_orders(run: FaultRun) -> None:
    """A request in each partition on an order that is too long to be quoted."""
    rows: list[Row] = []
    for number in range(50):
        name = f"long-{number}"
        fields = {"order_id": name, "buyer_id": name, "order_version": 1}
        rows.append(row("orders", name, name, lines=[{}] * _LINES, **fields))
        asked = {"refund_id": name, "order_id": name, "buyer_id": name}
        rows.append(row("requests", name, name, action="open", **asked))
    await run.lab.put(*rows)


async def _all_buried(run: FaultRun) -> bool:
    """Whether every record that a hostile sender left in a fact topic has a letter."""
    letters = {_origin(rec) for rec in await run.lab.records("dead-letters")}
    due = {
        (run.lab.prefix + rec.topic, str(rec.partition), str(rec.offset))
        for rec in await run.lab.records(*FACTS)
        if rec.value == _FACT or rec.header("refund_unread")
    }
    return bool(due) and due <= letters


def _origin(letter: Rec) -> tuple[str | None, ...]:
    names = ("topic", "partition", "offset")
    return tuple(letter.header(f"refund_dlq_{name}") for name in names)
