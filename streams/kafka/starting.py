"""Start a client so that a cancelled start leaves no connection open.

aiokafka keeps the first connection of a client in a local variable until the broker has
described the cluster. A start that is cancelled there leaves the connection open, and
stopping the client does not close it; after a start cancelled a little later, stopping
the client raises ``CancelledError`` itself.
"""

import asyncio
from typing import Final, Protocol

from streams.kafka.aiokafka_internals import client_parts

_GRACE_S: Final = 1.0
"""A running broker answers in milliseconds; one that is down must not keep a worker
from ending."""
_CANCELLED_S: Final = 0.1
"""Time for the cancelled start to end."""


class Client(Protocol):
    """A consumer, a producer or an admin client of aiokafka, not started yet."""

    async def start(self) -> None:
        """Connect the client."""


async def connect(client: Client) -> None:
    """Start a client; a cancellation takes effect once it is connected, or after a second.

    Raises
    ------
    KafkaConnectionError
        No broker answers.
    """
    starting = asyncio.create_task(_start(client))
    try:
        await asyncio.shield(starting)
    except asyncio.CancelledError:
        await asyncio.wait({starting}, timeout=_GRACE_S)
        raise
    finally:
        if not starting.done():
            await _give_up(starting)
        elif not starting.cancelled():
            starting.exception()  # the caller that cancelled us does not need it


async def _start(client: Client) -> None:
    await client.start()


async def _give_up(starting: "asyncio.Task[None]") -> None:
    """Cancel a start, and close the connection that nobody else knows."""
    sockets = client_parts.sockets_of_start(starting)
    starting.cancel()
    for socket in sockets:
        socket.abort()
    await asyncio.wait({starting}, timeout=_CANCELLED_S)
    if starting.done() and not starting.cancelled():
        starting.exception()  # retrieved, so that asyncio does not warn
