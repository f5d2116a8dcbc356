"""Connecting a client so that it can be closed again, whenever the start is cancelled.

aiokafka keeps the first connection of a client in a local variable until the broker has
told about the cluster. A start that is cancelled there leaves the connection open, and
whoever stops the client does not know of it; cancelled a little later, stopping the
client raises ``CancelledError`` itself.
"""

import asyncio
from typing import Final, Protocol

_GRACE_S: Final = 1.0
"""A broker that is there answers in milliseconds; one that is not must not keep a worker
from ending."""


class Client(Protocol):
    """A consumer, a producer or an admin client of aiokafka, not started yet."""

    async def start(self) -> None:
        """Connect it."""


async def connect(client: Client) -> None:
    """Start a client; a cancellation takes effect once it is connected, or after a second.

    Raises
    ------
    KafkaConnectionError
        No broker answers.
    """
    starting = asyncio.ensure_future(client.start())
    try:
        await asyncio.shield(starting)
    except asyncio.CancelledError:
        await asyncio.wait({starting}, timeout=_GRACE_S)
        raise
    finally:
        if not starting.done():
            starting.cancel()
        elif not starting.cancelled():
            starting.exception()  # whoever cancelled us does not ask for it
