"""Faults 19, 20 and 21: what stands in topics."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

import orjson
from aiokafka import AIOKafkaProducer
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType

from faults.lab import Lab
from faults.lab_logs import now_ms
from faults.run import FaultRun
from faults.waiting import eventually
from testkit.rows import PARTITIONS, Row
from testkit.world import turned

_POISONED: Final = 1_000
_SILENT_S: Final = 75.0
_STALE_S: Final = 65.0
"""Facts that are older than a minute are stale; some seconds for what is on its way."""
_SOME_ORDERS: Final = 300
_OVERTAKEN: Final = 500
"""Some seconds' worth of overtaken snapshots; most orders are written once."""
_FAR_VERSION: Final = 1_000_000
_MEGABYTE: Final = b"z" * 1_000_000
_WRITERS: Final = 16
_TRANSACTIONS_A_SECOND: Final = 200
_TRANSACTIONAL_S: Final = 15.0


async def poison(run: FaultRun) -> None:
    """19: a thousand records that are malformed, null, huge, unknown, new, or misrouted."""
    rows = [_poison(run) for _ in range(_POISONED)]
    for begin in range(0, len(rows), 50):
        await run.lab.put(*rows[begin : begin + 50])
        await run.pass_s(0.1)
    run.note(f"{len(rows)} poisoned records written")


def _poison(run: FaultRun) -> Row:
    kind = run.rng.randrange(6)
    partition = run.rng.randrange(PARTITIONS)
    good = run.rng.choice(run.load.rows)
    if kind == 0:
        return Row("requests", partition, None, None)
    if kind == 1 and run.rng.random() < 0.05:
        return Row("requests", partition, b"large", _MEGABYTE)
    if kind == 2:  # misrouted
        moved = _changed(good, refund_id=_name(run))
        elsewhere = (good.partition + 1) % PARTITIONS
        return Row("requests", elsewhere, moved.key, moved.value)
    if kind == 3:  # of a schema to come
        return _changed(good, schema_version=99, extra={"a": [1]}, refund_id=_name(run))
    if kind == 4:  # every type is wrong
        wrong = {"action": 7, "refund_fen": "1", "requested_at_ms": 1.5, "lines": "all"}
        return _changed(good, refund_id=_name(run), **wrong)
    return run.load.world.bad()


def _name(run: FaultRun) -> str:
    return f"poison-{run.rng.randrange(1_000_000_000)}"


def _changed(row: Row, **changes: object) -> Row:
    try:
        fields = orjson.loads(row.value or b"{}")
    except orjson.JSONDecodeError:
        fields = {}
    if not isinstance(fields, dict):
        fields = {}
    return Row(row.topic, row.partition, row.key, orjson.dumps(fields | changes))


async def facts(run: FaultRun) -> None:
    """20: fact topics that are silent, lagging, tombstoned, compacted, or out of order."""
    actions: tuple[Callable[[FaultRun], Awaitable[None]], ...] = (
        _silent,
        _lagging,
        _tombstoned,
        _compacted,
        _out_of_order,
    )
    action = actions[run.seed % len(actions)]
    run.note(action.__name__.strip("_").replace("_", " "))
    await action(run)


async def _silent(run: FaultRun) -> None:
    run.lab.feeding.clear()
    run.load.changing.clear()
    await run.pass_s(_STALE_S)
    await _no_approvals(run, _SILENT_S - _STALE_S)
    run.load.changing.set()
    run.lab.feeding.set()
    await _approvals_again(run)


async def _lagging(run: FaultRun) -> None:
    """The feed falls further and further behind, up to 90 s."""
    run.lab.feeding.clear()
    loop = asyncio.get_running_loop()
    began, last_ms = loop.time(), 0
    while loop.time() - began < _STALE_S / 0.9:
        behind_ms = int((loop.time() - began) * 900)
        last_ms = max(last_ms, now_ms() - behind_ms)
        await run.lab.mark(at_ms=last_ms)
        await run.pass_s(0.5)
    await _no_approvals(run, _SILENT_S - _STALE_S)
    run.lab.feeding.set()
    await _approvals_again(run)


