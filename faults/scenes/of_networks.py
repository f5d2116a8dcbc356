"""Fault 18: a network between workers and broker that is slow, narrow, or cut."""

from typing import Final

from faults.network import Network
from faults.run import Run

_CUT_S: Final = 60.0
_SLOW_S: Final = 15.0
_DELAY_S: Final = 0.1
_NARROW_BITS: Final = 3_000_000


async def bad_network(run: Run) -> None:
    """18: 100 ms more, then 3 Mbit/s, then cut for a minute; workers only."""
    inner, outer = run.cluster.proxied(1)
    network = Network(inner)
    async with network.listening(outer):
        for worker in run.crew.workers:
            await run.crew.stop(worker)
            run.crew.start(worker, REFUND_KAFKA__BOOTSTRAP_SERVERS=f"127.0.0.1:{outer}")
        await run.crew.ready()
        run.note("workers go through a proxy")
        network.delay_s = _DELAY_S
        run.note("100 ms more")
        await run.pass_s(_SLOW_S)
        await run.answers(100)
        network.delay_s, network.bits_per_s = 0.0, _NARROW_BITS
        run.note("3 Mbit/s")
        await run.pass_s(_SLOW_S)
        await run.answers(100)
        network.bits_per_s = None
        network.cut()
        run.note("cut")
        await run.pass_s(_CUT_S)
        network.mend()
        run.note("mended")
        await run.crew.ready(90)
        await run.no_lag()
        run.note("no lag")
        for worker in run.crew.workers:
            await run.crew.stop(worker)
            run.crew.start(
                worker,
                REFUND_KAFKA__BOOTSTRAP_SERVERS=run.cluster.bootstrap_servers,
            )
        await run.crew.ready()
