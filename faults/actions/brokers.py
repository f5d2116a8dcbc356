"""Faults 10 to 16 and 25: brokers that are killed, frozen, restarted, or not there yet."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from typing import Final

from aiokafka.errors import KafkaError

from faults.actions.workers import kill, rebalances, zombie
from faults.run import FaultRun
from faults.waiting import eventually
from testkit.procfs import resident_mib

_TWO_DOWN_S: Final = 40
_MORE_MIB: Final = 150
"""What a worker may take more while it cannot write: full queues, read ahead."""


async def broker_down(run: FaultRun) -> None:
    """10: the broker is killed, stays down for 70 s, and comes back."""
    await asyncio.to_thread(run.cluster.kill, 1)
    run.note("broker killed")
    await run.pass_s(70)
    await _back(run, 1)
    await run.supervisor.ready(90)
    run.note("workers ready")


async def early_worker(run: FaultRun) -> None:
    """11: workers are started 60 s before the broker."""
    await asyncio.to_thread(run.cluster.kill, 1)
    for _ in range(2):
        run.supervisor.start_new()
    run.note("workers started, no broker")
    await run.pass_s(60)
    await _back(run, 1)
    await run.supervisor.ready(90)
    run.note("workers ready")


async def rolling_brokers(run: FaultRun) -> None:
    """12: the three brokers are restarted in turn, in order."""
    before = await run.supervisor.owned()
    counts = await rebalances(run)
    for node in run.cluster.nodes:
        await asyncio.to_thread(run.cluster.stop_node, node)
        run.note(f"broker {node} stopped")
        await _back(run, node)
        await in_sync(run)
    run.expect(await rebalances(run) == counts, "the group was rebalanced")
    run.expect(await run.supervisor.owned() == before, "partitions have moved")


async def kill_leader(run: FaultRun) -> None:
    """13: the leader of an input partition is killed, then the one that follows it."""
    partition = run.rng.randrange(4)
    for _ in range(2):
        leader = await _leader(run, partition)
        await asyncio.to_thread(run.cluster.kill, leader)
        run.note(f"broker {leader}, leader of partition {partition}, killed")
        await run.answers(500)
        run.note("deciding")
        await _back(run, leader)
        await in_sync(run)


async def kill_coordinator(run: FaultRun) -> None:
    """14: the group's coordinator is killed; the group works on within 30 s."""
    node = await run.lab.admin.find_coordinator(run.lab.settings.kafka.group_id)
    before = await run.lab.committed()
    await asyncio.to_thread(run.cluster.kill, node)
    run.note(f"broker {node}, the coordinator, killed")

    async def group_works() -> bool:
        with contextlib.suppress(KafkaError, TimeoutError):
            now = await run.lab.committed()
            return all(now.get(number, 0) > stood for number, stood in before.items())
        return False

    # Reading needs no coordinator: only commits tell that the group has one again.
    await eventually(group_works, 30)
    run.note("another coordinator takes commits of every partition")
    await run.answers(500, 30)
    run.note("deciding")
    await _back(run, node)
    await in_sync(run)


async def freeze_broker(run: FaultRun) -> None:
    """15: one of three brokers stands still for 20 s."""
    node = run.rng.choice(run.cluster.nodes)
    await asyncio.to_thread(run.cluster.pause, node)
    run.note(f"broker {node} frozen")
    await run.pass_s(20)
    await asyncio.to_thread(run.cluster.resume, node)
    run.note(f"broker {node} goes on")
    await in_sync(run)
    await run.supervisor.ready(90)


async def two_down(run: FaultRun) -> None:
    """16: two of three brokers are down for 40 s: nothing can be written."""
    usual = max(resident_mib(one.pid) for one in run.supervisor.workers)
    gone = run.rng.sample(run.cluster.nodes, 2)
    for node in gone:
        await asyncio.to_thread(run.cluster.kill, node)
    run.note(f"brokers {gone} killed")
    most = 0.0
    for _ in range(_TWO_DOWN_S):
        await run.pass_s(1)
        living = [one.pid for one in run.supervisor.workers if one.running]
        most = max([most, *map(resident_mib, living)])
    run.note(f"a worker takes {usual:.0f} MiB, and at most {most:.0f} meanwhile")
    run.expect(most < usual + _MORE_MIB, f"a worker took {most - usual:.0f} MiB more")
    await asyncio.gather(*(_back(run, node) for node in gone))
    await in_sync(run)
    await run.supervisor.ready(90)


_QUIET_S: Final = (10.0, 30.0)


async def mixture(run: FaultRun) -> None:
    """25: workers and brokers killed and frozen, with quiet between."""
    actions: tuple[Callable[[FaultRun], Awaitable[None]], ...] = (
        kill,
        zombie,
        kill_leader,
        kill_coordinator,
        freeze_broker,
    )
    loop = asyncio.get_running_loop()
    until = loop.time() + run.fault.length_s
    while loop.time() < until:
        action = run.rng.choice(actions)
        run.note(f"-- {action.__name__}")
        await action(run)
        await run.supervisor.ready(90)
        await run.pass_s(run.rng.uniform(*_QUIET_S))


async def _back(run: FaultRun, node: int) -> None:
    await asyncio.to_thread(run.cluster.start_node, node)
    run.note(f"broker {node} back")


async def in_sync(run: FaultRun) -> None:
    """Wait until every partition of ours has all its replicas in sync again."""

    async def whole() -> bool:
        with contextlib.suppress(KafkaError, TimeoutError):
            names = [
                run.lab.prefix + name for name in ("requests", "approvals", "reviews")
            ]
            found = await run.lab.admin.describe_topics([*names, "__consumer_offsets"])
            return all(
                len(part["isr"]) == len(part["replicas"])
                for topic in found
                for part in topic["partitions"]
            )
        return False

    await eventually(whole, 90)


async def _leader(run: FaultRun, partition: int) -> int:
    (found,) = await run.lab.admin.describe_topics([run.lab.input_topic])
    (leader,) = [
        part["leader"] for part in found["partitions"] if part["partition"] == partition
    ]
    return int(leader)