async def _tombstoned(run: FaultRun) -> None:
    some = _some_orders(run)
    run.load.changing.clear()
    await run.lab.put(*(Row(one.topic, one.partition, one.key, None) for one in some))
    run.note(f"{len(some)} orders taken away")
    await run.pass_s(8)
    await run.lab.put(*turned(some, _FAR_VERSION + 1))
    run.load.changing.set()


async def _compacted(run: FaultRun) -> None:
    topic = run.lab.prefix + "orders"
    quick = {
        "segment.ms": "1000",
        "min.cleanable.dirty.ratio": "0.001",
        "max.compaction.lag.ms": "1000",
        "cleanup.policy": "compact",
        "delete.retention.ms": "100",
    }
    await run.lab.admin.alter_configs([_resource(topic, quick)])

    async def smaller() -> bool:
        written = await run.lab.count("orders")
        return written - len(await run.lab.records("orders")) >= _OVERTAKEN

    await eventually(smaller, 60)
    run.note(f"orders are compacted: {_OVERTAKEN} records or more are gone")
    for worker in run.supervisor.workers:
        run.supervisor.kill(worker)
    await run.supervisor.ready()
    run.note("workers have loaded what is left")


async def _out_of_order(run: FaultRun) -> None:
    """The newer snapshot first, then the older one: the newer one holds."""
    some = _some_orders(run)
    run.load.changing.clear()
    newer, older = _FAR_VERSION + 2, _FAR_VERSION + 1
    await run.lab.put(*turned(some, newer))
    await run.lab.put(*turned(some, older))
    run.note(f"{len(some)} orders shipped, then in an older version that says paid")
    await run.pass_s(8)
    run.load.changing.set()


def _some_orders(run: FaultRun) -> list[Row]:
    orders = [row for row in run.load.world.facts[0] if row.topic == "orders"]
    return run.rng.sample(orders, min(_SOME_ORDERS, len(orders)))


async def _no_approvals(run: FaultRun, seconds: float) -> None:
    before = _approvals(run)
    await run.pass_s(seconds)
    more = _approvals(run) - before
    run.expect(not more, f"{more} approvals on stale facts")


async def _approvals_again(run: FaultRun) -> None:
    before = _approvals(run)

    async def more() -> bool:
        return _approvals(run) > before

    await eventually(more)
    run.note("approvals again")


def _approvals(run: FaultRun) -> int:
    return len(run.watch.approved)


def _resource(topic: str, values: dict[str, str]) -> ConfigResource:
    return ConfigResource(ConfigResourceType.TOPIC, topic, configs=values)


async def transactions(run: FaultRun) -> None:
    """21: a third of 200 transactions a second is aborted."""
    rows = iter([_changed(row, refund_id=_name(run)) for row in run.load.rows[:9_000]])
    loop = asyncio.get_running_loop()
    until = loop.time() + _TRANSACTIONAL_S
    counts = {"committed": 0, "aborted": 0}

    async def write(number: int) -> None:
        async with _transactional(run.lab, number) as producer:
            while loop.time() < until:
                due = loop.time() + _WRITERS / _TRANSACTIONS_A_SECOND
                aborts = run.rng.random() < 1 / 3
                await producer.begin_transaction()
                for row in (next(rows), next(rows)):
                    await producer.send(
                        run.lab.input_topic, row.value, b"tx", row.partition
                    )
                if aborts:
                    await producer.flush()
                    await producer.abort_transaction()
                else:
                    await producer.commit_transaction()
                counts["aborted" if aborts else "committed"] += 1
                await asyncio.sleep(max(0.0, due - loop.time()))

    await asyncio.gather(*(write(number) for number in range(_WRITERS)))
    run.note(f"transactions: {counts}")
    run.expect(counts["aborted"] > 0, "nothing was aborted")


def _transactional(lab: Lab, number: int) -> AIOKafkaProducer:
    return AIOKafkaProducer(
        bootstrap_servers=lab.settings.kafka.bootstrap_servers,
        transactional_id=f"{lab.prefix}tx-{number}",
    )
