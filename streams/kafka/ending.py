"""Close clients: none delays the others, and no broker that is down delays them.

aiokafka closes a consumer step by step and skips the rest after a step that fails. A
fetch in its back-off, because its broker is down, raises the very ``CancelledError``
that ends it: connections stay open, and the caller takes the cancellation for its own.
For a coordinator that is down it waits as long as requests may take.
"""

import asyncio
import logging
from collections.abc import Iterable
from typing import Any, Final, Protocol

from streams.kafka.aiokafka_internals import client_parts

log = logging.getLogger(__name__)

_TRIES: Final = 5
"""How often a fetch is cancelled: aiokafka may take one cancellation for that of a
request."""
_TRY_S: Final = 0.1
GRACE_MS: Final = 500
"""Time for cancelled tasks to end, ms."""
SHORT_MS: Final = 1_000
"""Time that a command gives its clients for a clean end, ms."""


class Client(Protocol):
    """A consumer or a producer of aiokafka, started or not."""

    async def stop(self) -> None:
        """Disconnect it."""


async def disconnect(clients: Iterable[Client], patience_ms: int) -> None:
    """Stop clients concurrently, and close the connections of each in any case.

    A client that fails or takes too long does not delay the others, and is logged. A
    cancellation inside a client stays there; one of the caller closes all connections
    at once.

    Parameters
    ----------
    patience_ms
        Time for a clean end: send batches, leave the group. ``GRACE_MS`` may be added.
    """
    stopping = {_begin(client): client for client in clients}
    if not stopping:
        return
    sockets = [
        socket
        for client in stopping.values()
        for socket in client_parts.sockets(client)
    ]
    left: set[asyncio.Future[Any]] = set()
    try:
        await asyncio.wait(stopping, timeout=patience_ms / 1000)
    finally:
        for task, client in stopping.items():
            if not _clean(task):
                _tell(task, client)
                left |= {task, *client_parts.tasks(client)}
                sockets += client_parts.sockets(client)
        for task in left:
            task.cancel()
        for socket in sockets:
            socket.abort()  # no effect if it is closed
    await _end(left)
    for client in stopping.values():
        for socket in client_parts.sockets(client):
            socket.abort()  # connected while the client ended


async def _end(cancelled: "set[asyncio.Future[Any]]") -> None:
    """Wait for cancelled tasks; cancel again those that wait for others first.

    The sender of a producer takes a cancellation as the wish to see its requests answered,
    which may be never. The next one reaches the request that it waits for.
    """
    left = set(cancelled)
    for _ in range(_TRIES if left else 0):
        _, left = await asyncio.wait(left, timeout=GRACE_MS / 1000 / _TRIES)
        if not left:
            break
        for task in left:
            task.cancel()
    for task in cancelled:
        _clean(task)  # retrieves its error, so that asyncio does not warn


def _begin(client: Client) -> "asyncio.Future[Any]":
    return asyncio.ensure_future(_stop(client))


async def _stop(client: Client) -> None:
    """Stop a client; for a consumer, end its fetches first."""
    fetching = client_parts.fetching(client)
    for _ in range(_TRIES if fetching else 0):
        for task in fetching:
            task.cancel()
        _, fetching = await asyncio.wait(fetching, timeout=_TRY_S)
        if not fetching:
            client_parts.forget_fetches(client)
            break
    await client.stop()


def _clean(task: "asyncio.Future[Any]") -> bool:
    return task.done() and not task.cancelled() and task.exception() is None


def _tell(task: "asyncio.Future[Any]", client: Client) -> None:
    if not task.done():
        why = "it takes too long"
    elif task.cancelled():
        why = "it was cancelled inside"
    else:
        problem = task.exception()
        why = f"{type(problem).__name__}: {problem}"
    log.warning("%s was not closed cleanly: %s", type(client).__name__, why)
