"""Wait for partitions to change, in virtual time."""

import asyncio
from collections.abc import Callable, Iterable

from testkit.simulated.logs.partitions import Partition


async def until(
    partitions: Iterable[Partition], done: Callable[[], bool], timeout_ms: int
) -> bool:
    """Wait until something holds; it is looked at whenever one of the partitions changes.

    Returns
    -------
    bool
        False after the time is up.
    """
    partitions = list(partitions)
    loop = asyncio.get_running_loop()
    finished: asyncio.Future[bool] = loop.create_future()

    def look() -> None:
        if not finished.done() and done():
            finished.set_result(True)

    def give_up() -> None:
        if not finished.done():
            finished.set_result(False)

    timer = loop.call_later(timeout_ms / 1000, give_up)
    for partition in partitions:
        partition.watch(look)
    try:
        return await finished
    finally:
        timer.cancel()
        for partition in partitions:
            partition.unwatch(look)
