"""Start a client so that a cancelled start leaves no connection open.

aiokafka keeps the first connection of a client in a local variable until the broker has
described the cluster. A start that is cancelled there leaves the connection open, and
stopping the client does not close it; after a start cancelled a little later, stopping
the client raises ``CancelledError`` itself.
"""

import asyncio
from typing import Final, Protocol

_GRACE_S: Final = 1.0
"""A running broker answers in milliseconds; one that is down must not keep a worker
from ending."""


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
            starting.exception()  # the caller that cancelled us does not need it
