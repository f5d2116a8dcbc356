"""How a request reaches its handler."""

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, TypeAlias

import msgspec

if TYPE_CHECKING:
    from testkit.simulated.cluster import Cluster


class HangUpError(Exception):
    """The broker closes the connection instead of answering."""


class Call(msgspec.Struct, frozen=True, kw_only=True):
    """A request on its way: who asks whom, and for what."""

    node_id: int
    """The node that is asked."""
    client_id: str
    client_host: str
    api_key: int
    api_version: int


Handler: TypeAlias = Callable[["Cluster", Call, Any], Awaitable[Any]]
"""Takes a request struct of aiokafka; returns a response struct, or None = no answer."""
