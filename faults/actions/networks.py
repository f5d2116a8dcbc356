"""Fault 18: a network between workers and broker that is slow, narrow, or cut."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Final

from faults.lab_logs import now_ms
from faults.network import Network
from faults.run import FaultRun

_CUT_S: Final = 60.0
_SLOW_S: Final = 15.0
_DELAY_S: Final = 0.1
_NARROW_BITS: Final = 3_000_000


@asynccontextmanager
async def proxied(run: FaultRun, **settings: str) -> AsyncIterator[tuple[Network, ...]]:
    """Restart the workers behind proxies, one a broker; and before them afterwards.

    ``settings`` are the workers' only inside the block.
    """
    async with AsyncExitStack() as stack:
        networks, doors = [], []
        for node in run.cluster.nodes:
            inner, outer = run.cluster.proxied(node)
            networks.append(Network(inner))
            doors.append(f"127.0.0.1:{outer}")
            await stack.enter_async_context(networks[-1].listening(outer))
        await restarted(
            run, REFUND_KAFKA__BOOTSTRAP_SERVERS=",".join(doors), **settings
        )
        run.note("workers go through proxies")
        yield tuple(networks)
        await restarted(
            run,
            REFUND_KAFKA__BOOTSTRAP_SERVERS=run.cluster.bootstrap_servers,
            **dict.fromkeys(settings),
        )


async def restarted(run: FaultRun, **changes: str | None) -> None:
    """Restart all workers in turn, with other settings."""
    for worker in run.supervisor.workers:
        await run.supervisor.stop(worker)
        run.supervisor.start(worker, **changes)
    await run.supervisor.ready()


async def bad_network(run: FaultRun) -> None:
    """18: 100 ms more, then 3 Mbit/s, then cut for a minute; workers only."""
    async with proxied(run) as (network,):
        network.delay_s = _DELAY_S
        run.note("100 ms more")
        await run.pass_s(_SLOW_S)
        await run.answers(100)
        network.delay_s, network.bits_per_s = 0.0, _NARROW_BITS
        run.note("3 Mbit/s")
        await run.pass_s(_SLOW_S)
        await run.answers(100)
        network.bits_per_s = None
        cut_ms = now_ms()
        network.cut()
        run.note("cut")
        await run.pass_s(_CUT_S)
        network.mend()
        run.cut_off.append((cut_ms, now_ms()))
        run.note("mended")
        await run.supervisor.ready(90)
        await run.no_lag()
        run.note("no lag")
