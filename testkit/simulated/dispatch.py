"""All handlers together, and what versions of requests the brokers offer."""

from collections.abc import Mapping
from functools import cache
from types import ModuleType
from typing import Any, Final

from testkit.simulated.cluster import Cluster
from testkit.simulated.handling import Call, Handler
from testkit.simulated.requests import (
    configs,
    coordinators,
    fetch,
    groups,
    list_offsets,
    metadata,
    offsets,
    produce,
    records,
    topics,
    transactions,
)

_API_VERSIONS: Final = 18
_MODULES: Final[tuple[ModuleType, ...]] = (
    produce,
    fetch,
    list_offsets,
    metadata,
    offsets,
    coordinators,
    groups,
    transactions,
    topics,
    configs,
    records,
)


@cache
def handlers() -> Mapping[int, Handler]:
    """Return the handler of every request, by its API key."""
    found: dict[int, Handler] = {_API_VERSIONS: api_versions}
    for module in _MODULES:
        found |= module.HANDLERS
    return found


@cache
def versions() -> tuple[tuple[int, int, int], ...]:
    """Return API key, lowest and highest version of every request, by key."""
    found: dict[int, tuple[int, int]] = {_API_VERSIONS: (0, 2)}
    for module in _MODULES:
        found |= module.VERSIONS
    return tuple((key, *found[key]) for key in sorted(found))


async def api_versions(cluster: Cluster, call: Call, request: Any) -> Any:  # noqa: ARG001
    """Answer ApiVersions."""
    rows = list(versions())
    if call.api_version == 0:
        return request.RESPONSE_TYPE(0, rows)
    return request.RESPONSE_TYPE(0, rows, 0)
