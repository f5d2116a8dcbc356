"""Access the tasks and connections inside a client, to end it by force."""

import asyncio
from collections.abc import Iterable, Iterator
from typing import Any, Final

from aiokafka.conn import AIOKafkaConnection

_TASKS: Final = {
    "_fetcher": ("_fetch_task",),
    "_coordinator": (
        "_coordination_task",
        "_heartbeat_task",
        "_commit_refresh_task",
        "_reset_committed_task",
    ),
    "_sender": ("_sender_task",),
}
"""Part of a consumer or producer -> attributes that hold its tasks."""


def fetching(client: object) -> "set[asyncio.Future[Any]]":
    """Return a copy of a consumer's fetch tasks, with the task that sends them."""
    fetcher: Any = getattr(client, "_fetcher", None)
    return set() if fetcher is None else {fetcher._fetch_task, *fetcher._pending_tasks}


def forget_fetches(client: object) -> None:
    """Remove ended fetches, so that the consumer does not wait for them."""
    client._fetcher._pending_tasks.clear()  # type: ignore[attr-defined]  # a consumer


def tasks(client: object) -> "Iterator[asyncio.Future[Any]]":
    """Yield the tasks that a client may still have."""
    for part, names in _TASKS.items():
        owner = getattr(client, part, None)
        found = (getattr(owner, name, None) for name in names)
        yield from (task for task in found if task is not None)
    syncing = getattr(_connecting(client), "_sync_task", None)
    if syncing is not None:
        yield syncing
    yield from getattr(getattr(client, "_fetcher", None), "_pending_tasks", ())


def sockets(client: object) -> list[asyncio.Transport]:
    """Return the open connections of a client."""
    return _transports(getattr(_connecting(client), "_conns", {}).values())


def sockets_of_start(starting: "asyncio.Task[None]") -> list[asyncio.Transport]:
    """Return the open connections that only the running start of a client knows.

    It keeps the first one in a local variable until a broker has described the cluster.
    """
    found: list[object] = []
    waiting: Any = starting.get_coro()
    while waiting is not None:
        frame = getattr(waiting, "cr_frame", None)
        values = () if frame is None else frame.f_locals.values()
        found += [one for one in values if isinstance(one, AIOKafkaConnection)]
        waiting = getattr(waiting, "cr_await", None)
    return _transports(found)


def _transports(connections: Iterable[object]) -> list[asyncio.Transport]:
    writers = (getattr(connection, "_writer", None) for connection in connections)
    return [writer.transport for writer in writers if writer is not None]


def _connecting(client: object) -> object:
    """Return the part that holds the connections; it is private in a consumer."""
    return getattr(client, "_client", None) or getattr(client, "client", None)
