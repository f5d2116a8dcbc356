"""What the tests of commands on a real broker share: topics of their own, a call."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

from faults.lab import Lab, laboratory
from faults.lab_logs import now_ms
from streams.cli import execute
from testkit.world import WAVES, MixedWorld


async def run(
    lab: Lab, *arguments: str, environ: Mapping[str, str] | None = None
) -> int:
    """Run ``refund`` against the topics of a lab; in a thread, it has its own loop."""
    return await asyncio.to_thread(execute, [*arguments, *sets(lab)], environ or {})


def sets(lab: Lab) -> list[str]:
    """Return the options that name the topics of a lab."""
    values = {
        "kafka.bootstrap_servers": lab.settings.kafka.bootstrap_servers,
        "topics.prefix": lab.prefix,
        "topics.partitions": str(lab.settings.topics.partitions),
        "topics.events": lab.settings.topics.events,
    }
    return [part for one in values.items() for part in ("--set", "=".join(one))]


async def live(lab: Lab, requests: int, waves: int = WAVES) -> MixedWorld:
    """Let a worker decide a mixed world, facts fresh all the while.

    Later waves change facts and ask at once, so which comes first is a race; with one
    wave every fact is there before its request.
    """
    world = MixedWorld(3, requests, now_ms())
    await lab.put(*world.facts[0])  # a worker is ready once they are applied
    async with lab.fresh():
        await lab.started()
        for wave in range(waves):
            await lab.put(*(world.facts[wave] if wave else ()))
            asked = world.requests[wave]
            for first in range(0, len(asked), 50):
                await lab.put(*asked[first : first + 50])
            await lab.caught_up()
    return world


__all__ = ["laboratory", "live", "other", "run", "sets"]


@asynccontextmanager
async def other(lab: Lab, name: str, **settings: str) -> AsyncIterator[Lab]:
    """Other topics on the same broker, to send a capture into."""
    brokers = lab.settings.kafka.bootstrap_servers
    async with laboratory(
        brokers, f"{lab.prefix}{name}.", lab.folder, **settings
    ) as new:
        yield new
